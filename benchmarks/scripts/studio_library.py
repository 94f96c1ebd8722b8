"""A library of so many pictures, made up: its first page, searches in it, and the index learning of one picture more.

The last work is what of an image job the index adds: the digest of its pixels, and the rows beside those of its item.
"""

import hashlib
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from PIL import Image
from rounds import serve

from studio.gate.identity import Identity
from studio.library import LibraryIndex
from studio.library.facts import FileFacts, item_id
from studio.library.query import Query
from studio.library.rows import add
from studio.pixels import digest
from studio.settings import Settings
from studio.storage.database import Database

COMMON = ("house", "red", "night", "portrait", "forest", "cat", "lake", "city", "dog", "boat")
WORDS, LORAS, MODELS = 3000, 300, 7
BATCH = 1000
SOMEBODY = Identity.earlier("somebody", here=True)


def facts(number: int, made: random.Random, began: float) -> FileFacts:
    """A picture with a prompt of twenty words, some of them frequent, as prompts are."""
    words = [made.choice(COMMON) for _ in range(4)]
    words += [f"word{int(made.paretovariate(0.6)) % WORDS}" for _ in range(16)]
    return FileFacts(
        path=f"{2020 + number % 7}-{number % 12 + 1:02}-{number % 28 + 1:02}/{number:06}.png",
        id=item_id("made up", number),
        mark="",
        digest=hashlib.sha256(str(number).encode()).hexdigest(),
        width=512,
        height=512,
        bytes=300_000,
        modified=number,
        created=began + 600 * number,
        task="text2img",
        kind="images",
        job=f"job{number // 4}",
        item=number % 4,
        prompt=" ".join(words),
        negative_prompt="blurry, low quality",
        seed=number,
        steps=20 + number % 20,
        guidance=5.0,
        scheduler="Euler",
        seconds=1.0,
        base=f"{number}",
        names=frozenset(
            {("model", f"model-{number % MODELS}"), ("lora", f"lora-{int(made.paretovariate(1)) % LORAS}")}
        ),
    )


def fill(index: LibraryIndex, database: Database, folder: Path, count: int) -> FileFacts:
    """Have the index know so many pictures; returns the last."""
    made, began, last = random.Random(1), time.time() - 600 * count, None
    for start in range(0, count, BATCH):
        with database.write() as rows:
            for number in range(start, min(start + BATCH, count)):
                last = facts(number, made, began)
                add(rows, folder, index.owners, last, SOMEBODY.owner)
    assert last
    return last


home, many, *searches = sys.argv[1:]
settings = Settings.load(home=home)
database, index = Database.of(settings.home), LibraryIndex.of(settings)
last = fill(index, database, settings.home / "images", int(many))
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
    more = replace(last, id=item_id("more", number), path=f"more/{number}.png", job="more", item=number)
    index.record(settings.home / "images" / "x.png", more, SOMEBODY, lambda: None)


serve(*(lambda search=search: find(search) for search in searches), bare, learn, warm=[0])
