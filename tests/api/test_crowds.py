"""Many programs at once: some leave, some stop reading; the rest get their pictures, and the studio goes on."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.loops import run
from tests.ui.painter import Painter

SMALL = {"prompt": "a boat", "size": "64x64", "num_inference_steps": 2}


async def ask(address: str, number: int, *, patience: float = 120) -> int:
    """One program's picture; 0 where it left before it came."""
    headers = {"Authorization": f"Bearer the-secret-of-program-{number:05}-of-many"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=patience) as client:
        try:
            return (await client.post("v1/images/generations", json=SMALL)).status_code
        except httpx.ReadTimeout:
            return 0


async def follow_a_little(address: str, number: int) -> None:
    """Follow a job, and read nothing of it after the first bytes."""
    headers = {"Authorization": f"Bearer the-secret-of-program-{number:05}-of-many"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
        job = (await client.post("api/jobs", json={"recipe": {"prompt": "a", "width": 64, "height": 64}})).json()["id"]
        async with client.stream("GET", f"api/jobs/{job}/events") as answer:
            async for _ in answer.aiter_bytes():
                break


def half_sent(address: str) -> socket.socket:
    """A request that says that more comes, of which nothing comes."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    line = socket.create_connection((host, int(port)))
    head = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    line.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
    return line


async def crowd(address: str, patient: int, hasty: int, idle: int) -> list[int]:
    """Statuses of those who wait, while others leave, read slowly, or send half of what they say."""
    lines = [half_sent(address) for _ in range(idle)]
    try:
        waiting = [asyncio.ensure_future(ask(address, number)) for number in range(patient)]
        leaving = [ask(address, number, patience=0.3) for number in range(patient, patient + hasty)]
        slow = [follow_a_little(address, number) for number in range(patient + hasty, patient + hasty + idle)]
        await asyncio.gather(*leaving, *slow)
        async with httpx.AsyncClient(base_url=address, timeout=60) as page:
            assert (await page.get("healthz")).text == "ok"
            assert (await page.get("config")).status_code == 200
        return await asyncio.gather(*waiting)
    finally:
        for line in lines:
            line.close()


def served(tmp_path: Path, *sizes: int) -> list[int]:
    settings: dict[str, Any] = {"home": tmp_path, "port": 0, "max_waiting": 1000}
    with Studio(Settings.load(**settings), backend=Painter(pace=0.005)) as studio, serve(studio) as address:
        statuses = run(crowd(address, *sizes))
        while studio.jobs.unfinished():
            pass
        assert run(ask(address, 99_999)) == 200
        return statuses


def test_those_who_wait_get_their_pictures_whoever_leaves_or_idles(tmp_path: Path) -> None:
    assert served(tmp_path, 12, 6, 6) == [200] * 12


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_hundred_at_once_get_their_pictures(tmp_path: Path) -> None:
    assert served(tmp_path, 200, 50, 50) == [200] * 200
