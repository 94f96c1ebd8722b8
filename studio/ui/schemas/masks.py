"""What the mask editor is told, and the pictures that were painted on one after the other."""

from typing_extensions import TypedDict

from studio.ui.schemas.pictures import StoredPicture


class MaskNews(TypedDict):
    """The ids of each picture's mask and sketch, and what is to be said.

    `serial` is the stroke up to which they are stored; 0 where the editor is to show what lies at the addresses `mask`
    and `sketch`, or nothing where these are empty.
    """

    of: dict[str, str]
    sketches: dict[str, str]
    serial: int
    mask: str
    sketch: str
    notes: list[str]
    faults: list[str]


class Round(TypedDict):
    """A picture that was painted on: its id, and a small copy."""

    id: str
    shown: str


class RoundsView(TypedDict):
    """Pictures that were painted on, oldest first, and which is the present one.

    `shown` is that one where it is in the editor, and `holes` whether it is transparent somewhere.
    """

    ids: list[str]
    at: int
    rounds: list[Round]
    shown: StoredPicture | None
    holes: bool
