"""What the Models tab is told of weights."""

from typing import Literal

from typing_extensions import TypedDict


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
