"""The cores that this process may use: what others do with them, and keeping to those that others leave.

Two threads of a team that share one core take turns, each asleep while the other works. On two cores of which another
program holds one, the second thread waits for that program at every layer; the two together on the free core do not.
"""

import os
import random
import time
from pathlib import Path

import psutil

TASKS = Path("/proc/self/task")
# How much of a core others may take of those that we keep to, while there are others, before we look for better ones.
CROWDED = 0.25
CHANCE = random.SystemRandom()


class Cores:
    """What others use of this process' cores while it works; `keep_to` lets its threads run on some of them only."""

    def __init__(self) -> None:
        # Read once: while we keep to some cores, the system says that there are no more.
        self.all = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset[int]()
        self._kept = self.all

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.all) or os.cpu_count() or 1

    @property
    def kept(self) -> frozenset[int]:
        """Those that this process runs on."""
        return self._kept

    def used(self) -> dict[int, float]:
        """The processor seconds that everybody has used of each core; not those who give way, unless we do so too."""
        cores = dict(enumerate(psutil.cpu_times(percpu=True)))
        # A guest's time is told twice.
        apart = ["idle", "iowait", "guest", "guest_nice", *([] if _gives_way() else ["nice"])]
        return {
            core: sum(times) - sum(getattr(times, name, 0.0) for name in apart)
            for core, times in cores.items()
            if not self.all or core in self.all
        }

    def keep_to(self, count: int, busy: dict[int, float], ours: float) -> None:
        """Run on `count` cores; `busy` is how much of each everybody used of late, `ours` what we did in all.

        Which ones is left to chance, since a program that may run anywhere goes where we are not; another that keeps
        to some cores as we do would meet us again, if both went by the same rule.
        """
        if len(self._kept) != count or (self._crowded(busy, ours) and CHANCE.random() < 0.5):
            self._run_on(frozenset(CHANCE.sample(sorted(self.all), count)))

    def leave(self) -> None:
        """Run on all of them again."""
        if self._kept != self.all:
            self._run_on(self.all)

    def _crowded(self, busy: dict[int, float], ours: float) -> bool:
        """Whether others use the cores that we keep to, while those that we keep off have room."""
        here = sum(busy.get(core, 0.0) for core in self._kept) - ours
        return here > CROWDED and any(busy.get(core, 1.0) < 1 - CROWDED for core in self.all - self._kept)

    def _run_on(self, cores: frozenset[int]) -> None:
        """Move every thread there is; those to come follow the one that starts them."""
        self._kept = cores
        for task in TASKS.iterdir():
            try:
                os.sched_setaffinity(int(task.name), cores)
            except OSError:  # the thread has ended, or another program took the core from us: they run where they can
                continue


class Busy:
    """How many cores everybody and this process used between `begin` and `pause`."""

    # How long we work before it is judged: the system counts in hundredths, several for each core.
    SECONDS = 0.2

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._seconds = self._ours = 0.0
        self._each = dict.fromkeys(cores.used(), 0.0)
        self.begin()

    def begin(self) -> None:
        """What is done counts from now on."""
        self._since = time.monotonic(), time.process_time(), self._cores.used()

    def pause(self) -> None:
        """What is done counts no more."""
        began, ours, each = self._since
        self.begin()
        now, own, used = self._since
        self._seconds += now - began
        self._ours += own - ours
        self._each = {core: self._each[core] + used[core] - each[core] for core in used}

    def lately(self) -> tuple[dict[int, float], float] | None:
        """Of each core what was used of it, and in all what we used: means since the last answer.

        None where that was too short to tell.
        """
        if self._seconds + time.monotonic() - self._since[0] < self.SECONDS:
            return None
        self.pause()
        each, ours = {core: used / self._seconds for core, used in self._each.items()}, self._ours / self._seconds
        self._seconds = self._ours = 0.0
        self._each = dict.fromkeys(each, 0.0)
        return each, ours


def _gives_way() -> bool:
    """Whether this process runs at a low priority."""
    return hasattr(os, "nice") and os.nice(0) > 0
