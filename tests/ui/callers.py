"""Who calls what the page offers, in tests that go through no server."""

from typing import Any

import gradio as gr
from starlette.requests import Request

from studio.gate.identity import KEY, Identity

ME = Identity("browser", "browser:me", here=True, address="127.0.0.1")


def request(owner: str = ME.owner, *, here: bool = True, signed: str = "") -> gr.Request:
    """A request as the gate lets it in, from a browser that may be signed in under a name."""
    account = {"sub": signed, "preferred_username": signed}
    session = {"oauth_info": {"userinfo": account, "expires_at": 1e12}} if signed else {}
    return request_of(Identity("browser", owner, here=here, address="127.0.0.1"), session)


def request_of(who: Identity, session: dict[str, Any] | None = None) -> gr.Request:
    """A request of who is known so."""
    scope = {"type": "http", "headers": [], "session": session or {}, KEY: who}
    return gr.Request(Request(scope), session_hash="abc")
