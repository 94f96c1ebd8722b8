"""As much of the hub as lists and sends files of some repositories, on loopback; as slow or unkind as asked."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import huggingface_hub.constants
import pytest

COMMIT = "1" * 40
# Larger files are kept apart by the hub, under their SHA-256.
LARGE = 1000
Repos = Mapping[str, Mapping[str, bytes]]


@dataclass
class Manners:
    """How the hub behaves, and what it was asked.

    `refusals`: per repository the status and headers of each answer about its files; `cuts`: per file how many bytes
    of a body are sent before the connection breaks, one number for each time; `damage`: files that are sent with
    another last byte. Where there is `begun`, it is set when half of a large file is sent, and the rest waits for
    `go_on`. `heard` has each file that was sent, with the range that was asked for.
    """

    refusals: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    damage: set[str] = field(default_factory=set)
    begun: Event | None = None
    go_on: Event | None = None
    heard: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def small_hub(repos: Repos, manners: Manners | None = None) -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, repos=repos, manners=manners or Manners()))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def turn_to(address: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process ask that hub, and keep what comes from it in a cache of its own."""
    for name, value in {
        "ENDPOINT": address,
        "HUGGINGFACE_CO_URL_TEMPLATE": address + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_OFFLINE": False,
        "HF_HUB_CACHE": str(cache),
        "HF_TOKEN_PATH": str(cache / "no-token"),
    }.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("studio.transfer.PAUSES", (0.0, 0.0))


class Hub(BaseHTTPRequestHandler):
    def __init__(self, *arguments: Any, repos: Repos, manners: Manners) -> None:
        self.repos = repos
        self.manners = manners
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/models").strip("/")
        repo, _, file = re.sub(r"/(resolve|revision)/(main|1{40})/?", "//", path, count=1).partition("//")
        files = self.repos.get(repo)
        if files is None or (file and file not in files):
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound" if files else "RepoNotFound"})
        elif file and repo in self.manners.refusals:
            status, headers = self.manners.refusals[repo]
            self.answer(status, b"", headers)
        elif file:
            self.send(file, files[file])
        else:
            told = {"id": repo, "modelId": repo, "sha": COMMIT, "siblings": [_told(*one) for one in files.items()]}
            self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def send(self, file: str, body: bytes) -> None:
        asked = self.headers.get("Range")
        if self.command == "GET":
            self.manners.heard.append((file, asked))
        if file in self.manners.damage:
            body = body[:-1] + bytes([body[-1] ^ 1])
        headers = {"ETag": f'"{_told(file, body)["blobId"]}"', "X-Repo-Commit": COMMIT}
        if found := re.fullmatch(r"bytes=(\d+)-", asked or ""):
            start = int(found[1])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.answer(206, body[start:], headers, file)
        else:
            self.answer(200, body, headers, file)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str], file: str = "") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if cuts := self.manners.cuts.get(file):
            self.wfile.write(body[: cuts.pop(0)])
            self.close_connection = True
            return
        begun, go_on = self.manners.begun, self.manners.go_on
        half = len(body) // 2 if file and begun and len(body) >= LARGE else len(body)
        self.wfile.write(body[:half])
        if begun and go_on and body[half:]:
            begun.set()
            go_on.wait()
            self.wfile.write(body[half:])

    def log_message(self, *arguments: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # who asked has gone
            super().handle()


def _told(name: str, body: bytes) -> dict[str, Any]:
    sha256 = hashlib.sha256(body).hexdigest()
    lfs = {"lfs": {"sha256": sha256, "size": len(body), "pointerSize": 100}} if len(body) >= LARGE else {}
    blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    return {"rfilename": name, "size": len(body), "blobId": blob, **lfs}
