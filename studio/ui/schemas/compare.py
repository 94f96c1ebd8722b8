"""What the Compare tab is told: what can be compared, what it costs, and what became of it."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from studio.ui.schemas.pictures import Which


class LocalOffer(TypedDict):
    """A model of this machine, and whether its weights are here."""

    name: str
    label: str
    here: bool
    tasks: list[str]


class HostedOffer(TypedDict):
    """A hosted model: its settings, what it takes, the date of its prices and when its service ends it."""

    name: str
    label: str
    host: str
    settings: dict[str, list[str]]
    abilities: list[str]
    shutdown: str
    successor: str
    priced: str


class ComparisonLine(TypedDict):
    """A comparison in the list of them."""

    id: str
    title: str
    lines: int
    columns: list[str]
    created: float
    left: int
    running: bool


class CompareFacts(TypedDict):
    """What can be compared, how hosts are called, what may be spent, and what was compared before."""

    local: list[LocalOffer]
    hosted: list[HostedOffer]
    hosts: dict[str, str]
    addresses: bool
    usual: str
    held: list[ComparisonLine]
    budget: float | None
    most: float | None
    refuses: bool


class CompareEstimate(TypedDict):
    """What is still to be made would cost, all and each new column a picture, and where each host's key is from.

    `meant` is what may have been meant by the name of each new column, where its model is not known.
    """

    usd: float
    unknown: int
    pictures: int
    each: list[float]
    meant: list[str]
    keys: dict[str, str]
    left: float | None


class ComparedPrompt(TypedDict):
    """A prompt of a comparison."""

    prompt: str
    tags: tuple[str, ...]


class ComparedColumn(TypedDict):
    """A column of a comparison, and how the arena calls it."""

    kind: str
    model: str
    label: str
    settings: dict[str, Any]
    contestant: str


class CellPicture(TypedDict):
    """Where the picture of a cell is, and what can be done with it."""

    shown: NotRequired[str]
    file: NotRequired[str]
    name: NotRequired[str]
    which: NotRequired[Which]
    task: NotRequired[str]


class ComparisonCell(CellPicture):
    """What became of a prompt in a column."""

    line: int
    column: int
    state: str
    said: list[str]
    measured: list[tuple[str, float]]
    revised: str
    kind: str
    fault: str
    look: str
    width: int | None
    height: int | None


class ComparisonTable(TypedDict):
    """All of a comparison: its prompts, its columns, what became of each cell, and what that cost."""

    id: str
    running: bool
    base: dict[str, Any]
    lines: list[ComparedPrompt]
    columns: list[ComparedColumn]
    cells: list[ComparisonCell]
    total: float
    unknown: int


class ComparisonView(ComparisonTable):
    """A comparison as it stands, how it is known again, and what may still be spent today."""

    seen: Any
    coming: bool
    left: float | None


class SameComparison(TypedDict):
    """Nothing is new."""

    same: Literal[True]


class DraftModel(TypedDict):
    """The model that a form says, with its plain settings."""

    name: str | None
    settings: dict[str, Any]


class CompareDraft(TypedDict):
    """What a form says, to be compared."""

    prompts: list[str]
    seed: int | None
    model: DraftModel
    base: dict[str, Any]
