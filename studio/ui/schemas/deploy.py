"""What the Deploy tab is told: what can be sent, whose Space it is, and how far it is."""

from typing import NotRequired

from typing_extensions import TypedDict


class Deployable(TypedDict):
    """A model or LoRA that can be on a Space."""

    id: str
    name: str
    size: str


class DeployFacts(TypedDict):
    """What can be chosen, whether this machine has a login, and whether a deployment is on its way."""

    hardware: dict[str, str]
    models: list[Deployable]
    loras: list[Deployable]
    settings: list[str]
    login: bool
    begun: bool


class DeployAccount(TypedDict):
    """Whose token it is: the account and its organizations."""

    names: list[str]
    pro: bool


class DeployFile(TypedDict):
    """A file of a Space: new, changed, removed or as it is there."""

    path: str
    size: str
    how: str


class DeployPlan(TypedDict):
    """What would be sent, beside what is there."""

    files: list[DeployFile]
    size: str
    sent: str
    there: bool
    # Whether it was held against the Space, which takes a token and the network.
    compared: bool


class DeployEvent(TypedDict):
    """A step with its words and share, or a line of the build's log."""

    step: NotRequired[str]
    words: NotRequired[str]
    share: NotRequired[float | None]
    line: NotRequired[str]


class DeployEnd(TypedDict):
    """How it ended: at an address, stopped, or with what went wrong."""

    url: NotRequired[str]
    stopped: NotRequired[bool]
    message: NotRequired[str]
    hint: NotRequired[str]


class DeployNews(TypedDict):
    """What happened from a position on."""

    events: list[DeployEvent]
    end: DeployEnd | None
    space: NotRequired[str]
