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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

import torch

from studio.engine.cores import Busy, Cores
from studio.settings import Settings

# Who sets one of these has chosen how threads wait, or where they run.
CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")
# How much of a core others may take of those that we work on, before we yield; and how little, for us to spin again.
YIELD, SPIN = 0.25, 0.1
MAPS, CGROUP = Path("/proc/self/maps"), Path("/sys/fs/cgroup")


class Threads:
    """The threads that torch computes with on the CPU; `look` is called often and adapts how they wait.

    It goes by what others do while this process is `at_work`, and by nothing before: whoever computed until a picture
    was asked for may have been the one who now waits for it.
    """

    @classmethod
    def of(cls, settings: Settings) -> "Threads":
        """As many threads as the settings say, else as torch takes by itself or the container allows."""
        count = settings.threads or _allowed(torch.get_num_threads())
        if count != torch.get_num_threads():
            torch.set_num_threads(count)
        return cls(count)

    def __init__(self, count: int, cores: Cores | None = None) -> None:
        self._count, self._cores = count, cores or Cores()
        self._openmp = None if count == 1 or any(name in os.environ for name in CHOSEN) else _openmp()
        self._busy = Busy(self._cores)
        self._idle: Callable[[], None] | None = None
        # How many pictures are being made, and who changes something here.
        self._working, self._turn = 0, Lock()

    @property
    def yields(self) -> bool:
        """Whether waiting threads sleep at once."""
        return self._idle is not None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While this lasts, pictures are made."""
        with self._turn:
            self._working += 1
            if self._working == 1:
                self._busy.begin()
        try:
            yield
        finally:
            with self._turn:
                self._working -= 1
                if not self._working:
                    self._busy.pause()

    def look(self) -> None:
        """Let the threads spin or sleep while they wait, by what others do with the cores."""
        with self._turn:
            self._look()

    def _look(self) -> None:
        lately = self._busy.lately() if self._openmp else None
        if self._openmp is None or lately is None:
            return
        busy, ours = lately
        others = sum(busy.values()) - ours
        wanted = others - (self._cores.count - self._count)
        if self._idle is None and wanted > YIELD:
            self._idle = _idle_team(self._openmp)
        elif self._idle is not None and wanted < SPIN:
            self.close()
        if self._idle and self._cores.all:
            self._cores.keep_to(max(1, min(self._count, self._cores.count - round(others))), busy, ours)

    def close(self) -> None:
        """Let them spin again on every core, as OpenMP does by itself."""
        if self._idle:
            self._idle()
            self._idle = None
        self._cores.leave()


def crowding() -> Callable[[], float]:
    """What says how many cores others have taken from torch's threads since it was last called."""
    cores = Cores()
    busy, spare = Busy(cores), cores.count - torch.get_num_threads()

    def taken() -> float:
        each, ours = busy.lately() or ({}, 0.0)
        return max(0.0, sum(each.values()) - ours - spare)

    return taken


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
