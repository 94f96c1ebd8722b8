"""Signing in with Hugging Face: OpenID Connect's code flow, with the client that a Space is given or its owner made."""

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from studio import hf_space
from studio.errors import HubRefused, HubUnreachable, InvalidSetting, Refused
from studio.settings import Settings

CLIENT_ID, CLIENT_SECRET, PROVIDER = "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OPENID_PROVIDER_URL"
SCOPES_GRANTED = "OAUTH_SCOPES"
HUB = "https://huggingface.co"
SCOPES = "openid profile"
SECONDS, MOST_BYTES = 15.0, 100_000
AGAIN = "Sign in again."


@dataclass(frozen=True)
class HubPerson:
    """Who signed in there: `subject` stays when the name changes; `token` is there where it may be spent."""

    subject: str
    name: str
    token: SecretStr | None = None

    @property
    def runs_the_space(self) -> bool:
        """Whether this Space is theirs."""
        owner, slash, _ = (hf_space.name() or "").partition("/")
        return bool(slash) and owner == self.name


@dataclass(frozen=True)
class Attempt:
    """One way to the hub and back: what the browser keeps meanwhile, so that another's answer signs nobody in."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        """One that nobody can guess."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(48))

    @classmethod
    def read(cls, text: str) -> "Attempt":
        """What a browser kept of one; of nothing, one that nothing answers."""
        state, _, verifier = text.partition(".")
        return cls(state, verifier) if state and verifier else cls.new()

    @property
    def text(self) -> str:
        """What a browser keeps of it."""
        return f"{self.state}.{self.verifier}"


def offered(settings: Settings) -> bool:
    """Whether people sign in with Hugging Face here."""
    return settings.huggingface_login != "off"


def check_set_up(settings: Settings) -> None:
    """InvalidSetting where people are to sign in with Hugging Face, and there is no client for that."""
    lacking = [name for name in (CLIENT_ID, CLIENT_SECRET) if not os.environ.get(name)]
    if offered(settings) and lacking:
        raise InvalidSetting(
            f"Nobody can sign in with Hugging Face without {' and '.join(lacking)} in the environment.",
            "A Space has them with hf_oauth: true in its README; elsewhere make an application in the hub's settings.",
            field="huggingface_login",
        )


def begin(attempt: Attempt, back: str) -> str:
    """The address at the hub that the browser goes to, and from there `back`."""
    challenge = urlsafe_b64encode(sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
    wanted = {
        "client_id": os.environ.get(CLIENT_ID, ""),
        "redirect_uri": back,
        "response_type": "code",
        "scope": " ".join([SCOPES, *_spending()]),
        "state": attempt.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{_provider()}/oauth/authorize?{urlencode(wanted)}"


def finish(attempt: Attempt, answer: Mapping[str, str], back: str) -> HubPerson:
    """Who came back with this answer; Refused where it is none to this attempt.

    HubRefused, HubUnreachable.
    """
    if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()) or not answer.get("code"):
        raise Refused("This answer does not match your sign-in, or Hugging Face refused it.", AGAIN)
    client = os.environ.get(CLIENT_ID, ""), os.environ.get(CLIENT_SECRET, "")
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": back,
        "client_id": client[0],
        "code_verifier": attempt.verifier,
    }
    granted = _fetch("POST", "/oauth/token", data=form, auth=client)
    token = str(granted.get("access_token"))
    facts = _fetch("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    subject, name = facts.get("sub"), facts.get("preferred_username")
    if not (isinstance(subject, str) and subject and isinstance(name, str) and name):
        raise HubRefused("Hugging Face does not say who you are.", AGAIN)
    spends = hf_space.INFERENCE in str(granted.get("scope", "")).split()
    return HubPerson(subject[:200], name[:60], SecretStr(token) if spends else None)


def _spending() -> list[str]:
    """The scope to pay hosted models with, where the application was made for it, as a Space is by its README."""
    granted = os.environ.get(SCOPES_GRANTED, "").split()
    return [hf_space.INFERENCE] if hf_space.INFERENCE in granted else []


def _provider() -> str:
    return (os.environ.get(PROVIDER) or HUB).rstrip("/")


def _fetch(method: str, path: str, **request: Any) -> dict[str, Any]:
    """What the hub answers; nothing of a secret stands in what is said of a fault."""
    import httpx2

    try:
        with httpx2.Client(timeout=SECONDS, follow_redirects=False) as client:
            answer = client.request(method, f"{_provider()}{path}", **request)
            found = answer.json() if answer.is_success and len(answer.content) <= MOST_BYTES else None
    except (httpx2.HTTPError, ValueError) as error:
        raise HubUnreachable("Hugging Face does not answer.", "Try again in a while.") from error
    if not isinstance(found, dict):
        raise HubRefused(f"Hugging Face refused the sign-in ({answer.status_code}).", AGAIN)
    return found
