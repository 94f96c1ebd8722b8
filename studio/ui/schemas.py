"""The shape of what the page is told; `web/types.d.ts` is made of it, the page's scripts are checked against that."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from studio.controls.base import Option
from studio.errors import Fault
from studio.recipe_parts import Setting


class FieldFault(Fault):
    """What is told of an error, with the label of its field for where that is not to be seen."""

    label: str


class Which(TypedDict):
    """What a picture is asked for by: one of a job, or one of the library."""

    job: NotRequired[str]
    image: NotRequired[int]
    stored: NotRequired[str]


class Start(TypedDict):
    """What a picture was made from, how that was brought to its size, and by how much it grew at each side."""

    before: NotRequired[str]
    fit: NotRequired[str]
    grown: NotRequired[list[int]]


class PictureFacts(Start):
    """What is said of a stored picture, wherever it stands."""

    done: Literal[True]
    width: int
    height: int
    prompt: str
    negative: str
    shown: str
    file: str
    name: str
    task: str
    seed: int | None
    seconds: float
    model: str
    how: str
    loras: str
    check: tuple[str, ...]


class Picture(PictureFacts):
    """A stored picture, and what it is asked for by."""

    key: str
    which: Which


class Expected(Start):
    """A picture in the making."""

    key: str
    job: str
    image: int
    done: Literal[False]
    width: int
    height: int
    prompt: str
    shown: str | None


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
    """All that the stage shows."""

    serial: int
    job: JobView | None
    behind: int
    earlier: list[Picture]
    fault: FieldFault | None


class ModelFacts(TypedDict):
    """What the page says of a model."""

    id: str
    name: str
    family: str
    summary: str
    licence: str
    place: str
    fault: str
    examples: list[str]
    knows: dict[str, list[str]]


class Fitting(TypedDict):
    """Weights that fit a kind of control."""

    id: str
    name: str
    place: str


class ControlFacts(TypedDict):
    """What of controls a model can follow, in which tab it cannot, and whether it weighs them."""

    fitting: dict[str, list[Fitting]]
    lacking: str
    modes: bool
    cannot: dict[str, str]


class TabFacts(TypedDict):
    """Keys of the fields that a tab hides, and why."""

    hidden: list[str]
    cannot: str
    why_not: str
    price: str


class PageFacts(TypedDict):
    """What the form hangs on: what it was told of, standards of its fields, the model, and each tab."""

    of: dict[str, Any]
    standards: dict[str, Any]
    model: ModelFacts
    sizes: dict[str, list[int]]
    controls: ControlFacts
    tabs: dict[str, TabFacts]


class StoredPicture(TypedDict):
    """A picture that a recipe starts from, or a map, with the pose that it was drawn of."""

    id: str
    width: int
    height: int
    name: str
    notes: list[str]
    file: str
    shown: str
    pose: NotRequired[Any]


class Kind(TypedDict):
    """A kind of control: its options, and how its map comes about."""

    label: str
    help: str
    options: list[Option]
    slow: bool
    maps: bool
    ready: bool
    drawn: bool
    posed: bool


class Controls(TypedDict):
    """What there is to know of controls whatever the model."""

    fields: dict[str, Setting]
    kinds: dict[str, Kind]


class Stretch(TypedDict):
    """A stretch of a prompt as it is understood."""

    text: str
    weight: float
    kind: str


class Placed(TypedDict):
    """The words at fault in a prompt and those around them, where they have a place."""

    before: NotRequired[str]
    at: NotRequired[str]
    after: NotRequired[str]
    position: NotRequired[int]


class PromptFault(Placed):
    """What is wrong with a prompt."""

    message: str
    hint: str


class PromptView(TypedDict):
    """What is told below a prompt."""

    fault: NotRequired[PromptFault | None]
    seen: NotRequired[list[Stretch]]
    tokens: NotRequired[str]
    unknown: NotRequired[list[str]]
    ignored: NotRequired[str]


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


class Download(TypedDict):
    """Weights on their way."""

    key: str
    name: str
    state: str
    over: bool
    line: str
    share: float | None
    fault: str


class Weights(TypedDict):
    """A row of the Models tab."""

    key: str
    kind: str
    id: str
    name: str
    summary: str
    family: str
    licence: str
    page: str
    state: Literal["here", "away"]
    bytes: int
    size: str
    unfinished: str
    used: float | None
    place: str
    own: bool
    ours: bool
    fault: str
    coming: Download | None


class Title(TypedDict):
    """A kind of weights and what it is called."""

    id: str
    title: str


class AllWeights(TypedDict):
    """All that has weights, and what whoever asks may do with them."""

    kinds: list[Title]
    items: list[Weights]
    faults: list[str]
    here: str
    free: str
    off: bool
    fetches: bool
    removes: bool


class GridAxis(TypedDict):
    """What varies along one axis, and how its values are called."""

    field: str
    title: str
    labels: tuple[str, ...]


class AxisText(TypedDict):
    """An axis as it is asked for."""

    field: str
    text: str


class GridHead(TypedDict):
    """What is said of a grid besides its cells."""

    id: str
    state: str
    fault: str
    base: str
    axes: list[GridAxis]
    texts: list[AxisText]
    made: int
    failed: int
    again: bool
    count: int


class GridLine(TypedDict):
    """A grid in the list of them."""

    id: str
    when: str
    words: str
    prompt: str
    made: int
    count: int


SCHEMAS: tuple[Any, ...] = (
    Fault,
    View,
    PageFacts,
    StoredPicture,
    Controls,
    PromptView,
    Metric,
    AllWeights,
    GridHead,
    GridLine,
)
