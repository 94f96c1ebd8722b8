"""Whose jobs a page shows: a secret that the browser keeps, so that no other browser can see or stop them.

Where people can sign in, an account that did is the same owner in every browser.
"""

import secrets
import time
from typing import Any

from studio import space
from studio.errors import StudioError
from studio.gate import identity
from studio.gate.identity import Identity
from studio.settings import Settings
from studio.ui.fast_gradio import gr

# Where the browser keeps things. The second word only scrambles them there; the owner's own value is the secret.
KEEPER = {"secret": "image-studio"}
LENGTH = 24


def place() -> Any:
    """The invisible widget that holds the browser's secret."""
    return gr.BrowserState("", storage_key="image-studio-owner", **KEEPER)


def admit(token: str) -> str:
    """The browser's secret, made at its first visit."""
    return token if _is_secret(token) else secrets.token_urlsafe(LENGTH)


def owner_of(token: Any, request: Any) -> str:
    """The owner of a call: the account, or else the browser by its secret, or the caller's session if it keeps none."""
    if account := _account(request):
        return f"account:{account}"
    return token if _is_secret(token) else f"session:{request.session_hash or secrets.token_urlsafe(LENGTH)}"


def vouched(owner: str, request: Any) -> str:
    """The owner that a page says it is of; StudioError where that is an account, and nobody signed in."""
    if account := _account(request):
        return f"account:{account}"
    if owner.startswith("account:"):
        raise StudioError("You are not signed in any more.", "Sign in again, or load the page anew.")
    return owner


def keeps(settings: Settings, request: Any) -> bool:
    """Whether whoever asks may decide about this machine: he sits at it, or is signed in as the owner of its Space."""
    if space.name():
        signed = _signed(request)
        return bool(signed) and signed.get("preferred_username") == str(space.name()).partition("/")[0]
    if request is None:  # asked from within
        return settings.alone
    asked: Identity | None = getattr(request, "scope", {}).get(identity.KEY)
    return settings.alone and asked is not None and asked.here


def _is_secret(token: Any) -> bool:
    return isinstance(token, str) and len(token) >= LENGTH and ":" not in token


def _account(request: Any) -> str | None:
    """Who signed in; None for everybody else."""
    signed = _signed(request)
    return str(signed["sub"]) if signed else None


def _signed(request: Any) -> dict[str, Any]:
    """What is known of who signed in, by the cookie that Gradio signed; empty for everybody else."""
    if not space.signs_in():
        return {}
    signed = getattr(request, "session", {}).get("oauth_info")
    if not signed or signed.get("expires_at", 0) < time.time():
        return {}
    return dict(signed["userinfo"])
