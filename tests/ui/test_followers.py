"""Crowds that follow what goes on, over the page's own server."""

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.gate.identity import owner_by
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.news import News
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.loops import run
from tests.people import who
from tests.ui.crowd import SECRET, Crowd, client_of, crowd, figures, tick_of
from tests.ui.painter import Painter

OWNER = owner_by(SECRET)
CROWD = 100


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def studio(painter: Painter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home"), port=0), backend=painter) as studio:
        yield studio


def test_a_crowd_that_follows_a_job_holds_no_threads_and_hears_its_end(studio: Studio, painter: Painter) -> None:
    painter.held.set()
    job = studio.submit(Recipe(prompt="a boat", steps=1), who(OWNER))

    async def follow(address: str) -> tuple[Counter[str], int]:
        async with client_of(address) as client:
            crowd = Crowd(client, CROWD)
            readers = await crowd.join()
            threads = threading.active_count()
            painter.held.clear()
            await asyncio.gather(*readers)
            return crowd.told, threads

    with serve(studio) as address:
        before = threading.active_count()
        told, threads = run(follow(address))
    assert job.state == "done"
    assert told["process_completed"] == CROWD
    assert threads < before + CROWD // 2


def test_what_happens_during_a_pause_is_told_with_the_change_before_it() -> None:
    news, over, heard = News(), False, 0

    async def pause() -> None:
        await asyncio.sleep(0)

    async def follow() -> None:
        nonlocal heard, over
        async for _ in news.changes(lambda: over, pause):
            heard += 1
            if heard == 1:
                teller = threading.Thread(target=tell)
                teller.start()
                await asyncio.to_thread(teller.join)

    def tell() -> None:
        nonlocal over
        for _ in range(50):
            with news:
                news.notify_all()
        with news:
            over = True
            news.notify_all()

    run(follow())
    assert heard == 1


def test_whoever_leaves_early_is_not_woken_any_more(studio: Studio) -> None:
    job = Job("one", who(OWNER), [QueueItem(0, Recipe(prompt="a boat"))], 0.0)

    async def pause() -> None:
        pass

    async def leave() -> None:
        changes = job.changes(pause)
        await anext(changes)
        await changes.aclose()

    run(leave())
    assert not job._news._wakers


# The studio that a crowd follows, apart from the crowd; its job ends when a line comes in.
SERVED = """
import sys
from pathlib import Path
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.people import who
from tests.ui.painter import Painter

home, owner = sys.argv[1:]
painter = Painter()
painter.held.set()
with Studio(Settings.load(home=Path(home), port=0), backend=painter) as studio:
    job = studio.submit(Recipe(prompt="a boat", steps=1), who(owner))
    with serve(studio) as address:
        print(address, flush=True)
        sys.stdin.readline()
        studio.stop(job.id, who(owner))
        sys.stdin.readline()
"""


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_page_answers_at_once_while_two_thousand_follow(tmp_path: Path) -> None:
    count = crowd(2000)

    async def follow(address: str, stop: Callable[[], object]) -> tuple[list[float], float]:
        async with client_of(address) as client:
            readers = await Crowd(client, count).join()
            said = {"data": [], "fn_index": tick_of((await client.get("config")).json()), "session_hash": "status"}
            seconds = [await status(client, said) for _ in range(200)]
            begun = time.monotonic()
            stop()
            await asyncio.gather(*readers)
            return sorted(seconds), time.monotonic() - begun

    command = [sys.executable, "-c", SERVED, str(tmp_path), OWNER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as server:
        assert server.stdin
        assert server.stdout
        line = partial(server.stdin.write, "\n")
        try:
            seconds, end = run(follow(server.stdout.readline().strip(), line))
            line()
        finally:
            server.stdin.close()
    told = f"status median {seconds[100]:.4f} s, p95 {seconds[190]:.4f} s"
    figures(f"{count} followers: {told}; all heard the end in {end:.1f} s")
    assert seconds[190] < 0.05


async def status(client: httpx.AsyncClient, said: dict[str, Any]) -> float:
    """Seconds until the page's status line is told."""
    begun = time.monotonic()
    answer = await client.post("gradio_api/run/predict", json=said)
    taken = time.monotonic() - begun
    answer.raise_for_status()
    await asyncio.sleep(0.05)
    return taken
