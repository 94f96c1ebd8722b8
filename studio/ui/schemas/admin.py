"""What an admin is told: accounts with their tokens and disk, invitations, limits, and the line without its content."""

from typing import NotRequired

from typing_extensions import TypedDict


class AdminToken(TypedDict):
    """A program's key to an account; when it was last used, 0 for never."""

    id: str
    label: str
    used: float


class AdminAccount(TypedDict):
    """An account, and what its pictures take on the disk, in megabytes."""

    name: str
    role: str
    tokens: list[AdminToken]
    pictures: int
    megabytes: float


class AdminInvitation(TypedDict):
    """An invitation that can still be taken up, until this time in seconds since 1970."""

    id: str
    role: str
    expires: float


class AdminLimit(TypedDict):
    """A limit that is set where the studio is started: what it is, the variable that sets it, and what it is now."""

    words: str
    variable: str
    value: str


class AdminJob(TypedDict):
    """A job that waits or runs: whose it is, and nothing of what it shows."""

    whose: str
    kind: str
    state: str
    pictures: int


class AdminFacts(TypedDict):
    """All of it; `link` is the way that an invitation just made begins with, told this once."""

    you: str
    roles: list[str]
    accounts: list[AdminAccount]
    others: AdminAccount | None
    invitations: list[AdminInvitation]
    limits: list[AdminLimit]
    line: list[AdminJob]
    link: NotRequired[str]
