"""Who takes part in the next step: of the calls that wait, those that go together, fairly between pools and owners."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from studio.engine.numerics import Trail
from studio.engine.profile import Profile
from studio.engine.step import Call


@dataclass(eq=False)
class Participant:
    """Whoever asks for forwards: its owner, whether it can wait (`bulk`), and how repeatable it has to be.

    `exact` ones go through buckets of one class; `replay` says in which buckets its forwards are made again, and once
    more as they were.
    """

    owner: str = ""
    bulk: bool = False
    exact: bool = False
    replay: Sequence[int] = ()
    trail: Trail = field(default_factory=Trail)
    # How many came before it.
    number: int = 0

    @property
    def facts(self) -> dict[str, str]:
        """How repeatable what it made is: the tier, and the buckets that bring the same bytes again."""
        return {"numerics": "exact" if self.exact else self.trail.tier, "buckets": str(self.trail)}


@dataclass(frozen=True, eq=False)
class PendingCall:
    """A call that waits for its answer."""

    participant: Participant
    call: Call
    answer: Future[Any] = field(default_factory=Future)


@dataclass(frozen=True)
class Batch:
    """What one forward of `rows` rows answers."""

    pending: Sequence[PendingCall]
    rows: int


class Pools:
    """Chooses what each step answers; a pool is what can be answered together (`Call.key`).

    The pool that used the device least is next, measured in seconds (fair queueing with virtual time). In a pool, each
    owner has one picture in a step before anyone has two. What can wait comes behind what cannot.
    """

    def __init__(self, profile: Callable[[Call], Profile]) -> None:
        self._profile = profile
        # The seconds of each pool, and of the one that was chosen last before its step.
        self._spent: dict[Hashable, float] = {}
        self._clock = 0.0
        self._limits: dict[Hashable, int] = {}
        # The number of the last step that an owner had a part in.
        self._served: dict[str, int] = {}
        self._steps = 0

    def choose(self, waiting: Sequence[PendingCall]) -> Batch:
        """The next step of those that wait, of whom there is one at least."""
        pools: dict[Hashable, list[PendingCall]] = defaultdict(list)
        for pending in waiting:
            pools[pending.call.key].append(pending)
        # Who was away has saved up nothing.
        used = {key: max(self._spent.get(key, 0.0), self._clock) for key in pools}
        pool = min(used, key=used.__getitem__)
        self._clock = used[pool]
        self._spent = {key: spent for key, spent in self._spent.items() if spent > self._clock} | used
        return self._batch(list(self._fairly(pools[pool])))

    def used(self, batch: Batch, seconds: float) -> None:
        """A step took so long."""
        key = batch.pending[0].call.key
        self._spent[key] = self._spent.get(key, 0.0) + seconds
        self._steps += 1
        self._served |= {pending.participant.owner: self._steps for pending in batch.pending}

    def shrink(self, batch: Batch) -> bool:
        """Have no more steps as large as one for which memory did not suffice; False where it was one call's own."""
        if len(batch.pending) == 1 and batch.rows == batch.pending[0].call.rows:
            return False
        self._limits[batch.pending[0].call.key] = batch.rows // 2
        return True

    def _fairly(self, pending: Sequence[PendingCall]) -> Iterator[PendingCall]:
        """One of each owner, who was served longest ago first, then the next of each; an owner's own as they came."""
        for bulk in (False, True):
            owned: dict[str, list[PendingCall]] = defaultdict(list)
            for one in sorted(pending, key=lambda one: one.participant.number):
                if one.participant.bulk == bulk:
                    owned[one.participant.owner].append(one)
            owners = sorted(owned, key=lambda owner: self._served.get(owner, 0))
            for turn in zip_longest(*(owned[owner] for owner in owners)):
                yield from (one for one in turn if one is not None)

    def _batch(self, pending: Sequence[PendingCall]) -> Batch:
        first, exact = pending[0], pending[0].participant.exact
        if bucket := _replayed(first.participant):
            return Batch([first], max(bucket, first.call.rows))
        others = [one for one in pending if not one.participant.replay]
        if len(others) == 1 and not exact:  # as the bare pipeline makes it
            return Batch([first], first.call.rows)
        profile = self._profile(first.call)
        limit = self._limits.get(first.call.key, profile.cap)
        taken = _filling(others, limit, profile)
        return Batch(taken, _bucket(taken, limit, profile))


def _filling(pending: Sequence[PendingCall], limit: int, profile: Profile) -> list[PendingCall]:
    """The first, and whoever fits beside within so many rows; beside exact ones within a size of their class."""
    taken: list[PendingCall] = []
    rows, exact = 0, False
    for one in pending:
        larger, strict = rows + one.call.rows, exact or one.participant.exact
        fits = larger <= limit and (not strict or larger <= max(profile.exact, default=0))
        if fits or not taken:
            taken.append(one)
            rows, exact = larger, strict
    return taken


def _bucket(taken: Sequence[PendingCall], limit: int, profile: Profile) -> int:
    """How many rows the step of these has."""
    rows = sum(one.call.rows for one in taken)
    if any(one.participant.exact for one in taken):
        return profile.bucket(rows, exact=True)
    if len(taken) == 1:
        return rows
    bucket = profile.bucket(rows)
    return bucket if bucket <= limit else rows


def _replayed(participant: Participant) -> int:
    """The bucket of a participant's next forward where that is given, else 0."""
    done = len(participant.trail.buckets)
    return participant.replay[done] if done < len(participant.replay) else 0
