"""A studio that is asked to end does, whatever it is doing."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from gradio_client import Client

from studio.gate.doors import MEGABYTE
from studio.gate.identity import owner_by
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.server import SESSIONS
from tests.forks import python
from tests.loops import run
from tests.people import who
from tests.ui.crowd import SECRET, Crowd, client_of, crowd, figures, tick_of
from tests.ui.painter import Painter
from tests.ui.test_wire import submit

# A model that comes from a disk that gives nothing: no thread that reads from it can be ended.
STUCK = """
import sys, threading
from studio.backends.local import LocalBackend
from studio.cli import main
from tests.people import who

def stuck(*_):
    threading.Event().wait()

def told(*_):
    print("stuck", flush=True)
    stuck()

LocalBackend.warm, LocalBackend.generate = stuck, told
sys.exit(main())
"""
# The starter, which says when each step begins and ends.
STEPPING = """
import sys
from functools import wraps
from diffusers import UNet2DConditionModel
from studio.cli import main

forward = UNet2DConditionModel.forward

@wraps(forward)
def noted(*given, **more):
    print("step begun", flush=True)
    answer = forward(*given, **more)
    print("step ended", flush=True)
    return answer

UNet2DConditionModel.forward = noted
sys.exit(main())
"""
FILE = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'


@pytest.fixture
def process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with started([python()], tmp_path) as process:
        yield process


@pytest.fixture
def lone_process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """One whose own memory it is."""
    with started([sys.executable], tmp_path) as process:
        yield process


@contextmanager
def started(interpreter: list[str], tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    options = ["--engine", "inside", "--port", "0", "--home", str(tmp_path / "home")]
    command = [*interpreter, "-m", "studio", "run", *options]
    errors = (tmp_path / "errors.txt").open("w")
    with errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    found = re.search(r"http://[^\s]+", process.stdout.readline())
    assert found
    return found[0]


async def uploading(client: httpx.AsyncClient) -> None:
    """Begin to send a file, and go on for good."""

    async def parts() -> AsyncIterator[bytes]:
        yield FILE
        while True:
            yield bytes(1000)
            await asyncio.sleep(0.05)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    await client.post("gradio_api/upload", content=parts(), headers=kind)


def begin(address: str) -> None:
    """Have a job run that takes long."""
    given = {"Prompt": "a boat", "Steps": 100, "Images": 8, "Negative prompt": "", "Seed": ""}
    headers = {"Authorization": f"Bearer {SECRET}"}
    # The client's own patience is less than a busy machine may take.
    client = Client(address, verbose=False, headers=headers, httpx_kwargs={"timeout": 120})
    job = submit(client, "/generate", **given)
    while not any(seen["job"]["state"] == "running" for seen in job.outputs()):
        assert not job.done(), job.outputs() or job.exception()
        time.sleep(0.05)


async def end_under_load(process: "subprocess.Popen[str]", followers: int) -> float:
    """Seconds from SIGTERM to the exit, with a job running, followers open and uploads under way."""
    async with client_of(address_of(process)) as client:
        await asyncio.to_thread(begin, str(client.base_url))
        readers = await Crowd(client, followers).join()
        uploads = [asyncio.create_task(uploading(client)) for _ in range(3)]
        await asyncio.sleep(0.5)
        taken = await asyncio.to_thread(end, process)
        for task in (*readers, *uploads):
            task.cancel()
        with suppress(httpx.HTTPError):
            await asyncio.gather(*readers, *uploads, return_exceptions=True)
        return taken


def end(process: "subprocess.Popen[str]") -> float:
    """Seconds from SIGTERM to the exit."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(100)
    return time.monotonic() - begun


