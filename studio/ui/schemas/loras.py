"""What the panel of LoRAs is told: what each is, what the prompt says of it, and the library of all."""

from typing import NotRequired

from typing_extensions import TypedDict

from studio.ui.schemas.page import FieldFacts


class LoraFields(TypedDict):
    """The settings of a LoRA, and the most that a weight can be."""

    fields: dict[str, FieldFacts]
    most: float


class LoraWeights(TypedDict):
    """How much of a LoRA: of all, of the text encoders where that differs, and of each block."""

    weight: float
    text_weight: float | None
    blocks: list[float]


class LoraFacts(TypedDict):
    """What is told of a LoRA in the stack, and what keeps it from being put on."""

    fault: str
    words: list[str]
    picture: str


class LoraWay(TypedDict):
    """How a LoRA comes with the words, and its weight then."""

    way: str
    weight: str


class LoraGhost(LoraWay):
    """A LoRA that comes with a style, or that may be drawn from the prompt."""

    name: str


class LoraLook(TypedDict):
    """What there is to say of the stack with this model and prompt; nothing is mentioned while that cannot be read."""

    said: dict[str, LoraWeights] | None
    cards: dict[str, LoraFacts]
    notes: dict[str, str]
    ghosts: list[LoraGhost]
    blocks: list[str]


class LoraEntry(TypedDict):
    """What a file of the library tells of itself, for a model."""

    name: str
    family: str
    fits: bool
    fault: str
    rank: int | None
    size: str
    bytes: int
    added: float
    words: list[str]
    notes: str


class LibraryLora(LoraEntry):
    """A file of the library, with what whoever asks says of it, and in how many of their pictures it is."""

    liked: bool
    noted: str
    used: int
    term: str


class LoraLibrary(TypedDict):
    """The library; whether files of this disk may be named, whether notes may be written, and which site may be asked
    by an address, "" for none.
    """

    loras: list[LibraryLora]
    faults: list[str]
    disk: bool
    keeps: bool
    site: str


class LoraDetails(TypedDict):
    """What is seldom asked about a file; `asks` is where it can be looked up by its hash, empty for nowhere."""

    title: str
    base: str
    licence: str
    page: str
    asks: str
    notes: str
    format: str
    alpha: float | None
    tensors: int
    sha256: str
    path: str


class OfferedFile(TypedDict):
    """A file that a site would give, or the hub where none is named.

    `key` says where whoever asks has one from: "typed", "environment" or "".
    """

    title: str
    file: str
    base: str
    licence: str
    size: str
    sha256: str
    site: str
    key: str


class AddedLora(TypedDict):
    """A file that came, with words where it is no LoRA; or that was stopped on its way, or wants a yes first."""

    name: NotRequired[str]
    said: NotRequired[str]
    stopped: NotRequired[bool]
    offer: NotRequired[OfferedFile]


class StackedWeights(LoraWeights):
    """A LoRA of a saved stack."""

    name: str
    start: float
    end: float


class LoraStack(TypedDict):
    """A saved stack, and whether it is one's own."""

    id: str
    name: str
    purpose: str
    loras: list[StackedWeights]
    own: bool


class LoraStacks(TypedDict):
    """The saved stacks that suit a model."""

    stacks: list[LoraStack]


class Said(TypedDict):
    """What is said of something on its way; empty while there is nothing to say."""

    said: str
