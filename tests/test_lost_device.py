"""A card that answers nothing any more, met by a `studio run` of its own."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

from studio.cli import main
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.scheduler import HALTED
from studio.jobs.store import JobStore
from studio.storage.database import Database
from tests import tiny
from tests.drawer import resolved
from tests.forks import python
from tests.people import who
from tests.ui.crowd import tick_of

# The card is pretended, and so is what it says; all else is the studio's.
RUN = """
import signal, sys
import pytest, torch
from studio.cli import main
from studio.engine import render
from studio.engine.device import Device
from tests.engine.card import Card, pretend

def fail(*_):
    raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

signal.signal(signal.SIGINT, signal.default_int_handler)
patch = pytest.MonkeyPatch()
pretend(patch, Card())
patch.setattr(Device, "choose", lambda *_: Device("cuda"))
patch.setattr(render, "render", fail)
sys.exit(main())
"""


def status(address: str) -> str:
    """The page's line about the machine, as the page itself asks for it."""
    with urllib.request.urlopen(f"{address}/config") as answer:
        config = json.load(answer)
    asked = json.dumps({"data": [], "fn_index": tick_of(config), "session_hash": "status"}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer a-secret-that-a-program-keeps"}
    request = urllib.request.Request(f"{address}/gradio_api/run/predict", asked, headers)
    with urllib.request.urlopen(request) as answer:
        said: str = json.load(answer)["data"][0]
    return said


def test_a_card_that_is_lost_is_said_by_the_page_the_exit_code_and_doctor(
    tmp_path: Path, tiny_model: Callable[[str], Path], capsys
):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "starter").symlink_to(tiny_model("sd15"))
    store = JobStore(Database.of(tmp_path))
    store.add(Job("one", who("ann"), [QueueItem(0, resolved("a", side=tiny.SIDE))], 0.0))
    store.close()
    command = [python(), "-c", RUN, "run", "--engine", "inside", "--port", "0", "--home", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    address = process.stdout.readline().split()[-1].rstrip("/")
    assert any("No more jobs are run" in line for line in process.stderr)
    said = status(address)
    assert "CUDA failed: a computation reached outside its memory (illegal memory access)." in said
    assert '<span role="alert">Start the studio again: waiting jobs are kept, and continue then.</span>' in said
    assert ">1 waiting</span>" in said
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 1, err
    assert err.splitlines()[-1].startswith("studio run: CUDA failed: a computation reached outside its memory")
    assert "Traceback" not in err
    assert (tmp_path / HALTED).is_file()
    assert main(["doctor", "--home", str(tmp_path), "--device", "cpu"]) == 1
    assert "Waiting: CUDA failed" in capsys.readouterr().out
