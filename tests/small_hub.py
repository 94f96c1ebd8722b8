"""As much of the hub as lists and sends the files of some repositories, on loopback."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

COMMIT = "1" * 40
Repos = Mapping[str, Mapping[str, bytes]]


@contextmanager
def small_hub(repos: Repos, begun: Event | None = None, go_on: Event | None = None) -> Iterator[str]:
    """Its address. Where there is `begun`, it is set when half of a file is sent, and the rest waits for `go_on`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, repos=repos, begun=begun, go_on=go_on))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Hub(BaseHTTPRequestHandler):
    def __init__(self, *arguments: Any, repos: Repos, begun: Event | None, go_on: Event | None) -> None:
        self.repos = repos
        self.begun = begun
        self.go_on = go_on
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        repo, _, file = self.path.removeprefix("/api/models").strip("/").partition("/resolve/main/")
        files = self.repos.get(repo)
        if files is None or (file and file not in files):
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound" if files else "RepoNotFound"})
        elif file:
            self.answer(200, files[file], {"ETag": f'"{len(files[file])}"', "X-Repo-Commit": COMMIT})
        else:
            told = {"id": repo, "modelId": repo, "siblings": [{"rfilename": name} for name in files]}
            self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(body) // 2 if self.begun and "ETag" in headers else len(body)
        self.wfile.write(body[:half])
        if self.begun and self.go_on and body[half:]:
            self.begun.set()
            self.go_on.wait()
            self.wfile.write(body[half:])

    def log_message(self, *arguments: Any) -> None:
        pass
