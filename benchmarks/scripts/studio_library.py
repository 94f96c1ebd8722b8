"""A library of so many pictures, made up: its first page, searches in it, and the index learning of one picture more.

The last works are what of an image job the index adds: the digest and look of its pixels, and the rows beside those of
its item; and what stands beside the pictures on the page, after a change.
"""

import sys
from dataclasses import replace

from made_up import fill
from PIL import Image
from rounds import serve

from studio.gate.identity import Identity
from studio.library import LibraryIndex
from studio.library.facts import item_id
from studio.library.looks import look_of
from studio.library.query import Query
from studio.pixels import digest
from studio.settings import Settings
from studio.storage.database import Database

SOMEBODY = Identity.earlier("somebody", here=True)

home, many, *searches = sys.argv[1:]
settings = Settings.load(home=home)
database, index = Database.of(settings.home), LibraryIndex.of(settings)
last = fill(index, database, settings.home / "images", int(many), SOMEBODY.owner)
picture = Image.effect_noise((512, 512), 50).convert("RGB")
serial = iter(range(10**9))


def find(search: str) -> None:
    """As after each change: nothing of an earlier answer counts."""
    with database.write() as rows:
        rows.execute("UPDATE library_state SET value = value + 1")
    index.search(Query.parse(search), SOMEBODY)


def bare() -> None:
    """What a job writes for an item, without the index."""
    with database.write() as rows:
        rows.execute("UPDATE library_state SET value = value + 1")


def learn() -> None:
    """The same with the index, of a picture more."""
    number = next(serial)
    digest(picture)
    look = look_of(picture)
    more = replace(last, look=look, id=item_id("more", number), path=f"more/{number}.png", job="more", item=number)
    index.record(settings.home / "images" / "x.png", more, SOMEBODY, lambda: None)


def beside() -> None:
    """All that is counted: models, LoRAs, tags, kinds, stars and what they take."""
    bare()
    index.facets(SOMEBODY)
    index.usages.of(SOMEBODY)


serve(*(lambda search=search: find(search) for search in searches), bare, learn, beside, warm=[0])
