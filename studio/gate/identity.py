"""Who asks: made once at the edge of the server, and handed down; nobody below works out an owner again."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

# Where a request's scope holds its identity.
KEY = "studio.identity"
# A secret shorter than this could be guessed; one that is made here has twice as many characters.
SHORTEST, LONGEST = 24, 256
SCHEME = "bearer "


@dataclass(frozen=True)
class Identity:
    """`owner` names whose things these are: it is made from a secret, and is none.

    `here` says that the person sits at this machine and that nobody else reaches this studio: no proxy stands between.
    `address` is where the request came from. `known` is False for a caller without any secret, who owns nothing beyond
    this one call.
    """

    owner: str
    here: bool
    address: str
    known: bool = True
    runs_it: bool = False

    def of_account(self, name: str, *, keeps: bool = False) -> "Identity":
        """The same caller, known by an account, which may be that of whoever runs the studio."""
        return replace(self, owner=f"account:{name}", known=True, runs_it=keeps)

    @property
    def keeps(self) -> bool:
        """Whether the caller may decide about this machine: what is downloaded to it and removed from it."""
        return self.here or self.runs_it


def owner_by(secret: str) -> str:
    """The owner whose browser or program keeps this secret; only its hash is ever stored."""
    return f"browser:{sha256(secret.encode()).hexdigest()[:40]}"


def nobody() -> str:
    """An owner that nobody can be a second time."""
    return f"nobody:{secrets.token_urlsafe(18)}"


def new_secret() -> str:
    """What a browser is given at its first visit."""
    return secrets.token_urlsafe(SHORTEST * 3 // 2)


def is_secret(text: str) -> bool:
    """Whether a secret is long enough to be one, and plain enough to travel in a header."""
    return SHORTEST <= len(text) <= LONGEST and text.isascii() and text.isprintable()


def cookie_name(scope: Mapping[str, Any]) -> str:
    """The cookie that holds a browser's secret; it names the port, because a machine's ports share their cookies."""
    return f"image-studio-{(scope.get('server') or ('', 0))[1]}"


def presented(headers: Mapping[str, str], cookies: Mapping[str, str], name: str) -> str | None:
    """The secret that a request brings, as `Authorization: Bearer` from a program or as a cookie from a browser."""
    said = headers.get("authorization", "")
    given = said[len(SCHEME) :].strip() if said.lower().startswith(SCHEME) else cookies.get(name, "")
    return given if is_secret(given) else None


def of_scope(scope: Mapping[str, Any]) -> Identity:
    """Who sent the request of this scope; KeyError where it did not come through the gate."""
    found: Identity = scope[KEY]
    return found
