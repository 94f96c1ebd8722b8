"""What the page is told of pictures: stored ones, ones in the making, and ones that a recipe starts from."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from studio.ui.schemas.controls import Pose


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
    """What is said of a stored picture, wherever it stands; `view` is seen in full of a file that no browser shows."""

    view: str
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
    """A stored picture, and what it is asked for by; `id` is the library's, as far as that is known here."""

    id: str
    key: str
    which: Which


class SettingLine(TypedDict):
    """A setting, or another fact, in words; `name` tells the same one of two pictures."""

    name: str
    label: str
    value: str


class SettingGroup(TypedDict):
    """What belongs together of a picture's settings."""

    title: str
    lines: list[SettingLine]


class PictureDetails(TypedDict):
    """Every setting of a picture, how it was made, and the same to copy: in A1111's words and as JSON."""

    star: bool
    groups: list[SettingGroup]
    infotext: str
    recipe: str


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


class StoredPicture(TypedDict):
    """A picture that a recipe starts from, or a map, with the pose that it was drawn of."""

    id: str
    width: int
    height: int
    name: str
    notes: list[str]
    file: str
    shown: str
    pose: NotRequired[Pose | None]
