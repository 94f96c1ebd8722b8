"""What a stranger's connection may take: uploads that are cut or too large, connections that ask for nothing."""

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from studio.gate.identity import owner_by
from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui import patience, serve, server
from tests.people import who
from tests.ui.painter import Painter

BOUNDARY = b"--b\r\n"
PART = BOUNDARY + b'Content-Disposition: form-data; name="files"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0, max_upload_mb=1, work_per_minute=1)
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio:
        yield studio


@pytest.fixture(scope="module")
def place(studio: Studio) -> Iterator[tuple[str, int]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "HEAD_SECONDS", 0.3)
        with serve(studio) as address:
            split = urlsplit(address)
            assert split.hostname
            assert split.port
            yield split.hostname, split.port


@pytest.fixture
def line(place: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(place, timeout=30) as line:
        yield line


def head(place: tuple[str, int], length: str) -> bytes:
    return (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: {place[0]}:{place[1]}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\n{length}\r\n\r\n"
    ).encode()


def chunk(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


def brought(studio: Studio) -> list[Path]:
    # Not by rglob, which fails where a folder is cleared away meanwhile.
    walk = os.walk(studio.settings.home / UPLOADS)
    return [path for folder, _, names in walk for name in names if (path := Path(folder, name)).is_file()]


def until(happened: object) -> None:
    """Wait, as long as a test may, until something has happened."""
    assert callable(happened)
    while not happened():
        time.sleep(0.02)


def test_an_upload_that_is_cut_in_the_middle_leaves_no_file(
    line: socket.socket, place: tuple[str, int], studio: Studio
) -> None:
    line.sendall(head(place, "Content-Length: 900000") + PART + b"x" * 300_000)
    until(lambda: list((studio.settings.home / UPLOADS).glob("*")))
    line.close()
    until(lambda: not list((studio.settings.home / UPLOADS).glob("*")))
    assert brought(studio) == []


def test_an_upload_that_does_not_say_how_long_it_is_is_refused_while_it_arrives(
    line: socket.socket, place: tuple[str, int], studio: Studio
) -> None:
    line.sendall(head(place, "Transfer-Encoding: chunked") + chunk(PART))
    # It never ends: what answers has not waited for the end.
    for _ in range(5):
        line.sendall(chunk(b"x" * (MEGABYTE // 4)))
    assert line.recv(100).startswith(b"HTTP/1.1 413 ")
    until(lambda: not list((studio.settings.home / UPLOADS).glob("*")))


def test_an_upload_that_says_that_it_is_too_large_is_refused_before_it_arrives(
    line: socket.socket, place: tuple[str, int]
) -> None:
    line.sendall(head(place, f"Content-Length: {3 * MEGABYTE}"))
    assert line.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127"], ids=["nothing", "half a head"])
def test_a_connection_that_asks_for_nothing_whole_is_dropped(line: socket.socket, said: bytes) -> None:
    line.sendall(said)
    # The line's end; without it, this would wait until the socket's own time is over, and fail.
    assert line.recv(100) == b""


def test_maps_imports_and_exports_of_a_page_count_though_they_are_no_jobs(
    studio: Studio, place: tuple[str, int]
) -> None:
    secret = "a-secret-that-a-browser-keeps"
    mine = who(owner_by(secret))
    picture = studio.inputs.add(Image.linear_gradient("L").convert("RGB"), "controls", mine).id
    unit = {"kind": "canny", "image": picture}
    asked: dict[str, dict[str, Any]] = {
        "preview": {"unit": unit, "model": "starter", "token": "t"},
        "people": {"unit": {**unit, "kind": "pose"}, "model": "starter", "token": "t"},
        "pose": {"pose": {"people": [], "canvas_width": 64, "canvas_height": 64}},
        "measure": {"set": "a"},
        "hand": {"id": "a", "form": "csv"},
        "save": {"stored": "a", "format": "png", "recipe": True},
        "eject": {"stored": "a"},
    }
    studio.pace.check(mine)
    base, headers = f"http://{place[0]}:{place[1]}", {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=base, headers=headers) as browser:
        parts = browser.get("/config").json()["components"]
        for act, given in {**asked, "zip": {"ids": [], "form": "pdf", "title": ""}}.items():
            element = next(one["id"] for one in parts if act in (one["props"].get("server_fns") or ()))
            call = {"component_id": element, "fn_name": act, "data": given, "session_hash": "one"}
            answer = browser.post("/gradio_api/component_server", json=call).json()
            if act == "zip":
                assert browser.get(f"/{answer['address']}").status_code == 429
            else:
                assert "1 map, import or export in the last minute" in answer["fault"], act


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_the_data_folder_is_closed_to_the_machine_s_other_users(studio: Studio, place: tuple[str, int]) -> None:
    del place
    assert stat.S_IMODE(studio.settings.home.stat().st_mode) == 0o700


def test_old_uploads_are_cleared_while_the_studio_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SWEEP_SECONDS", 0.02)
    with Studio(Settings.load(home=tmp_path, port=0), backend=Painter()) as studio, serve(studio):
        for name in ("old", "new"):
            (folder := tmp_path / UPLOADS / name).mkdir(parents=True)
            (folder / "a.png").write_bytes(b"bytes")
        os.utime(tmp_path / UPLOADS / "old", (0, 0))
        until(lambda: len(brought(studio)) == 1)
        assert brought(studio) == [tmp_path / UPLOADS / "new" / "a.png"]
