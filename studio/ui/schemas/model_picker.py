"""What the picker of models is told."""

from typing import Literal

from typing_extensions import TypedDict

Fit = Literal["", "fits", "tight", "large"]


class PickerModel(TypedDict):
    """A model to choose: what it is, what it needs, how quick it is here.

    `key` is what it is downloaded by, empty where it is here or somebody else hosts it. `fit` says how what it needs
    goes into what is free, empty where that is not known.
    """

    id: str
    name: str
    family: str
    summary: str
    licence: str
    state: Literal["here", "away", "coming", "hosted"]
    key: str
    size: str
    bytes: int
    needs: str
    fit: Fit
    speed: str
    liked: bool
    cannot: str
    fault: str


class PickerModels(TypedDict):
    """All that can be chosen; what memory and disk have free, in words, and whether whoever asks may download."""

    models: list[PickerModel]
    memory: str
    disk: str
    fetches: bool
