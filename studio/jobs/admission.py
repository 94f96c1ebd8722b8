"""Who may put one more job in line: so many may wait and be begun, of one person, of strangers, and of all."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from studio.errors import Busy
from studio.gate.identity import COMMAND_LINE, Identity
from studio.jobs.job import Job
from studio.settings import Settings

# The part of the line that one address may fill where nobody vouches for who asks, as anybody can invent owners: a
# quarter, and one browser at it half of that.
STRANGERS_SHARE = 4
MINUTE_SECONDS = 60.0
ALL = ""


@dataclass(frozen=True)
class Limits:
    """How many jobs may wait of one person, and be begun in a minute by one and by all; None: any number."""

    waiting_each: int | None = None
    per_minute: int | None = None
    per_minute_all: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Those of the settings."""
        return cls(settings.max_waiting_each, settings.jobs_per_minute, settings.jobs_per_minute_all)


class Admission:
    """Lets jobs into the line. The caller holds the scheduler's lock."""

    def __init__(self, most_waiting: int, limits: Limits) -> None:
        self._most = most_waiting
        self._limits = limits
        self._rates = Rates()

    def check(self, job: Job, in_line: Sequence[Job]) -> None:
        """Busy where no more may wait, of all or of whoever asks for this one, or they ask too often."""
        check_line(job, in_line, self._most)
        if job.owner == COMMAND_LINE.owner:
            return
        each = self._limits.waiting_each
        if each is not None and sum(one.turn == job.turn for one in in_line) >= each:
            raise Busy(f"{each} of your jobs are waiting already.", "Try again when some are done.")
        self._rates.check({job.turn: self._limits.per_minute, ALL: self._limits.per_minute_all})


class Pace:
    """How much one person may have done in a minute that costs the processor and is no job: maps, imports, exports."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._rates = Rates("asked for", "map, import or export", "maps, imports and exports")

    def check(self, who: Identity) -> None:
        """Note one more; Busy where who asks had as many in the last minute as one may."""
        if who.owner != COMMAND_LINE.owner:
            self._rates.check({who.turn: self._most})


class Rates:
    """How often something was done in the last minute, by whom. Safe to call from any thread.

    An error says it in these words: what was done, to one and to several of what.
    """

    def __init__(self, done: str = "begun", one: str = "job", several: str = "jobs") -> None:
        self._words = (done, one, several)
        self._done: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, most: dict[str, int | None]) -> None:
        """Note it under all of these names; Busy, and nothing noted, where one did it as often as it may."""
        now = time.monotonic()
        with self._lock:
            for name, count in most.items():
                done = self._recent(name, now)
                if count is not None and len(done) >= count:
                    raise self._too_often(name, count, done[0] + MINUTE_SECONDS - now if done else MINUTE_SECONDS)
            for name, count in most.items():
                if count is not None:
                    self._done.setdefault(name, deque()).append(now)

    def _too_often(self, name: str, most: int, seconds: float) -> Busy:
        whose, (done, one, several) = "You have" if name else "Everybody together has", self._words
        return Busy(
            f"{whose} {done} {most} {one if most == 1 else several} in the last minute, which is the most.",
            f"Try again in {max(1, round(seconds))} seconds.",
            wait_seconds=seconds,
        )

    def _recent(self, name: str, now: float) -> deque[float]:
        done = self._done.get(name, deque())
        while done and now - done[0] >= MINUTE_SECONDS:
            done.popleft()
        if not done:
            self._done.pop(name, None)
        return done


def check_line(job: Job, in_line: Sequence[Job], most: int) -> None:
    """Busy where as many jobs wait as may, or as many of the job's address or browser as strangers may have."""
    if job.turn.startswith("address:"):
        _check_crowd(job, in_line, max(1, most // STRANGERS_SHARE))
    if len(in_line) >= most:
        raise Busy(f"{most} jobs are waiting already.", "Try again when some are done.")


def _check_crowd(job: Job, in_line: Sequence[Job], most: int) -> None:
    beside = [one for one in in_line if one.turn == job.turn]
    if len(beside) >= most:
        raise Busy(f"{most} jobs from your address are waiting already.", "Try again when some are done.")
    own = max(1, most // 2)
    if sum(one.owner == job.owner for one in beside) >= own:
        raise Busy(f"{own} of your jobs are waiting already.", "Try again when some are done.")