def visit(address: str, sessions: int) -> None:
    """Open the page so many times: each is a session of its own, which has asked for the page's status line."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {SECRET}"}, timeout=120) as client:
        tick = tick_of(client.get("config").json())
        for session in range(sessions):
            said = {"data": [], "fn_index": tick, "session_hash": f"session{session}"}
            client.post("gradio_api/run/predict", json=said).raise_for_status()


def wait_until_warm(address: str) -> None:
    """Return when the model is loaded, which takes more memory than any number of sessions."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {SECRET}"}, timeout=120) as client:
        said = {"data": [], "fn_index": tick_of(client.get("config").json()), "session_hash": "warm"}
        while "Loading" in client.post("gradio_api/run/predict", json=said).text:
            time.sleep(0.1)


def megabytes(process: "subprocess.Popen[str]") -> float:
    """What the process holds in memory."""
    return float(psutil.Process(process.pid).memory_info().rss) / MEGABYTE


def test_a_studio_ends_by_itself_under_load(process: "subprocess.Popen[str]", tmp_path: Path) -> None:
    run(end_under_load(process, followers=100))
    assert process.returncode == 0
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()


def test_a_studio_whose_models_never_come_ends_when_its_terminal_is_closed(tmp_path: Path) -> None:
    """As it ends when asked to."""
    command = [python(), "-c", STUCK, "run", "--engine", "inside", "--port", "0", "--home", str(tmp_path / "home")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            begin(address_of(process))
            assert process.stdout
            assert process.stdout.readline() == "stuck\n"
            process.send_signal(getattr(signal, "SIGHUP", signal.SIGTERM))  # which Windows does not have
            _, errors = process.communicate(timeout=100)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    with Studio(Settings.load(home=tmp_path / "home"), backend=Painter()) as studio:
        (job,) = studio.jobs_of(who(owner_by(SECRET)))
        assert list(job.follow())
        assert job.state == "done"


def test_the_running_step_ends_the_line_is_kept_and_the_next_start_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [python(), "-c", STEPPING, "run", "--engine", "inside", "--port", "0", "--home", str(home)]
    errors = (tmp_path / "errors.txt").open("w")
    with errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        try:
            headers = {"Authorization": f"Bearer {SECRET}"}
            with httpx.Client(base_url=address_of(process), headers=headers, timeout=120) as client:
                for seed in range(3):
                    recipe = {"prompt": "a boat", "seed": seed, "steps": 20, "width": 64, "height": 64}
                    client.post("api/jobs", json={"recipe": recipe}).raise_for_status()
            assert process.stdout
            assert [process.stdout.readline() for _ in range(3)] == ["step begun\n", "step ended\n", "step begun\n"]
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=100)
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in (tmp_path / "errors.txt").read_text()) == (0, False)
    assert rest.endswith("step ended\n"), "no step was cut off"
    assert rest.count("step ended") == rest.count("step begun") + 1
    with Studio(Settings.load(home=home), backend=Painter()) as studio:
        jobs = studio.jobs_of(who(owner_by(SECRET)))
        assert len(jobs) == 3
        for job in jobs:
            assert list(job.follow())
        assert {job.state for job in jobs} == {"done"}
        assert [len(job.results) for job in jobs] == [1, 1, 1]


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_studio_under_much_load_ends_within_five_seconds(process: "subprocess.Popen[str]") -> None:
    count = crowd(1000)
    taken = run(end_under_load(process, followers=count))
    figures(f"exit under {count} followers, a job and 3 uploads: {taken:.1f} s")
    assert process.returncode == 0
    assert taken < 5


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_studio_ends_within_five_seconds_after_three_thousand_sessions_and_keeps_few(
    lone_process: "subprocess.Popen[str]",
) -> None:
    process = lone_process
    address, count = address_of(process), crowd(3000)
    wait_until_warm(address)
    visit(address, SESSIONS)
    full = megabytes(process)
    visit(address, count)
    more, taken = megabytes(process) - full, end(process)
    figures(f"{count} sessions after the first {SESSIONS}: {more:+.0f} MB of {full:.0f}; exit {taken:.1f} s")
    assert process.returncode == 0
    assert taken < 5
    # They took 660 MB where all were kept.
    assert more < 100
