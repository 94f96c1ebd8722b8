"""Programs that ask through the gate, without a server: quick where a test needs a studio of its own."""

from collections.abc import Callable
from typing import Any

import httpx
from starlette.types import ASGIApp

from studio.api.app import make
from studio.gate.gate import Gate
from studio.studio import Studio
from tests.loops import run

HERE = "http://127.0.0.1:7860"
Ask = Callable[..., httpx.Response]


def gated(studio: Studio) -> ASGIApp:
    """The programs' application behind the gate, as it is served."""
    accounts = studio.accounts if studio.accounts.required(studio.settings) else None
    return Gate(make(studio), studio.settings, accounts)


def asking(app: ASGIApp) -> Ask:
    """Sends one request; `key` is the secret of who asks."""

    def ask(method: str, path: str, *, key: str = "", **given: Any) -> httpx.Response:
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **given.pop("headers", {})}

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
            async with httpx.AsyncClient(transport=transport, base_url=HERE, timeout=60) as client:
                return await client.request(method, path, headers=headers, **given)

        return run(send())

    return ask
