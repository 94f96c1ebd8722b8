"""A server on loopback that answers in Civitai's shape, and remembers what it was sent."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import Any
from urllib.parse import quote, unquote

from PIL import Image


@dataclass
class Civitai:
    """What it knows: versions by the hash of a file, and what it answers with where that is something else.

    `files` are given away under their names, by a server of another name, to who has the `key` where there is one; each
    breaks off after so many bytes as `breaks` says, once.
    """

    address: str = ""
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    spoiled: tuple[int, bytes] | None = None
    asked: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    kind: str = "LORA"
    key: str = ""
    breaks: int = 0

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

    def give(self, name: str, content: bytes, sha256: str = "") -> None:
        """Publish a file to be downloaded, as version 11 of model 7; `sha256` where another hash is told."""
        digest = sha256 or hashlib.sha256(content).hexdigest()
        self.publish(digest)
        self.files[name] = content
        address = f"{self.address}/api/download/models/11?type=Model"
        told = {
            "name": name,
            "sizeKB": len(content) / 1024,
            "hashes": {"SHA256": digest.upper()},
            "downloadUrl": address,
        }
        self.versions[digest]["files"] = [{"name": "ink.ckpt"}, {**told, "primary": True}]

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        if self.spoiled:
            return self.spoiled
        if path == "/api/v1/models/7":
            terms = {"allowNoCredit": False, "allowCommercialUse": ["Image"], "allowDerivatives": False}
            table = {"id": 7, "name": "Fine ink", "type": self.kind, **terms, "allowDifferentLicense": True}
            return 200, json.dumps({**table, "modelVersions": [*self.versions.values()]}).encode()
        if path == "/api/v1/model-versions/11":
            return 200, json.dumps({"id": 11, "modelId": 7}).encode()
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
            site.keys.append(self.headers.get("authorization", ""))
            if self.path.startswith("/api/download/models/11"):
                self._lead_on()
            elif self.path.startswith("/files/"):
                self._give(site.files[unquote(self.path.removeprefix("/files/"))])
            else:
                self._answer(*site.answer(self.path))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _lead_on(self) -> None:
            """To a server of another name, as the site does."""
            known = not site.key or self.headers.get("authorization") == f"Bearer {site.key}"
            self.send_response(307 if known else 401)
            port = site.address.rpartition(":")[2]
            (name,) = site.files
            self.send_header("location", f"http://127.1:{port}/files/{quote(name)}")
            self.send_header("content-length", "0")
            self.end_headers()

        def _give(self, content: bytes) -> None:
            first = int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if first else 200)
            self.send_header("content-length", str(len(content) - first))
            self.end_headers()
            last, site.breaks = site.breaks or len(content), 0
            self.wfile.write(content[first:last])
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()
