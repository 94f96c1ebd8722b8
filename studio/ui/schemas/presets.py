"""What the page is told of presets and styles."""

from typing import NotRequired

from typing_extensions import TypedDict


class PresetRow(TypedDict):
    """A preset that was saved: what it says, which parts of a recipe, and whether who asks may delete it."""

    id: str
    name: str
    parts: list[str]
    words: str
    own: bool


class PresetShare(TypedDict):
    """A preset of an admin's own that can be given to everybody."""

    folder: str
    id: str
    name: str


class PresetNews(TypedDict):
    """The presets of one's own, what is wrong with files, and what became of the last act."""

    serial: NotRequired[int]
    recipes: NotRequired[list[PresetRow]]
    negative: NotRequired[list[PresetRow]]
    shares: NotRequired[list[PresetShare]]
    faults: NotRequired[list[str]]
    act: NotRequired[str]
    done: NotRequired[bool]
    said: NotRequired[str]
    fault: NotRequired[str]
    replace: NotRequired[str]


class StyleCard(TypedDict):
    """A style with its small picture."""

    id: str
    name: str
    words: str
    picture: str
    own: bool


class StylePage(TypedDict):
    """Some of the styles that were looked for, of how many, and what is wrong with files of them."""

    styles: list[StyleCard]
    total: int
    faults: list[str]


class ImportNews(TypedDict):
    """What became of settings from elsewhere: whose they were, what was left out or changed, what their origin is."""

    serial: int
    name: str
    left: NotRequired[list[str]]
    origin: NotRequired[list[str]]
    fault: NotRequired[str]
