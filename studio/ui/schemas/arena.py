"""What the Arena tab is told: a pair without names, a vote with them, and what all votes say."""

from typing_extensions import TypedDict

from studio.compare.arena import Standing


class ArenaPair(TypedDict):
    """Two pictures of one prompt, as data addresses; how many votes there are, and how many pairs are left."""

    pair: str
    prompt: str
    left: str
    right: str
    count: int
    left_over: int


class NoPair(TypedDict):
    """There is nothing to judge."""

    pair: None
    count: int


class ArenaVote(TypedDict):
    """A vote that was cast, and whose pictures they were."""

    left: str
    right: str
    choice: str


class ArenaTable(TypedDict):
    """Ratings with their intervals, and for each two models how often the one won, of how many."""

    tags: list[str]
    count: int
    standings: list[Standing]
    matrix: dict[str, dict[str, list[float]]]


class EncodedFile(TypedDict):
    """A file to be saved by the browser, in base64."""

    name: str
    data: str
