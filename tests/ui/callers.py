"""Who calls what the page offers, in tests that go through no server."""

import gradio as gr
from starlette.requests import Request

from studio.gate.identity import KEY, Identity

ME = Identity("browser", "browser:me", here=True, address="127.0.0.1")


def request(owner: str = ME.owner, *, here: bool = True, signed: str = "") -> gr.Request:
    """A request as the gate lets it in, from a browser that may be signed in under a name."""
    account = {"sub": signed, "preferred_username": signed}
    session = {"oauth_info": {"userinfo": account, "expires_at": 1e12}} if signed else {}
    who = Identity("browser", owner, here=here, address="127.0.0.1")
    return gr.Request(Request({"type": "http", "headers": [], "session": session, KEY: who}), session_hash="abc")
