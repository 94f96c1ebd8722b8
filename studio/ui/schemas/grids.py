"""What the Grid tab is told: what can vary, what would be made, and cells as they change."""

from typing import NotRequired

from typing_extensions import TypedDict

from studio.ui.schemas.pictures import Picture


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
    cost_usd: float


class GridCell(TypedDict):
    """A cell that has no picture: what is wrong with it, or a look at it in the making."""

    at: tuple[int, ...]
    labels: list[str]
    error: NotRequired[str]
    look: NotRequired[str]


class GridPicture(Picture):
    """A cell with its picture."""

    at: tuple[int, ...]
    labels: list[str]


class GridView(GridHead):
    """A grid with those of its cells that changed, or with all as it is first seen."""

    whole: bool
    line: str
    cells: list[GridCell | GridPicture]


class GridLine(TypedDict):
    """A grid in the list of them."""

    id: str
    when: str
    words: str
    prompt: str
    made: int
    count: int


class Choice(TypedDict):
    """A value that can be chosen."""

    label: str
    value: str


class GridOffer(TypedDict):
    """What can vary of a recipe."""

    field: str
    title: str
    group: str
    hint: str
    numeric: bool
    choices: list[Choice]


class GridSetup(TypedDict):
    """What a grid can be made of; several pictures to start from become an axis."""

    base: str
    prompt: str
    said: str
    offers: list[GridOffer]
    pictures: list[str]


class GridFault(TypedDict):
    """Cells that cannot be made, and why."""

    where: str
    words: str


class GridPlan(TypedDict):
    """What would be made, before anything is."""

    cells: int
    possible: int
    steps: int
    price: str
    faults: list[GridFault]


class GridRefusal(TypedDict):
    """What is wrong with a plan, and the axis that it is of."""

    fault: str
    axis: int | None


class GridFile(TypedDict):
    """A grid that was written to a file."""

    address: str
    name: str
    note: str


class GridNews(TypedDict):
    """A value of the widget: one or several things that are new."""

    serial: NotRequired[int]
    setup: NotRequired[GridSetup]
    grids: NotRequired[list[GridLine]]
    grid: NotRequired[GridView]
    file: NotRequired[GridFile]
    fault: NotRequired[str]
    axes: NotRequired[list[AxisText]]
    begun: NotRequired[str]
