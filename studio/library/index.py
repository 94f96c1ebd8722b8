"""The index of the library: what there is, found in an instant; every answer is for who asks, and for nobody else.

The files are the truth: the index is made of them, follows them, and keeps beside them what owners say of pictures.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from studio.errors import InvalidRequest, StorageError
from studio.gate.addresses import kept_key
from studio.gate.identity import Identity
from studio.inputs import InputStore
from studio.library import rows as index_rows
from studio.library.context import Context, numbers_of
from studio.library.entry import Entry, Facet, Order, Page
from studio.library.exporting import Exports
from studio.library.facts import FileFacts, of_file
from studio.library.importing import Importer
from studio.library.lineage import Lineage
from studio.library.marks import Marks
from studio.library.owners import Owners
from studio.library.query import Query, Term
from studio.library.scan import Say, Scan, Scanned
from studio.library.search import Search
from studio.library.thumbnails import SIDE, Thumbnails
from studio.library.usage import Usages
from studio.news import News
from studio.settings import Settings
from studio.storage.database import Database

log = logging.getLogger(__name__)

# How often the folders are looked at while somebody searches.
LOOK_SECONDS = 2.0
# How long is believed what was in the bin.
BIN_SECONDS = 1.0
THUMBNAILS = "thumbnails"
# Of a prompt, what is looked for in others.
LIKE_CHARACTERS = 500


class LibraryIndex:
    """All pictures of a data folder. Safe to call from any thread; StorageError where the database cannot be used.

    `marks` is what owners say: stars, ratings, notes, tags, boards and the bin. `lineage` is what pictures came from.
    `importer` brings pictures, `exports` hands them on, `usages` counts what they take. `news` wakes whoever waits
    for a change, `looks` knows how pictures look.
    """

    def __init__(self, settings: Settings, database: Database, inputs: InputStore) -> None:
        folder = settings.home / "images"
        self.owners = Owners(kept_key(settings.home / "addresses.key"), database)
        self.news = News()
        self.thumbnails = Thumbnails(settings.home / THUMBNAILS, inputs)
        self._context = context = Context(folder, self.thumbnails, database, self.owners, inputs, self._tell)
        self._search = Search(context)
        self.looks = self._search.alike
        self._scan = Scan(context)
        self.marks = Marks(context)
        self.lineage = Lineage(context, self._search)
        self.usages = Usages(context, settings.library_mb)
        self.importer = Importer(context, self.usages)
        self.exports = Exports(context, self._search, self.marks)
        self._closing = threading.Event()
        self._wanted = threading.Event()
        self._looked = 0.0
        # When the files in the bin were asked for, and which these are.
        self._binned: tuple[float, frozenset[Path]] = (-BIN_SECONDS, frozenset())
        self._watcher: threading.Thread | None = None
        self._busy: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """That of a data folder, for a command beside the studio."""
        database = Database.of(settings.home)
        return cls(settings, database, InputStore.of(settings, database))

    def search(
        self, query: Query | str, who: Identity, position: int | str = 0, count: int = 60, order: Order = "newest"
    ) -> Page:
        """Some of the pictures that a query finds; InvalidRequest names the word at fault.

        `position` is a number counted from 0, or a page's `next`, which holds its place while pictures come and go.
        """
        self._want_look()
        wanted = Query.parse(query) if isinstance(query, str) else query
        return self._search.page(wanted, who, position, count, order)

    def tints(self, query: Query | str, who: Identity, start: int, count: int, order: Order = "newest") -> list[int]:
        """The mean colours of what a query finds from a place on: what stands there until a picture comes."""
        wanted = Query.parse(query) if isinstance(query, str) else query
        return self._search.tints(wanted, who, start, count, order)

    def ids(self, query: Query | str, who: Identity) -> list[str]:
        """The ids of all pictures that a query finds, newest first."""
        wanted = Query.parse(query) if isinstance(query, str) else query
        with self._context.database.read() as rows:
            found = self._search.numbers(rows, wanted, who)
            return [entry for some in index_rows.batches(found) for entry in index_rows.ids_of(rows, some)]

    def entry(self, picture: str, who: Identity) -> Entry:
        """A picture, in the bin or not; NotFound where who asks has none of this id."""
        with self._context.database.read() as rows:
            return self._search.entries(rows, numbers_of(rows, self.owners, [picture], who))[0]

    def alike(self, picture: str, who: Identity) -> Query:
        """The query for pictures that look like this one; NotFound, Unreadable where it cannot be looked at."""
        entry = self.entry(picture, who)
        self.looks.look(self.thumbnail(picture, who), entry.digest)
        self._wanted.set()  # from now on the network can look at the others in passing
        return Query((Term(picture, "like"),))

    def like(self, picture: str, who: Identity) -> Query:
        """The query for pictures whose prompts mean the same; NotFound, InvalidRequest where it has no prompt."""
        prompt = " ".join(self.entry(picture, who).prompt.split())[:LIKE_CHARACTERS]
        if not prompt:
            raise InvalidRequest("This picture has no prompt to look for others by.", "Choose another one.")
        return Query((Term(prompt, "about"),))

    def entries(self, ids: Sequence[str], who: Identity) -> tuple[Entry, ...]:
        """Pictures in this order; NotFound where one is none of who asks."""
        with self._context.database.read() as rows:
            return self._search.entries(rows, numbers_of(rows, self.owners, ids, who))

    def at(self, path: Path, who: Identity) -> Entry | None:
        """The picture whose file this is; None where who asks has none there."""
        name = path.relative_to(self._context.folder).as_posix() if path.is_relative_to(self._context.folder) else ""
        with self._context.database.read() as rows:
            row = rows.execute("SELECT id, owner FROM pictures WHERE path = ?", (name,)).fetchone()
        visible = self.owners.seen_by(who)
        return self.entry(row["id"], who) if row and (visible is None or row["owner"] in visible) else None

    def of_pixels(self, digest: str, who: Identity) -> Entry | None:
        """The newest picture with these pixels, by their digest; None where who asks has none."""
        with self._context.database.read() as rows:
            found = rows.execute("SELECT id, owner FROM pictures WHERE digest = ? ORDER BY number DESC", (digest,))
            same = found.fetchall()
        visible = self.owners.seen_by(who)
        own = (row["id"] for row in same if visible is None or row["owner"] in visible)
        return next((self.entry(one, who) for one in own), None)

    def shows(self, path: Path) -> bool:
        """Whether a picture's file is there and not in the bin; that of another program is looked at each second."""
        now, known = time.monotonic(), self._binned
        since, binned = known
        if now - since > BIN_SECONDS:
            with self._context.database.read() as rows:
                found = rows.execute("SELECT path FROM pictures WHERE binned IS NOT NULL AND path IS NOT NULL")
                binned = frozenset(self._context.folder / row["path"] for row in found)
            if self._binned is known:  # else something was put there or taken out meanwhile
                self._binned = now, binned
        return path not in binned and path.exists()

    def facets(self, who: Identity) -> dict[str, tuple[Facet, ...]]:
        """The models, LoRAs, kinds of control and tags that there are, with how many pictures have each."""
        return self._search.facets(who)

    def thumbnail(self, picture: str, who: Identity, side: int = SIDE) -> Path:
        """The small copy of a picture, made where there is none yet; NotFound, Unreadable."""
        entry = self.entry(picture, who)
        return self.thumbnails.of(entry.path or Path(entry.name or "The picture"), entry.digest, side)

    def serial(self) -> int:
        """A number that grows with each change of the library, whichever program makes it."""
        with self._context.database.read() as rows:
            return index_rows.changes(rows)

    def record(self, path: Path, facts: FileFacts | None, who: Identity, beside: Callable[[], object]) -> None:
        """Know a file that was just saved, in one transaction with what `beside` writes. StorageError."""
        facts = facts or of_file(self._context.folder, path, self.thumbnails)
        with self._context.database.write() as rows:
            beside()
            index_rows.add(rows, self._context.folder, self.owners, facts, who.owner)
        self._tell()

    def look(self, say: Say | None = None) -> Scanned:
        """Bring the index up to what the folders hold now."""
        return self._scan.look(say)

    def reindex(self, say: Say | None = None) -> Scanned:
        """Make the index anew of the files, each of which is asked; what owners said of pictures stays."""
        with self._context.database.write() as rows:
            rows.execute("DELETE FROM library_faults")
            rows.execute("UPDATE pictures SET modified = 0")
        return self._scan.look(say, thorough=True)

    def watch(self, busy: Callable[[], bool] = lambda: False) -> None:
        """Follow the files from now on, in a thread of its own: at once, and while somebody searches.

        In between it looks at pictures that nobody looked at yet, but not while `busy`.
        """
        if self._watcher is None:
            self._busy = busy
            self._watcher = threading.Thread(target=self._follow, name="library", daemon=True)
            self._wanted.set()
            self._watcher.start()

    def close(self) -> None:
        """End watching, and let nobody wait for news any more."""
        self._closing.set()
        self._scan.stop()
        self._wanted.set()
        self._tell()
        if self._watcher:
            self._watcher.join()

    @property
    def knows_meanings(self) -> bool:
        """Whether `about:` searches by meaning: a package that is no part of the studio has to be installed."""
        return self._search.meanings.available

    @property
    def sees(self) -> bool:
        """Whether pictures are alike by what they show, which a package is needed for; else by colours and layout."""
        return self.looks.by_network

    @property
    def closing(self) -> bool:
        """Whether it was closed."""
        return self._closing.is_set()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """The one itself: Gradio copies all that hangs on its elements."""
        return self

    def _want_look(self) -> None:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._wanted.set()

    def _follow(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._closing.is_set():
                return
            try:
                self._scan.look()
                self._looked = time.monotonic()
                self.looks.fill(self._wanted.is_set, self._busy)
            except StorageError as error:
                log.warning("The library cannot be looked at: %s", error)
            except Exception:  # it is looked at again when somebody searches
                log.exception("The library could not be looked at")
            self._looked = time.monotonic()

    def _tell(self) -> None:
        self._binned = (-BIN_SECONDS, frozenset())
        with self.news:
            self.news.notify_all()
