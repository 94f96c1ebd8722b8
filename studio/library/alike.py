"""Pictures that look like one: their looks, made in the background where there are none yet, and compared."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio import image_features
from studio.errors import StudioError
from studio.library.context import Context
from studio.library.looks import layout, look_of
from studio.library.rows import batches, changed, marks, write_look

BATCH = 50
# How long nothing is looked at while something else has to be made.
BUSY_SECONDS = 2.0
# The largest value of a vector that is kept.
LEVELS = 127
MOST_FOUND = 500
# The tint of what cannot be looked at.
UNSEEN = -1
NEW = "SELECT number, path, digest FROM pictures WHERE tint IS NULL AND path IS NOT NULL ORDER BY number DESC LIMIT ?"
PLAIN = """SELECT MAX(path) AS path, digest FROM picture_looks JOIN pictures USING (digest)
    WHERE features IS NULL AND path IS NOT NULL GROUP BY digest LIMIT ?"""

Vectors = NDArray[np.int8]
log = logging.getLogger(__name__)


class Alike:
    """Knows how each picture looks: by a network where its package is installed, else by colours and layout."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, int] = {}
        self._vectors: Vectors = np.zeros((0, 0), np.int8)

    @property
    def by_network(self) -> bool:
        """Whether pictures are alike by what they show; else by their colours and layout."""
        return image_features.available()

    def fill(self, stopped: Callable[[], bool], busy: Callable[[], bool] = lambda: False) -> None:
        """Make what is missing, newest first, until `stopped`; half of the time for others, all of it while `busy`."""
        while not stopped():
            began = time.monotonic()
            if busy():
                rest = BUSY_SECONDS
            elif self._look() or (image_features.at_hand() and self._features()):
                rest = time.monotonic() - began
            else:
                return
            until = time.monotonic() + rest
            while time.monotonic() < until and not stopped():
                time.sleep(min(rest, 0.05))

    def nearest(self, rows: Connection, to: str, pictures: Sequence[tuple[int, str]]) -> list[int]:
        """Of these pictures, numbers with digests, those most like the one with the digest `to`, the nearest first."""
        self._learn(rows, [to, *(digest for _, digest in pictures)])
        there = [(number, self._known[digest]) for number, digest in pictures if digest in self._known]
        if to not in self._known or not there:
            return []
        wanted, places = _unit(self._vectors[[self._known[to]]])[0], [place for _, place in there]
        scores = np.concatenate([_unit(self._vectors[some]) @ wanted for some in batches(places, 10_000)])
        order = np.argsort(-scores, kind="stable")[:MOST_FOUND]
        return [there[place][0] for place in order]

    def look(self, path: Path, digest: str) -> None:
        """Know at once how a picture looks, by its small copy."""
        with self._context.database.read() as rows:
            known = rows.execute("SELECT features FROM picture_looks WHERE digest = ?", (digest,)).fetchone()
        if known is None:
            self._keep([(digest, _look_of(path))])
        if self.by_network and not (known and known["features"]):
            self._keep_features([(digest, _features_of(path))])

    def _look(self) -> bool:
        """Make the looks of some pictures; whether there were any."""
        with self._context.database.read() as rows:
            some = rows.execute(NEW, (BATCH,)).fetchall()
        self._keep([(row["digest"], self._of(row, _look_of)) for row in some])
        return bool(some)

    def _of(self, row: Row, see: Callable[[Path], bytes]) -> bytes:
        """What is seen in the small copy of a picture, made where there is none; empty where that cannot be."""
        try:
            return see(self._context.thumbnails.of(self._context.folder / row["path"], row["digest"]))
        except (StudioError, OSError):
            return b""
        except (RuntimeError, SyntaxError, ValueError):  # whatever one picture does, the others are looked at
            log.exception("A picture cannot be looked at")
            return b""

    def _keep(self, looks: Sequence[tuple[str, bytes]]) -> None:
        with self._context.database.write() as rows:
            for digest, look in looks:
                write_look(rows, digest, look)
                if not look:
                    rows.execute("UPDATE pictures SET tint = ? WHERE digest = ?", (UNSEEN, digest))
            if looks:
                changed(rows)

    def _features(self) -> bool:
        """Have the network see some pictures; whether there were any."""
        with self._context.database.read() as rows:
            some = rows.execute(PLAIN, (BATCH // 5,)).fetchall()
        # In a thread that ends: one that has computed keeps its OpenMP threads as long as it lives, and those of the
        # thread that makes pictures would wait asleep (see `engine/threads.py`).
        with ThreadPoolExecutor(1) as apart:
            seen = apart.submit(lambda: [(row["digest"], self._of(row, _features_of)) for row in some]).result()
        self._keep_features(seen)
        return bool(some)

    def _keep_features(self, found: Sequence[tuple[str, bytes]]) -> None:
        with self._context.database.write() as rows:
            change = "UPDATE picture_looks SET features = ? WHERE digest = ?"
            rows.executemany(change, [(features, digest) for digest, features in found])
            if found:
                changed(rows)

    def _learn(self, rows: Connection, digests: Sequence[str]) -> None:
        """Keep the vectors of these at hand."""
        new = [digest for digest in dict.fromkeys(digests) if digest not in self._known]
        column = "features" if self.by_network else "look"
        found: list[Row | Any] = []
        for some in batches(new):
            query = f"SELECT digest, {column} FROM picture_looks WHERE length({column}) AND digest IN ({marks(some)})"  # noqa: S608
            found += rows.execute(query, some).fetchall()
        if not found:
            return
        values = [value for _, value in found]
        if self.by_network:
            vectors = np.frombuffer(b"".join(values), np.int8).reshape(len(values), -1)
        else:
            vectors = _small(layout(values))
        start = len(self._known)
        self._vectors = np.concatenate([self._vectors, vectors]) if start else vectors
        self._known |= {digest: start + place for place, (digest, _) in enumerate(found)}


def _small(vectors: NDArray[np.float32]) -> Vectors:
    """The same directions in a byte for each value."""
    most = np.abs(vectors).max(axis=1, keepdims=True)
    small: Vectors = np.rint(vectors / np.maximum(most, 1e-6) * LEVELS).astype(np.int8)
    return small


def _unit(vectors: Vectors) -> NDArray[np.float32]:
    """The same directions, each of length 1."""
    found: NDArray[np.float32] = vectors.astype(np.float32)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return found


def _look_of(small: Path) -> bytes:
    with Image.open(small) as opened:
        return look_of(opened)


def _features_of(small: Path) -> bytes:
    with Image.open(small) as opened:
        return _small(image_features.features(opened.convert("RGB"))[None]).tobytes()
