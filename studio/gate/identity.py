"""Who asks: made once at the edge of the server, and handed down; nobody below works out an owner again."""

import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal, Protocol

from pydantic import SecretStr

from studio.errors import Refused

# Where a request's scope holds its identity.
KEY = "studio.identity"
# A secret shorter than this could be guessed; one that is made here has twice as many characters.
SHORTEST, LONGEST = 24, 256
BEARER, BASIC = "bearer", "basic"


# How the caller is known: signed in, by a browser's cookie, by a program's token, as any program of this machine, at
# the command line, or not at all; of who asked an "earlier" studio, only the owner's name is left.
Kind = Literal["account", "browser", "token", "program", "command line", "nobody", "earlier"]
# What an account may do: look; make and keep; look after all others, and decide about this machine.
Role = Literal["viewer", "creator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "creator", "admin")


@dataclass(frozen=True)
class Identity:
    """Who asks. `owner` names whose things these are: it is made from a secret, and is none.

    `here` says that the person sits at this machine and that nobody else reaches this studio: no proxy stands between.
    `address` is where the request came from. `runs_it` marks the account of whoever runs the studio; `role` and `name`
    are an account's. `hub_token` is what somebody who signed in with Hugging Face lets the studio spend there: it goes
    with what they ask for, and is never written.
    """

    kind: Kind
    owner: str
    here: bool = False
    address: str = ""
    runs_it: bool = False
    role: Role = "creator"
    name: str = ""
    hub_token: SecretStr | None = field(default=None, repr=False, compare=False)

    @classmethod
    def earlier(cls, owner: str, *, here: bool = False) -> "Identity":
        """Who asked an earlier studio for what goes on now, and whether that was from this machine."""
        return cls("earlier", owner, here)

    @classmethod
    def signed_in(cls, id: str, name: str, role: Role) -> "Identity":  # noqa: A002
        """Whose account of this studio asks; an admin decides about this machine."""
        return cls("account", f"account:{id}", runs_it=role == "admin", role=role, name=name)

    def of_account(self, name: str, *, keeps: bool = False, hub_token: SecretStr | None = None) -> "Identity":
        """The same caller, known by an account, which may be that of whoever runs the studio."""
        return replace(self, kind="account", owner=f"account:{name}", runs_it=keeps, hub_token=hub_token)

    @property
    def known(self) -> bool:
        """Whether the caller can come again; one without any secret owns nothing beyond this one call."""
        return self.kind != "nobody"

    @property
    def keeps(self) -> bool:
        """Whether the caller may decide about this machine: what is downloaded to it and removed from it."""
        return self.here or self.runs_it

    @property
    def creates(self) -> bool:
        """Whether the caller may have anything made."""
        return self.may("creator")

    def may(self, role: Role) -> bool:
        """Whether the caller may do what this role may."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def turn(self) -> str:
        """Whose turns in the line are taken: anybody can invent owners, so strangers at one address share them."""
        is_stranger = self.kind in ("browser", "token", "nobody") and not self.here
        return f"address:{self.address}" if is_stranger else self.owner


# Whoever runs a command of the studio's.
COMMAND_LINE = Identity("command line", "command line", here=True)
# Whose the jobs are of programs of this machine that bring no secret: what one begins, the next call has to find.
PROGRAM = Identity("program", "program", here=True)


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


def session_name(scope: Mapping[str, Any]) -> str:
    """The cookie that holds the secret of who signed in; another one than the browser's own, which it outlives."""
    return f"{cookie_name(scope)}-login"


def before_signing_in(cookies: Mapping[str, str], name: str) -> Identity | None:
    """Who this browser was before anybody signed in, by the secret of its own that it keeps; None where it has none."""
    secret = cookies.get(name, "")
    return Identity("browser", owner_by(secret)) if is_secret(secret) else None


def presented(headers: Mapping[str, str], cookies: Mapping[str, str], name: str) -> tuple[Kind, str | None]:
    """How a request is known and its secret: `Authorization` of a program, or the cookie of a browser.

    A program says `Bearer` and its secret, or `Basic` with any name and the secret as its password.
    """
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() not in (BEARER, BASIC):
        given = cookies.get(name, "")
        return "browser", given if is_secret(given) else None
    given = rest.strip() if scheme.lower() == BEARER else _password(rest)
    return "token", given if is_secret(given) else None


def _password(coded: str) -> str:
    """The password of `Basic`; empty where it is none."""
    try:
        return b64decode(coded.strip(), validate=True).decode("ascii").partition(":")[2]
    except ValueError:
        return ""


def in_words(role: Role) -> str:
    """A role with its article."""
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


def check_creates(who: Identity) -> None:
    """Refused where an account may look, and neither have anything made nor say anything of what is there."""
    if not who.creates:
        whose = in_words(who.role)
        raise Refused(f"Your account is {whose}’s: it can look, but not change anything.", "Ask the studio's operator.")


class Accounts(Protocol):
    """Who knows accounts by their secrets."""

    def holder(self, kind: Kind, secret: str) -> Identity | None:
        """Whose this secret is; None where it is nobody's."""


def of_scope(scope: Mapping[str, Any]) -> Identity:
    """Who sent the request of this scope; KeyError where it did not come through the gate."""
    found: Identity = scope[KEY]
    return found
