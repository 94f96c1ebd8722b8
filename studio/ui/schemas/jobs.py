"""What the gallery is told of a job, and the queue of all of them."""

from typing import NotRequired

from typing_extensions import TypedDict

from studio.errors import Fault
from studio.ui.schemas.pictures import Expected, Picture


class FieldFault(Fault):
    """What is told of an error, with the label of its field for where that is not to be seen."""

    label: str


class Progress(TypedDict):
    """How far a job is."""

    line: str
    step: list[int] | None
    seconds_left: float | None
    fetching: str
    fraction: float


class JobView(Progress):
    """A job and its pictures."""

    id: str
    state: str
    prompt: str
    note: str
    fault: FieldFault | None
    cells: list[Picture | Expected]


class View(TypedDict):
    """All that the gallery shows."""

    serial: int
    job: JobView | None
    behind: int
    earlier: list[Picture]
    fault: FieldFault | None
    # What was done with a picture, where that shows elsewhere.
    said: NotRequired[str]


class QueueItem(TypedDict):
    """A picture of a job that is not made, or whose next step cannot be done."""

    number: int
    state: str
    fault: str


class QueueJob(TypedDict):
    """A job in the queue; what may be left out is told to its owner alone."""

    id: str
    mine: bool
    kind: str
    images: int
    done: int
    state: str
    paused: bool
    priority: str
    title: NotRequired[str]
    line: NotRequired[str]
    share: NotRequired[float]
    fault: NotRequired[str]
    items: NotRequired[list[QueueItem]]


class Queue(TypedDict):
    """All that runs or waits, what of one's own ended last, and why nothing runs at all."""

    jobs: list[QueueJob]
    ended: list[QueueJob]
    halted: str
