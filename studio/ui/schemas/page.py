"""What the form hangs on: the model, what of controls it can follow, and each tab."""

from typing import Any

from typing_extensions import TypedDict


class FieldFacts(TypedDict):
    """How a field is shown; `minimum`, `maximum`, `step` are what a slider offers."""

    label: str
    help: str
    minimum: float | None
    maximum: float | None
    step: float | None


class ModelExample(TypedDict):
    """What may be tried with a model: `picture` is what comes of it and `source` what it starts from, where known."""

    use: str
    prompt: str
    picture: str
    source: str
    strength: float | None
    control: str


class WordPictures(TypedDict):
    """A picture of each word: squares of one image, so many in a row."""

    address: str
    columns: int
    words: list[str]


class ModelFacts(TypedDict):
    """What the page says of a model."""

    id: str
    name: str
    family: str
    summary: str
    licence: str
    place: str
    fault: str
    examples: list[ModelExample]
    knows: dict[str, list[str]]
    pictures: WordPictures | None


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
    """Keys of the fields that a tab hides, and why; `verb` is what Generate says there."""

    hidden: list[str]
    cannot: str
    why_not: str
    price: str
    verb: str


class PageFacts(TypedDict):
    """What the form hangs on: what it was told of, standards of its fields, the model, and each tab."""

    of: dict[str, Any]
    standards: dict[str, Any]
    model: ModelFacts
    sizes: dict[str, list[int]]
    controls: ControlFacts
    tabs: dict[str, TabFacts]
