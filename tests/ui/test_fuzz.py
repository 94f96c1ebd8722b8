"""Every door is asked hostile things: no answer is a fault of the program, nothing hangs, and it draws afterwards."""

import json
import random
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from studio.gate.identity import owner_by
from studio.inputs import InputStore
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.people import who
from tests.ui.painter import Painter

SECRET = "a-secret-that-one-program-keeps"
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**300, 1e308, -0.0, "", "x" * 5000, "\0", "../../etc/passwd", "\u202e", "a AND " * 50,
    [], [[]], [None] * 50, {}, {"": {}}, {"id": 1}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"__type__": "update"}, [{"units": "x"}], {"pictures": [{"id": None}]}, {"units": [1]}, {"loras": [{}]}, "starter",
)  # fmt: skip
RAW = (b"", b"{", b"[" * 5000, b"\xff", b'{"data": NaN}', b'{"data": "\\ud800"}', b"null", b"1" * 5000)
JSON = {"content-type": "application/json"}
UPLOADS = (("multipart/form-data", b"x"), ("multipart/form-data; boundary=b", b"--b\r\n\r\nx"), ("x", b""))
PATHS = (
    "gradio_api/file=/etc/passwd", "gradio_api/file=%00", "studio/pictures/x", "studio/pictures/%ff%00/..", "config",
    "studio/theme/%00", "studio/theme/../../x", "gradio_api/queue/data", "gradio_api/queue/data?session_hash=%00",
    "gradio_api/queue/data?session_hash=none", "gradio_api/call/generate/x", "gradio_api/heartbeat/%00", "pwa_icon/99",
    "gradio_api/upload_progress?upload_id=x", "assets/../x", "gradio_api/openapi.json", "gradio_api/info?page=x",
    "?page=x", "manifest.json", "gradio_api/upload_progress", "static/%00", "?deep_link=x", "gradio_api/queue/status",
)  # fmt: skip


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
    painter = Painter(inputs=InputStore.of(settings))
    painter.ready.set()
    with Studio(settings, backend=painter) as studio:
        yield studio


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {SECRET}"}
    with serve(studio) as address, httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        yield client


def value(chance: random.Random, deep: int = 2) -> Any:
    """Something that no page would say."""
    kind = chance.randrange(8)
    if deep and kind == 0:
        return [value(chance, deep - 1) for _ in range(chance.randrange(4))]
    if deep and kind == 1:
        names = ("id", "set", "model", "prompt", "loras", "unit", "path", "name", "base", "axes", "job", "image")
        return {chance.choice(names): value(chance, deep - 1) for _ in range(4)}
    return chance.choice(HOSTILE)


def asking(client: httpx.Client, chance: random.Random) -> list[tuple[str, Any]]:
    """Each listener and each function of the page's elements, asked something that it does not take."""
    config = client.get("config").json()
    asks: list[tuple[str, Any]] = []
    for listener in config["dependencies"]:
        if not listener["backend_fn"]:
            continue
        data = [value(chance) for _ in range(len(listener["inputs"]) - chance.choice((0, 0, 0, 1)) % 2)]
        said = {"data": data, "fn_index": listener["id"], "event_data": value(chance), "session_hash": "fuzz"}
        asks.append(("gradio_api/queue/join" if listener["queue"] else "gradio_api/run/predict", said))
    for part in config["components"]:
        for name in part["props"].get("server_fns") or ():
            said = {"component_id": part["id"], "fn_name": name, "session_hash": "fuzz"}
            asks += [("gradio_api/component_server", {**said, "data": value(chance)}) for _ in range(3)]
    return asks


def fuzz(client: httpx.Client, history: int, seed: int) -> list[str]:
    """The answers that should not be, after so many rounds over everything that is served."""
    chance = random.Random(seed)
    wrong: list[str] = []

    def note(answer: httpx.Response, asked: str) -> None:
        if answer.status_code >= 500 or "Traceback" in answer.text:
            wrong.append(f"{answer.status_code} {asked[:400]} {answer.text[:200]}")

    for _ in range(history):
        for path, said in asking(client, chance):
            body = json.dumps(said)
            note(client.post(path, content=body, headers=JSON), f"{path} {body}")
        for path in (f"gradio_api/{name}" for name in ("queue/join", "run/predict", "component_server", "cancel")):
            for raw in RAW:
                note(client.post(path, content=raw, headers=JSON), f"{path} {raw[:40]!r}")
            note(client.post(path, json=value(chance)), path)
        for path in PATHS:
            with client.stream("GET", path) as answer:
                if "event-stream" not in answer.headers.get("content-type", ""):
                    answer.read()
                    note(answer, path)
        for kind, raw in UPLOADS:
            note(client.post("gradio_api/upload", content=raw, headers={"content-type": kind}), f"upload {kind}")
    return wrong


def draws(studio: Studio) -> bool:
    job = studio.submit(Recipe(prompt="a boat", steps=1), who(owner_by(SECRET)))
    for _ in job.follow():
        pass
    return bool(job.results)


def test_nothing_that_is_asked_is_answered_with_a_fault_of_the_program(
    client: httpx.Client, studio: Studio, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fuzz(client, 1, seed=16) == []
    assert "Traceback" not in capfd.readouterr().err
    assert draws(studio)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_for_long_nothing_that_is_asked_is_answered_with_a_fault_of_the_program(
    client: httpx.Client, studio: Studio
) -> None:
    before = threading.active_count()
    assert fuzz(client, 40, seed=1) == []
    assert threading.active_count() < before + 100
    assert draws(studio)
