"""What the page is told of a picture that is made again: how like the two are, or its steps; and of one to save."""

from typing import NotRequired

from typing_extensions import TypedDict


class WorkBegun(TypedDict):
    """The job that was begun, or why a picture cannot be made again."""

    work: str
    because: list[str]


class Replayed(TypedDict):
    """How like a picture and the one made again are, with their addresses and that of the difference."""

    verdict: str
    words: str
    because: list[str]
    again: str
    difference: str


class Filmed(TypedDict):
    """The addresses of a picture's steps, as an animation and as a strip."""

    film: str
    strip: str
    frames: int


class WorkNews(TypedDict):
    """How far it is, in words and as a share; or what came of it."""

    line: str
    fraction: float
    replayed: NotRequired[Replayed]
    filmed: NotRequired[Filmed]


class SavedPicture(TypedDict):
    """A file to save: its name, and its bytes in base64."""

    name: str
    data: str
