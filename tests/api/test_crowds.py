"""Many programs at once: some leave, some stop reading; the rest get their pictures, and the studio goes on."""

import asyncio
import ctypes
import gc
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from studio.jobs.job import Job
from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui import serve
from tests.loops import run
from tests.ui.painter import Painter

SMALL = {"prompt": "a boat", "size": "64x64", "num_inference_steps": 2}


async def ask(address: str, number: int, *, patience: float = 120) -> int:
    """One program's picture; 0 where it left before it came."""
    headers = {"Authorization": f"Bearer the-secret-of-program-{number:05}-of-many"}
    # Whoever is hasty has come in, however long that takes, and then waits for no answer.
    timeout = httpx.Timeout(120, read=patience)
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=timeout) as client:
        try:
            return (await client.post("v1/images/generations", json=SMALL)).status_code
        except httpx.TimeoutException:
            return 0


async def follow_a_little(address: str, number: int) -> None:
    """Follow a job, and read nothing of it after the first bytes."""
    headers = {"Authorization": f"Bearer the-secret-of-program-{number:05}-of-many"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as client:
        job = (await client.post("api/jobs", json={"recipe": {"prompt": "a", "width": 64, "height": 64}})).json()["id"]
        async with client.stream("GET", f"api/jobs/{job}/events") as answer:
            async for _ in answer.aiter_bytes():
                break


def half_sent(address: str) -> socket.socket:
    """A request that says that more comes, of which nothing comes."""
    head = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return said(address, f"{head}Content-Length: 1000\r\n\r\n{{".encode())


def cut_upload(address: str) -> None:
    """A file of which half comes, and then nobody is there any more."""
    head = "POST /api/inputs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    said(address, f"{head}Content-Length: {2**22}\r\n\r\n{part}".encode() + bytes(2**21)).close()


def not_reading(address: str, job: str, number: int) -> socket.socket:
    """Whoever asks what happens to a job, and reads nothing of the answer."""
    who = f"Authorization: Bearer the-secret-of-program-{number:05}-of-many"
    return said(address, f"GET /api/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n{who}\r\n\r\n".encode())


def said(address: str, sent: bytes) -> socket.socket:
    """A connection on which this was sent."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    line = socket.create_connection((host, int(port)))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.sendall(sent)
    return line


async def crowd(address: str, patient: int, hasty: int, idle: int) -> list[int]:
    """Statuses of those who wait, while others leave, read slowly or nothing, or send half of what they say."""
    lines = [half_sent(address) for _ in range(idle)]
    try:
        waiting = [asyncio.ensure_future(ask(address, number)) for number in range(patient)]
        leaving = [ask(address, number, patience=0.3) for number in range(patient, patient + hasty)]
        slow = [follow_a_little(address, number) for number in range(patient + hasty, patient + hasty + idle)]
        cut = [asyncio.to_thread(cut_upload, address) for _ in range(idle)]
        await asyncio.gather(*leaving, *slow, *cut)
        job = await much_told(address, patient)
        lines += [not_reading(address, job, patient) for _ in range(idle)]
        async with httpx.AsyncClient(base_url=address, timeout=120) as page:
            assert (await page.get("healthz")).text == "ok"
            assert (await page.get("config")).status_code == 200
        return await asyncio.gather(*waiting)
    finally:
        for line in lines:
            line.close()


async def much_told(address: str, number: int) -> str:
    """A job of which much is told."""
    headers = {"Authorization": f"Bearer the-secret-of-program-{number:05}-of-many"}
    recipe = {"prompt": "a", "width": 64, "height": 64, "steps": 50, "count": 8}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as client:
        return str((await client.post("api/jobs", json={"recipe": recipe})).json()["id"])


@contextmanager
def served(tmp_path: Path) -> Iterator[tuple[Studio, str]]:
    settings: dict[str, Any] = {"home": tmp_path, "port": 0, "max_waiting": 1000}
    with Studio(Settings.load(**settings), backend=Painter(pace=0.005)) as studio, serve(studio) as address:
        yield studio, address


def went(studio: Studio, address: str, *sizes: int) -> list[int]:
    """What the patient ones of a crowd were answered; everything is as before by then."""
    statuses = run(crowd(address, *sizes))
    for job in studio.jobs.unfinished():
        list(job.follow())
    assert run(ask(address, 99_999)) == 200
    assert not [path for path in (studio.settings.home / UPLOADS).rglob("*") if path.is_file()], "halves of files"
    return statuses


def test_those_who_wait_get_their_pictures_whoever_leaves_or_idles(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path) as (studio, address):
        assert went(studio, address, 12, 6, 6) == [200] * 12
    assert not [record.message for record in caplog.records if record.levelname == "ERROR"], "to leave breaks nothing"


def test_whoever_asks_for_much_does_not_keep_others_waiting(tmp_path: Path) -> None:
    with served(tmp_path) as (studio, address):
        painter = studio.backend
        assert isinstance(painter, Painter)
        painter.held.set()

        def begin(who: str) -> Job:
            head = {"Authorization": f"Bearer the-secret-of-{who}-a-program-among-many"}
            recipe = {"prompt": who, "width": 64, "height": 64, "steps": 1}
            answer = httpx.post(f"{address}api/jobs", json={"recipe": recipe}, headers=head, timeout=60)
            (job,) = (one for one in studio.jobs.unfinished() if one.id == answer.json()["id"])
            return job

        greedy = [begin("greedy") for _ in range(10)]
        others = [begin(f"other-{number}") for number in range(4)]
        painter.held.clear()
        for job in (*greedy, *others):
            list(job.follow())
        first, last = (sorted(job.results[0].path.stat().st_mtime_ns for job in jobs) for jobs in (greedy, others))
        assert last[-1] < first[5], "everybody had a turn before the greedy one had six"


def held_megabytes() -> float:
    """What this process holds, without what its allocator keeps for the next time."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return float(psutil.Process().memory_info().rss / 2**20)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_at_once_get_their_pictures_and_the_next_two_hundred_take_no_more_memory(tmp_path: Path) -> None:
    with served(tmp_path) as (studio, address):
        held: list[float] = []
        for _ in range(2):
            assert went(studio, address, 200, 50, 50) == [200] * 200
            held.append(held_megabytes())
        assert held[1] - held[0] < 64, f"megabytes after each crowd: {held}"
