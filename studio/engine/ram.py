"""The computer's own memory: what there is of it, and what is free, also in a container, which psutil does not see.

Limits are those of control groups, of the second version and the first: a process is bound by its own group and by
every one above it. What a group has read from files counts as used there, and goes as soon as it is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

MEMBERSHIP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")
GIGABYTE = 1e9


@dataclass(frozen=True)
class Version:
    """How a version of control groups calls what bounds memory: files of limit and use, and a prefix in memory.stat."""

    limit: str
    used: str
    cached: str = ""


SECOND = Version("memory.max", "memory.current")
FIRST = Version("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")


def total_bytes() -> int:
    """All memory that this process may use."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _limits())])


def free_bytes() -> int:
    """What it can have now."""
    return max(0, min([psutil.virtual_memory().available, *(limit - used for limit, used in _limits())]))


def _limits() -> Iterator[tuple[int, int]]:
    """The limit of each group that binds this process, and what of it is used and would not go by itself."""
    for version, folder in _groups():
        try:
            limit = int((folder / version.limit).read_text())  # without one it says "max"
            used = int((folder / version.used).read_text()) - _cached(folder, version)
        except (OSError, ValueError):
            continue
        yield limit, max(0, used)


def _cached(folder: Path, version: Version) -> int:
    """What the kernel holds of files and gives back: in memory.stat, apart from what lies in memory alone (tmpfs)."""
    try:
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
    except OSError:
        return 0
    names = {f"{version.cached}active_file", f"{version.cached}inactive_file"}
    return sum(int(count) for name, count in lines if name in names)


def _groups() -> Iterator[tuple[Version, Path]]:
    """The folders of this process's groups that may bound memory, up to the root that it can see."""
    for line in _membership():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        version, root = (FIRST, GROUPS / "memory") if controllers else (SECOND, GROUPS)
        place = root / path.lstrip("/")
        # In a container the path may be the host's; its own group is then what is mounted at the root.
        yield from ((version, folder) for folder in (place, *place.parents) if folder.is_relative_to(root))


def _membership() -> list[str]:
    try:
        return MEMBERSHIP.read_text().splitlines()
    except OSError:  # not on Linux
        return []
