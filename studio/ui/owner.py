"""Who asks, as a listener of the page learns it: the account that signed in, or else whom the gate knows."""

import time
from typing import Any

from pydantic import SecretStr

from studio import hf_space
from studio.gate.identity import Identity, of_scope


def identify(request: Any) -> Identity:
    """Who sent a request, of Gradio's kind or Starlette's; who is signed in as a Space's owner keeps it."""
    bare = getattr(request, "request", None) or request
    found = of_scope(bare.scope)
    signed = _signed(bare)
    if not signed or found.kind == "account":
        return found
    person = signed["userinfo"]
    keeps = person.get("preferred_username") == str(hf_space.name()).partition("/")[0]
    token = signed.get("access_token") if hf_space.INFERENCE in str(signed.get("scope", "")).split() else None
    return found.of_account(str(person["sub"]), keeps=keeps, hub_token=SecretStr(token) if token else None)


def _signed(request: Any) -> dict[str, Any]:
    """What Gradio keeps of who signed in, in a cookie that it signed; empty for everybody else."""
    if not hf_space.signs_in():
        return {}
    signed = request.scope.get("session", {}).get("oauth_info")
    if not signed or signed.get("expires_at", 0) < time.time():
        return {}
    return dict(signed)
