"""What the Candidates tab is told: a set with its pictures, how they are judged, and how far it is."""

from typing import Literal

from typing_extensions import TypedDict

from studio.ui.schemas.jobs import FieldFault
from studio.ui.schemas.pictures import Expected, Picture


class Metric(TypedDict):
    """What measures a candidate, and between which ends."""

    name: str
    label: str
    help: str
    cost: str
    better: str
    fault: str
    minimum: float
    maximum: float
    step: float
    usual: float


class CandidateMark(TypedDict):
    """What somebody thinks of a candidate."""

    verdict: Literal["keep", "reject"] | None
    star: bool
    rating: int | None


class Judged(TypedDict):
    """What is known and said of a candidate."""

    number: int
    scores: dict[str, float]
    measured: bool
    score: float | None
    rank: int | None
    kept: bool
    reason: str
    mark: CandidateMark


class Candidate(Picture, Judged):
    """A candidate with its picture."""

    gone: Literal[False]


class LostCandidate(Judged):
    """A candidate whose file is gone."""

    key: str
    gone: Literal[True]
    prompt: str


class DroppedCandidate(TypedDict):
    """A candidate that fell behind while it was made: why, and what it was heading for."""

    key: str
    number: int
    dropped: Literal[True]
    width: int
    height: int
    prompt: str
    shown: str | None
    reason: str


class ComingCandidate(Expected):
    """A candidate in the making."""

    number: int


class CandidateFilter(TypedDict):
    """Which candidates are kept: by limits, by weights, so many, or without a share."""

    limits: dict[str, float | None]
    weights: dict[str, float]
    keep: int | None
    reject_share: float | None
    race: bool


class CandidateSetLine(TypedDict):
    """A set in the list of them."""

    id: str
    title: str
    created: float
    made: int


class CandidatesDraft(TypedDict):
    """A set that is still to be asked for, and why it could not be: `base` is the recipe of a picture, else empty."""

    base: str
    prompt: str
    count: int
    fault: FieldFault | None


class NoCandidates(TypedDict):
    """No set is there, or none of this name; `seconds` is how long a picture takes here, by model."""

    serial: int
    set: None
    sets: list[CandidateSetLine]
    fault: str
    draft: CandidatesDraft | None
    most: int
    seconds: dict[str, float]
    races: bool
    cells: list[Candidate | LostCandidate]


class CandidatesMaking(TypedDict):
    """What of a set is still to come, how far that is, and a fault where it came to an end."""

    line: str
    fraction: float | None
    ended: FieldFault | None
    busy: bool
    making: bool
    coming: list[ComingCandidate]


class CandidatesView(CandidatesMaking):
    """The whole of a set as it stands."""

    serial: int
    set: str
    sets: list[CandidateSetLine]
    title: str
    count: int
    more: bool
    prompt: str
    most: int
    each_usd: float
    rules: CandidateFilter
    missing: dict[str, str]
    cells: list[Candidate | LostCandidate]
    dropped: list[DroppedCandidate]
    races: bool
    begun: bool


class Agreement(TypedDict):
    """How the metrics go with all picks so far: for each the correlation and the ends of its interval."""

    count: int
    few: int
    metrics: dict[str, list[float]]
