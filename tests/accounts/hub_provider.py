"""A provider of OpenID Connect on loopback, which signs in whoever comes as the person that a test names."""

import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "the-client", "the-secret-of-the-client"


class Provider(ThreadingHTTPServer):
    """Answers `person`; what it was asked with is kept in `codes` and `asked`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.person = {"sub": "1001", "preferred_username": "dora"}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        self.server.asked.append(where.path)
        if where.path == "/oauth/authorize":
            asked = {name: values[0] for name, values in parse_qs(where.query).items()}
            code = f"code-{len(self.server.codes)}"
            self.server.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_response(303)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        elif where.path == "/oauth/userinfo" and self.headers.get("authorization") == "Bearer the-access-token":
            self._tell(200, self.server.person)
        else:
            self._tell(401, {})

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        asked = self.server.codes.pop(form["code"][0], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"][0].encode()).digest()).decode().rstrip("=")
        client = b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
        is_right = (
            asked is not None
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form["redirect_uri"][0]
            and client == f"{CLIENT}:{SECRET}"
        )
        self._tell(
            200 if is_right else 400,
            {"access_token": "the-access-token", "scope": asked["scope"]} if asked and is_right else {"error": "no"},
        )

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _tell(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def provider() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
