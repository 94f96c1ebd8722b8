"""How the processor's threads wait for one another: spinning where the cores are free, asleep where others want them.

A spinning team loses next to no time between layers, and stands still when another program takes a core: a forward pass
then takes up to 30 times as long. Fewer threads would do as well there, but their number changes the last bits of a
picture, and the way of waiting does not. OpenMP reads its wait policy once, when it is loaded. GNU's ceases to spin
while it manages more threads than there are cores (`do_spin` in libgomp's config/linux/wait.h): an idle team beside
ours switches our own, at any time. Where torch computes with another OpenMP, nothing is switched.
"""

import ctypes
import math
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import psutil
import torch

from studio.settings import Settings

# Who sets one of these has chosen how threads wait.
CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
SECONDS_BETWEEN = 0.25
# What others did since the last look says something of now, if that is neither long ago nor too little to count.
STALE_SECONDS, LEAST_SECONDS = 2.0, 0.1
# How much of a core others may take of those that we work on, before we yield; and how little, for us to spin again.
YIELD, SPIN = 0.25, 0.1
MAPS, LOAD, CGROUP = Path("/proc/self/maps"), Path("/proc/loadavg"), Path("/sys/fs/cgroup")


class Threads:
    """The threads that torch computes with on the CPU; `look` is called often and adapts how they wait."""

    @classmethod
    def of(cls, settings: Settings) -> "Threads":
        """As many threads as the settings say, else as torch takes by itself or the container allows."""
        count = settings.threads or _allowed(torch.get_num_threads())
        if count != torch.get_num_threads():
            torch.set_num_threads(count)
        return cls(count)

    def __init__(self, count: int, others: Callable[[], float] | None = None) -> None:
        self._spare = len(os.sched_getaffinity(0)) - count if hasattr(os, "sched_getaffinity") else 0
        self._openmp = None if count == 1 or any(name in os.environ for name in CHOSEN) else _openmp()
        self._others = others or Others().busy
        self._idle: Callable[[], None] | None = None
        self._due = 0.0

    @property
    def yields(self) -> bool:
        """Whether waiting threads sleep at once."""
        return self._idle is not None

    def look(self) -> None:
        """Let the threads spin or sleep while they wait, by what others do with the cores."""
        if self._openmp is None or time.monotonic() < self._due:
            return
        wanted = self._others() - self._spare
        self._due = time.monotonic() + SECONDS_BETWEEN
        if self._idle is None and wanted > YIELD:
            self._idle = _idle_team(self._openmp)
        elif self._idle is not None and wanted < SPIN:
            self.close()

    def close(self) -> None:
        """Let them spin again, as OpenMP does by itself."""
        if self._idle:
            self._idle()
            self._idle = None


class Others:
    """How many cores other programs use, of those that this process may run on."""

    def __init__(self) -> None:
        self._seen = _used()

    def busy(self) -> float:
        """The mean since the last call, or where that is no fair time ago, how many threads want one now."""
        before, self._seen = self._seen, _used()
        seconds = self._seen[0] - before[0]
        if not LEAST_SECONDS <= seconds <= STALE_SECONDS:
            return _waiting()
        return (self._seen[1] - before[1]) / seconds


def _allowed(default: int) -> int:
    """`default` threads, or fewer where a container may not use as many cores at once."""
    if "OMP_NUM_THREADS" in os.environ:
        return default
    quota = _quota()
    return default if quota is None else max(1, min(default, math.floor(quota)))


def _quota() -> float | None:
    """How many cores' time a container may use; None where there is no limit, or no such system."""
    files = (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"])
    for names in files:  # of the second version of control groups, and of the first
        try:
            quota, period = map(int, " ".join((CGROUP / name).read_text() for name in names).split())
        except (OSError, ValueError):
            continue
        return quota / period if quota > 0 else None
    return None


def _used() -> tuple[float, float]:
    """The time, and the processor seconds that others have used of our cores."""
    cores = psutil.cpu_times(percpu=True)
    ours = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    all_busy = sum(sum(core) - core.idle - getattr(core, "iowait", 0.0) for n, core in enumerate(cores) if n in ours)
    return time.monotonic(), all_busy - time.process_time()


def _waiting() -> float:
    """How many threads beside this one run or want to."""
    try:
        return int(LOAD.read_text().split()[3].partition("/")[0]) - 1
    except (OSError, ValueError, IndexError):
        return 0.0


def _openmp() -> ctypes.CDLL | None:
    """GNU's OpenMP as torch has loaded it; None where it works with another."""
    try:
        path = re.search(r"/\S*libgomp\S*", MAPS.read_text())
        library = ctypes.CDLL(path[0]) if path else None
    except OSError:
        return None
    return library if library and hasattr(library, "GOMP_parallel") else None


def _idle_team(openmp: ctypes.CDLL) -> Callable[[], None]:
    """Start more threads of OpenMP than there are cores, which sleep until what is returned is called."""
    there, done = Event(), Event()

    def lead() -> None:
        # A parallel region in which each thread does nothing; its team stays with this thread for the next one.
        nothing = ctypes.cast(openmp.omp_get_thread_num, ctypes.c_void_p)
        openmp.GOMP_parallel(nothing, None, (os.cpu_count() or 1) + 1, 0)
        there.set()
        done.wait()

    leader = Thread(target=lead, name="idle-openmp-team", daemon=True)
    leader.start()
    there.wait()

    def end() -> None:
        done.set()
        leader.join()

    return end
