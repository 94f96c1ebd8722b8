"""A site on the web with pictures, for tests: a server of this machine that is taken for a public place."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from studio import safe_fetch

NAME = "pictures.example"
HERE = "127.0.0.1"


def png(colour: str = "navy", side: int = 64) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


class Site:
    """What it answers at each path, and which hosts it was asked for."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {"/boat.png": sending(png())}

    def address(self, path: str = "/boat.png") -> str:
        return f"http://{NAME}{path}"


def sending(body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302 if "Location" in headers else 200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


@contextmanager
def picture_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The site, which this program takes for a public one while the block lasts."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.hosts.append(self.headers["Host"])
            site.answers[self.path](self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((HERE, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    looked_up, is_public = socket.getaddrinfo, safe_fetch.is_public
    known = {NAME: HERE}
    monkeypatch.setitem(safe_fetch.PORTS, "http", server.server_port)
    monkeypatch.setattr(safe_fetch, "is_public", lambda place: place == HERE or is_public(place))
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **kw: looked_up(known.get(host, host), *more, **kw))
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
