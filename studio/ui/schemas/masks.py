"""What the mask editor is told, and the pictures that were painted on one after the other."""

from typing_extensions import TypedDict


class MaskNews(TypedDict):
    """The mask's id for each picture's, the stroke up to which they are stored, and what is to be said."""

    of: dict[str, str]
    serial: int
    notes: list[str]
    faults: list[str]


class RoundsView(TypedDict):
    """Ids of pictures, oldest first, and the present one: whether it is in the editor, and transparent somewhere."""

    ids: list[str]
    at: int
    shown: bool
    holes: bool
