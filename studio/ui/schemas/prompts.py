"""What is told below a prompt."""

from typing import NotRequired

from typing_extensions import TypedDict


class Stretch(TypedDict):
    """A stretch of a prompt as it is understood."""

    text: str
    weight: float
    kind: str


class Placed(TypedDict):
    """The words at fault in a prompt and those around them, where they have a place."""

    before: NotRequired[str]
    at: NotRequired[str]
    after: NotRequired[str]
    position: NotRequired[int]


class PromptFault(Placed):
    """What is wrong with a prompt."""

    message: str
    hint: str


class PromptView(TypedDict):
    """What is told below a prompt."""

    fault: NotRequired[PromptFault | None]
    seen: NotRequired[list[Stretch]]
    tokens: NotRequired[str]
    unknown: NotRequired[list[str]]
    ignored: NotRequired[str]
