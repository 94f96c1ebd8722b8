"""A service of hosted images on loopback that behaves, and misbehaves, as the real ones do."""

import json
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from PIL import Image

KEY = "sk-test-0123456789abcdefghijklmnop"
USAGE = {"input_tokens": 12, "input_tokens_details": {"text_tokens": 12, "image_tokens": 0}, "output_tokens": 1000}


@dataclass(frozen=True)
class Asked:
    """One request; files are their bytes."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Service:
    """What a server does for each model: the name of a method of `Handler`; what it does not know, it draws."""

    behaviours: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    # Slow answers wait for it.
    gate: threading.Event = field(default_factory=threading.Event)
    began: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    elsewhere: str = ""
    size: tuple[int, int] = (96, 96)
    address: str = ""

    @property
    def paid(self) -> Counter[tuple[str, str]]:
        """How often each model and prompt was asked for."""
        return Counter((one.body["model"], one.body["prompt"]) for one in self.asked if "prompt" in one.body)


def drawn(words: str, size: tuple[int, int] = (96, 96)) -> bytes:
    """A PNG of one colour, by the words."""
    buffer = BytesIO()
    Image.new("RGB", size, tuple(sha256(words.encode()).digest()[:3])).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The address of the service, to be given as a base URL."""

    class Own(Handler):
        pass

    Own.service = service
    with Server(("127.0.0.1", 0), Own) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        service.address = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield service.address
        finally:
            service.gate.set()
            server.shutdown()
            thread.join()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: clients leave early on purpose."""


class Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/v1/models/"):
            self.tell(200, {"id": "m", "created": 0, "object": "model", "owned_by": "t", "shutdown_date": "2031-02-03"})
        elif self.path.startswith("/moved"):
            self.plain(302, b"", location=self.service.elsewhere)
        elif self.path.startswith("/huge"):
            self.plain(200, b"0" * 3_000_000)
        else:
            self.plain(200, drawn(self.path, self.service.size))

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        multipart = self.headers["content-type"].startswith("multipart")
        body = _parts(self.headers["content-type"], data) if multipart else json.loads(data)
        self.service.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if KEY not in (self.headers["authorization"] or "") + (self.headers["api-key"] or ""):
            said = f"Incorrect API key provided: {self.headers['authorization']}"
            self.fail(401, said, "invalid_api_key")
            return
        self.body = body
        self.service.began.release()
        getattr(self, self.service.behaviours.get(body["model"], "b64"))()

    def tell(self, status: int, body: Any, **headers: str) -> None:
        self.plain(status, json.dumps(body).encode(), content_type="application/json", **headers)

    def plain(self, status: int, body: bytes, content_type: str = "image/png", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status: int, message: str, code: str = "", **headers: str) -> None:
        self.tell(status, {"error": {"message": message, "code": code, "type": "", "param": None}}, **headers)

    def picture(self) -> str:
        return b64encode(drawn(f"{self.body['model']} {self.body['prompt']}", self.service.size)).decode()

    def b64(self) -> None:
        if self.body.get("stream"):
            self.streamed()
            return
        one = {"b64_json": self.picture(), "revised_prompt": f"{self.body['prompt']}, in detail"}
        self.tell(200, {"created": 1, "data": [one] * int(self.body.get("n", 1)), "usage": USAGE})

    def streamed(self, *, whole: bool = True) -> None:
        kind = "image_edit" if "image" in self.body else "image_generation"
        shared = {"b64_json": self.picture(), "created_at": 1, "size": "1024x1024", "quality": "low"}
        looks = [{**shared, "type": f"{kind}.partial_image", "partial_image_index": at} for at in range(2)]
        last = [{**shared, "type": f"{kind}.completed", "usage": USAGE}] if whole else []
        events = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in [*looks, *last])
        self.plain(200, events.encode(), content_type="text/event-stream")

    def half_streamed(self) -> None:
        self.streamed(whole=False)

    def stream_refused(self) -> None:
        error = {"type": "error", "error": {"message": "no", "code": "moderation_blocked"}}
        self.plain(200, f"event: error\ndata: {json.dumps(error)}\n\n".encode(), content_type="text/event-stream")

    def url(self) -> None:
        address = self.service.address.removesuffix("/v1")
        self.tell(200, {"created": 1, "data": [{"url": f"{address}/{self.body['model']}.png"}]})

    def other_url(self) -> None:
        self.tell(200, {"created": 1, "data": [{"url": self.service.elsewhere}]})

    def moved_url(self) -> None:
        address = self.service.address.removesuffix("/v1")
        self.tell(200, {"created": 1, "data": [{"url": f"{address}/moved"}]})

    def huge_url(self) -> None:
        address = self.service.address.removesuffix("/v1")
        self.tell(200, {"created": 1, "data": [{"url": f"{address}/huge"}]})

    def moderated(self) -> None:
        self.fail(400, f"Your request was rejected. Key {KEY} was used.", "moderation_blocked")

    def unauthorised(self) -> None:
        self.fail(401, f"Incorrect API key provided: {KEY[:12]}********{KEY[-4:]}", "invalid_api_key")

    def missing(self) -> None:
        self.fail(404, f"The model {self.body['model']} does not exist", "model_not_found")

    def busy_once(self) -> None:
        if self.service.paid[self.body["model"], self.body["prompt"]] > 1:
            self.b64()
        else:
            self.fail(429, "Slow down.", "rate_limit_exceeded", Retry_After="0")

    def busy(self) -> None:
        self.fail(429, "Slow down.", "rate_limit_exceeded", Retry_After="999")

    def broke(self) -> None:
        self.fail(429, "No credit.", "insufficient_quota")

    def broken(self) -> None:
        self.fail(500, f"Broken near {KEY[5:25]}", "server_error")

    def slow(self) -> None:
        self.service.gate.wait()
        self.b64()

    def cut(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "100000")
        self.end_headers()
        self.wfile.write(b'{"created": 1, "data": [{"b64_json": "iVBOR')
        self.close_connection = True

    def nonsense(self) -> None:
        self.plain(200, b'{"created": 1, "data": [{"b64', content_type="application/json")

    def wrong_types(self) -> None:
        self.tell(200, {"created": "x", "data": [{"b64_json": 7}], "usage": "much"})

    def words(self) -> None:
        self.plain(200, b"<html>hello</html>", content_type="text/html")

    def no_image(self) -> None:
        self.tell(200, {"created": 1, "data": [{"b64_json": b64encode(b"<html>").decode()}]})

    def no_base64(self) -> None:
        self.tell(200, {"created": 1, "data": [{"b64_json": "%%%"}]})

    def large(self) -> None:
        self.tell(200, {"created": 1, "data": [{"b64_json": "A" * 3_000_000}]})

    def packed(self) -> None:
        self.plain(200, b"\x1f\x8b", content_type="application/json", content_encoding="gzip")

    def many_pixels(self) -> None:
        buffer = BytesIO()
        Image.new("1", (9000, 9000)).save(buffer, "PNG")
        self.tell(200, {"created": 1, "data": [{"b64_json": b64encode(buffer.getvalue()).decode()}]})

    def redirect(self) -> None:
        self.plain(307, b"", location=self.service.elsewhere)

    def empty(self) -> None:
        self.tell(200, {"created": 1, "data": []})


def _parts(content_type: str, data: bytes) -> dict[str, Any]:
    """The fields of a form; files as bytes."""
    whole = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + data)
    parts: dict[str, Any] = {}
    for part in whole.get_payload():  # type: ignore[union-attr]
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        content = part.get_payload(decode=True)  # type: ignore[union-attr]
        parts[str(name)] = content if part.get_filename() else content.decode()  # type: ignore[union-attr]
    return parts
