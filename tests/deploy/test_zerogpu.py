"""ZeroGPU as far as `spaces` allows without a GPU: forked worker, pickled arguments, scheduler on loopback."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.forks import python

# A whole studio starts, which on a busy machine takes minutes.
SECONDS = 500
pytestmark = pytest.mark.timeout(SECONDS + 20)
ROOT = Path(__file__).resolve().parents[2]
QUOTA_SECONDS = 60


class Scheduler(BaseHTTPRequestHandler):
    """Lends the one GPU to every call that fits its quota."""

    asked: list[tuple[str, dict[str, list[str]]]]

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.asked.append((url.path, query))
        if url.path != "/schedule":
            self._answer(200, {})
        elif float(query["durationSeconds"][0]) > QUOTA_SECONDS:
            self._answer(429, {"left": QUOTA_SECONDS, "wait": 3600})
        else:
            self._answer(200, {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "lent"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def asked() -> list[tuple[str, dict[str, list[str]]]]:
    """What the scheduler was asked."""
    return []


@pytest.fixture(scope="module")
def told(asked: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a studio on ZeroGPU said of itself."""
    handler = type("Handler", (Scheduler,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "HOME": str(tmp_path_factory.mktemp("user")),
    }
    command = [python(anew=True), str(ROOT / "tests/deploy/zerogpu_studio.py"), str(tmp_path_factory.mktemp("home"))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    yield json.loads(done.stdout.splitlines()[-1])
    server.shutdown()
    server.server_close()


def test_a_visitors_picture_is_made_in_a_fork_on_his_own_quota(told: dict[str, Any], asked: list[Any]) -> None:
    assert told["of the page"] == {"state": "done", "made": 1}
    first = next(query for path, query in asked if path == "/schedule")
    assert first["token"] == ["a.e30.b"]
    forks = {query["pid"][0] for path, query in asked if path == "/allow"}
    assert forks
    assert str(told["process"]) not in forks


def test_the_start_is_reported_before_anything_is_scheduled(told: dict[str, Any], asked: list[Any]) -> None:
    assert told
    assert asked[0][0] == "/startup-report"


def test_a_fork_makes_the_same_pixels(told: dict[str, Any]) -> None:
    assert told["pixels"]


def test_a_stopped_call_frees_the_gpu_for_the_next(told: dict[str, Any]) -> None:
    assert told["stopped"] == ["Stopped", "Done"]


def test_a_fault_in_the_fork_still_names_its_field(told: dict[str, Any]) -> None:
    assert told["refused"]["field"] == "scheduler"


def test_a_quota_that_is_used_up_is_a_sentence_with_its_cure(told: dict[str, Any]) -> None:
    assert told["refused"]["quota"] == "The time on ZeroGPU's graphics cards is used up."
    assert told["refused"]["cure"].startswith("Sign in")


def test_a_longer_job_asks_for_more_time(told: dict[str, Any]) -> None:
    short, long = told["seconds"]
    assert 0 < short < long
