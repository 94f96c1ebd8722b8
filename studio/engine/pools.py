"""Who takes part in the next step: of the calls that wait, those that go together, fairly between pools and owners."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from studio.backends.base import NOBODYS, Turn
from studio.engine.numerics import Trail
from studio.engine.profile import Profile
from studio.engine.step import Call
from studio.recipe.values import Numerics

# What the same bytes in any company may cost on a card where they are not asked for: this much of a step's time.
CHEAP = 1.05


@dataclass(eq=False)
class Participant:
    """Whoever asks for forwards: whose `turn` it is, and how repeatable what is made has to be (`numerics.py`).

    `replay` says in which buckets its forwards are made again, once more as they were.
    """

    turn: Turn = NOBODYS
    numerics: Numerics = "auto"
    replay: Sequence[int] = ()
    trail: Trail = field(default_factory=Trail)
    # How many came before it.
    number: int = 0
    # The seconds that were the others', between its asking and its answers.
    others_seconds: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether it goes through buckets of one class."""
        return self.numerics == "exact"

    @property
    def alone(self) -> bool:
        """Whether nobody else is in its forwards."""
        return self.numerics == "solo" or bool(self.replay)

    @property
    def facts(self) -> dict[str, str]:
        """How repeatable what it made is: the tier, and the buckets that bring the same bytes again."""
        return {"numerics": "exact" if self.exact else self.trail.tier, "buckets": str(self.trail)}


@dataclass(frozen=True, eq=False)
class PendingCall:
    """A call that waits for its answer."""

    participant: Participant
    call: Call

    @cached_property
    def pool(self) -> Hashable:
        """What calls have in common that may be answered together."""
        return (self.call.key, self.participant if self.participant.alone else None)

    @property
    def background(self) -> bool:
        """Whether it comes when nothing else waits."""
        return self.participant.turn.background


@dataclass(frozen=True)
class Batch:
    """What one forward of `rows` rows answers; an `exact` one goes the way of several even where it is alone."""

    pending: Sequence[PendingCall]
    rows: int
    exact: bool = False


class Pools:
    """Chooses what each step answers.

    The pool that used the device least is next, measured in seconds (fair queueing with virtual time, which is deficit
    round robin with a quantum of one step). In a pool each owner has one picture in a step before anyone has two. Where
    more wait than are worth having in a step, a newcomer has one step at once, its first look; then what came first is
    done first, which makes the mean picture earlier and none later. What is in the background comes behind all.
    """

    def __init__(self, profile: Callable[[Call], Profile], *, exact_where_cheap: bool = False) -> None:
        self._profile = profile
        self._exact_where_cheap = exact_where_cheap
        # The seconds of each pool, and of the one that was chosen last before its step.
        self._spent: dict[Hashable, float] = {}
        self._clock = 0.0
        self._limits: dict[Hashable, int] = {}

    def choose(self, waiting: Sequence[PendingCall]) -> Batch:
        """The next step of those that wait, of whom there is one at least."""
        pools: dict[Hashable, list[PendingCall]] = defaultdict(list)
        for pending in waiting:
            pools[pending.pool].append(pending)
        urgent = [key for key, calls in pools.items() if not all(one.background for one in calls)]
        # Who was away has saved up nothing.
        used = {key: max(self._spent.get(key, 0.0), self._clock) for key in urgent or pools}
        pool = min(used, key=used.__getitem__)
        self._clock = used[pool]
        self._spent = {key: spent for key, spent in self._spent.items() if spent > self._clock} | used
        return self._batch(in_turn(pools[pool]))

    def used(self, batch: Batch, seconds: float) -> None:
        """A step took so long."""
        key = batch.pending[0].pool
        self._spent[key] = self._spent.get(key, 0.0) + seconds

    def shrink(self, batch: Batch) -> bool:
        """Have no more steps as large as one for which memory did not suffice; False where it was one call's own."""
        if len(batch.pending) == 1:
            return False
        self._limits[batch.pending[0].call.key] = batch.rows // 2
        return True

    def _batch(self, pending: Sequence[PendingCall]) -> Batch:
        first = pending[0]
        if first.participant.alone:
            return Batch([first], max(_replayed(first.participant), first.call.rows), first.participant.exact)
        self._decide(pending)
        if len(pending) == 1 and not first.participant.exact:  # as the bare pipeline makes it
            return Batch([first], first.call.rows)
        profile = self._profile(first.call)
        limit = self._limits.get(first.call.key, profile.cap)
        taken = _filling(pending, limit, profile)
        return Batch(taken, _bucket(taken, limit, profile), any(one.participant.exact for one in taken))

    def _decide(self, pending: Sequence[PendingCall]) -> None:
        """Those that did not say how repeatable they have to be are exact where that costs next to nothing."""
        for one in pending:
            if one.participant.numerics == "auto":
                cheap = self._exact_where_cheap and self._profile(one.call).exact_cost(one.call.rows) <= CHEAP
                one.participant.numerics = "exact" if cheap else "free"


def in_turn(pending: Sequence[PendingCall]) -> list[PendingCall]:
    """One of each owner, newcomers first and else as they came, then the next of each; an owner's own by rank."""
    own: Counter[str] = Counter()
    places: dict[PendingCall, int] = {}
    for one in sorted(pending, key=lambda one: (one.background, one.participant.turn.rank, one.participant.number)):
        places[one] = own[one.participant.turn.owner]
        own[one.participant.turn.owner] += 1
    return sorted(
        pending,
        key=lambda one: (one.background, places[one], bool(one.participant.trail.buckets), one.participant.number),
    )


def _filling(pending: Sequence[PendingCall], limit: int, profile: Profile) -> list[PendingCall]:
    """The first, and whoever fits beside within so many rows; beside exact ones within a size of their class."""
    taken: list[PendingCall] = []
    rows, exact = 0, False
    for one in pending:
        larger, strict = rows + one.call.rows, exact or one.participant.exact
        alike = next((size for size in profile.exact if size >= larger), None)
        if not taken or (larger <= limit and (not strict or (alike is not None and alike <= limit))):
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
