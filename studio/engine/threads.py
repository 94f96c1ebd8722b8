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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

import psutil
import torch

from studio.settings import Settings

# Who sets one of these has chosen how threads wait.
CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
# How long we work before what others did meanwhile is judged: the system counts in hundredths, several for each core.
SECONDS = 0.2
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

    def __init__(self, count: int, used: Callable[[], float] | None = None) -> None:
        """`used` says how many processor seconds others have used of our cores, ever."""
        self._spare = len(os.sched_getaffinity(0)) - count if hasattr(os, "sched_getaffinity") else 0
        self._openmp = None if count == 1 or any(name in os.environ for name in CHOSEN) else _openmp()
        self._others = Others(used or _used_by_others)
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
                self._others.begin()
        try:
            yield
        finally:
            with self._turn:
                self._working -= 1
                if not self._working:
                    self._others.pause()

    def look(self) -> None:
        """Let the threads spin or sleep while they wait, by what others do with the cores."""
        with self._turn:
            self._look()

    def _look(self) -> None:
        busy = self._others.busy() if self._openmp else None
        if self._openmp is None or busy is None:
            return
        wanted = busy - self._spare
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
    """How many cores other programs use between `begin` and `pause`; `used` is what they have used, in seconds."""

    def __init__(self, used: Callable[[], float]) -> None:
        self._used = used
        self._seconds = self._theirs = 0.0
        self.begin()

    def begin(self) -> None:
        """What they do counts from now on."""
        self._since = time.monotonic(), self._used()

    def pause(self) -> None:
        """What they do counts no more."""
        began, before = self._since
        self.begin()
        now, used = self._since
        self._seconds += now - began
        self._theirs += used - before

    def busy(self) -> float | None:
        """The mean of what counted since the last answer; None where that was too short to tell."""
        if self._seconds + time.monotonic() - self._since[0] < SECONDS:
            return None
        self.pause()
        mean = self._theirs / self._seconds
        self._seconds = self._theirs = 0.0
        return mean


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


def _used_by_others() -> float:
    """The processor seconds that others have used of our cores; not those who give way to us, unless we do so too."""
    cores = psutil.cpu_times(percpu=True)
    ours = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    # A guest's time is told twice.
    apart = ["idle", "iowait", "guest", "guest_nice", *([] if _gives_way() else ["nice"])]
    busy = (sum(core) - sum(getattr(core, name, 0.0) for name in apart) for n, core in enumerate(cores) if n in ours)
    return sum(busy) - time.process_time()


def _gives_way() -> bool:
    """Whether this process runs at a low priority."""
    return hasattr(os, "nice") and os.nice(0) > 0


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
