"""Whether something came into a folder, left it, or was changed there since it was last looked at."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

# A disk's clock ticks this slowly: what changed within one tick looks the same before and after.
TICK_NS = 50_000_000


class Watch:
    """Some folders with what lies in them, down to `depth` folders below; costs one look at each folder."""

    def __init__(self, *roots: Path, depth: int) -> None:
        self._roots = roots
        self._depth = depth
        self._seen: dict[str, int | None] = {}
        self._steady = False

    def take(self) -> None:
        """From now on `changed` speaks of what comes after this."""
        now = time.time_ns()
        self._seen = {path: when for root in self._roots for path, when in _below(str(root), self._depth)}
        newest = max((when for when in self._seen.values() if when), default=0)
        self._steady = now - newest > TICK_NS

    def changed(self) -> bool:
        """Whether it may be otherwise than at the last `take`."""
        return not self._steady or any(_when(path) != when for path, when in self._seen.items())


def _below(path: str, depth: int) -> Iterator[tuple[str, int | None]]:
    """Folders, and files that say something of others, each with when it was last changed."""
    yield path, _when(path)
    if depth < 0:
        return
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from _below(entry.path, depth - 1)
                elif entry.name.endswith(".toml"):
                    yield entry.path, _when(entry.path)
    except OSError:
        return


def _when(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - a look is made often, and a Path costs as much again
    except OSError:
        return None
