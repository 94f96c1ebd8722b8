"""A server on loopback that answers in Civitai's shape, and remembers what it was sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import Any

from PIL import Image


@dataclass
class Civitai:
    """What it knows: versions by the hash of a file, and what it answers with where that is something else."""

    address: str = ""
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    spoiled: tuple[int, bytes] | None = None
    asked: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    def publish(self, sha256: str, *, rated: int = 1) -> None:
        """Know a file."""
        picture = {"url": f"{self.address}/preview.png", "type": "image", "nsfwLevel": rated}
        self.versions[sha256] = {
            "id": 11,
            "modelId": 7,
            "name": "v2",
            "baseModel": "SD 1.5",
            "trainedWords": ["in fine ink, inked", "wet"],
            "model": {"name": "Fine ink", "type": "LORA", "nsfw": False},
            "images": [{"url": f"{self.address}/film.mp4", "type": "video", "nsfwLevel": 1}, picture],
            "files": [{"name": "ink.safetensors"}],
        }

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        if self.spoiled:
            return self.spoiled
        if path == "/api/v1/models/7":
            terms = {"allowNoCredit": False, "allowCommercialUse": ["Image"], "allowDerivatives": False}
            return 200, json.dumps({"id": 7, "name": "Fine ink", **terms, "allowDifferentLicense": True}).encode()
        if path == "/preview.png":
            file = BytesIO()
            Image.new("RGB", (900, 600), "teal").save(file, "PNG")
            return 200, file.getvalue()
        found = self.versions.get(path.rpartition("/")[2])
        return (200, json.dumps(found).encode()) if found else (404, b"{}")


@contextmanager
def small_civitai() -> Iterator[Civitai]:
    """The server, while the block lasts."""
    site = Civitai()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.sent.append(self.rfile.read(int(self.headers.get("content-length") or 0)))
            status, body = site.answer(self.path)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()
