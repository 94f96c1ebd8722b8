"""Who calls what the page offers, in tests that go through no server."""

import gradio as gr
from starlette.requests import Request

from studio.gate.identity import KEY, Identity

ME = "browser:me"


def request(owner: str = ME, *, here: bool = True) -> gr.Request:
    """A request as the gate lets it in."""
    scope = {"type": "http", "headers": [], KEY: Identity(owner, here=here, address="127.0.0.1")}
    return gr.Request(Request(scope), session_hash="abc")
