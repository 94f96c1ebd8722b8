"""The engine in a process of its own: the same pictures and words as inside, and what becomes of it when it ends."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from threading import Event as Flag
from types import MappingProxyType
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from studio.backends.base import Backend, Rendered, Turn
from studio.backends.devices import Devices
from studio.backends.local import LocalBackend
from studio.backends.messages import Progress, packed, unpacked
from studio.backends.process import MOST_LOSSES, ProcessBackend
from studio.catalogue.models import Catalogue
from studio.errors import Cancelled, DeviceLost, EngineEnded, InternalError, InUse, StudioError
from studio.events import Done, Event, Step
from studio.gate.identity import COMMAND_LINE
from studio.inputs import InputStore
from studio.logs import job_id
from studio.metrics.base import Sample
from studio.recipe import ControlUnit, Recipe, ResolvedRecipe, as_resolved
from studio.settings import Settings
from studio.studio import Studio
from tests.engine.conftest import nobody
from tests.forks import python

# The most that a picture may have.
LONG = 150
# With an edge in it.
HALVES = Image.new("RGB", (64, 64))
HALVES.paste("white", (0, 0, 32, 64))
ENDED = ("done", "failed", "stopped")
# What an engine's process is begun with where a test pretends something in it.
PRETENDING = r"""
import sys
main, path = sys.argv[-2:]
sys.argv[1:], sys.path[:] = [path], path.split("\n")
{}
exec(main)
"""
# However long steps take here, larger ones are worth having.
LARGE_STEPS = """
from studio.engine import profile
profile.measured = lambda *_, **__: profile.Profile({1: 1.0, 2: 1.1, 4: 1.3})
"""
LOST = """
import pytest, torch
from studio.engine import render
from studio.engine.device import Device
from tests.engine.card import Card, pretend

def fail(*_):
    raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

patch = pytest.MonkeyPatch()
pretend(patch, Card())
patch.setattr(Device, "choose", lambda *_: Device("cuda"))
patch.setattr(render, "render", fail)
"""
PARENT = """
import sys, threading
from pathlib import Path
from studio.backends.engine_process import EngineProcess
from studio.settings import Settings

print(EngineProcess(Settings(home=Path(sys.argv[1]))).pid, flush=True)
threading.Event().wait()
"""
# A studio that says its process first.
RUN = "import os, sys; print(os.getpid(), flush=True); from studio.cli import main; sys.exit(main())"
whoever: ContextVar[str] = ContextVar("whoever", default="")


def begun(settings: Settings, pretended: str) -> ProcessBackend:
    command = [python(), "-c", PRETENDING.format(pretended)]
    return ProcessBackend(settings, Catalogue(settings), python=command)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), device="cpu")


@pytest.fixture(scope="module")
def apart(home: Settings) -> Iterator[ProcessBackend]:
    backend = begun(home.model_copy(update={"side_by_side": 2}), LARGE_STEPS)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def inside(home: Settings) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


def wanted(**changes: Any) -> ResolvedRecipe:
    asked = {"prompt": "a red house", "model": "starter", "width": 64, "height": 64, "scheduler": "Euler a"}
    return as_resolved(Recipe.make(**{**asked, "steps": 3, "guidance_scale": 5, "seed": 7, **changes}))


def made(backend: Backend, recipe: ResolvedRecipe, report: Callable[[Event], None] = nobody, **turn: Any) -> Rendered:
    (one,) = backend.generate([recipe], report, turn=Turn(**turn))
    return one


def stopped_at_its_first_step(event: Event) -> None:
    if isinstance(event, Step):
        raise Cancelled


def test_a_picture_is_to_the_byte_what_it_is_inside_with_all_that_is_told_of_it(
    apart: ProcessBackend, inside: LocalBackend
) -> None:
    far: list[Event] = []
    near: list[Event] = []
    one, other = made(apart, wanted(), far.append), made(inside, wanted(), near.append)
    assert one.image.tobytes() == other.image.tobytes()
    near_facts = {**other.facts, "memory": one.facts["memory"]}  # what was free then
    assert {**one.facts, **near_facts} == one.facts
    assert [event.step for event in far if isinstance(event, Step)] == [1, 2, 3]
    assert {type(event) for event in near} <= {type(event) for event in far}


def test_what_each_step_predicted_comes_along(apart: ProcessBackend) -> None:
    assert len(made(apart, wanted(), each_step=True).frames) == 3


def test_what_is_told_is_heard_in_the_context_of_who_asked(apart: ProcessBackend) -> None:
    whoever.set("ann")
    heard = set[str]()
    made(apart, wanted(), lambda _: heard.add(whoever.get()))
    assert heard == {"ann"}


def test_calls_at_a_time_share_steps(apart: ProcessBackend) -> None:
    enough = Flag()

    def go_on() -> None:
        while not enough.is_set():
            made(apart, wanted(steps=LONG), over=enough.is_set)

    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(go_on)
        while "4x" not in made(apart, wanted()).facts["buckets"]:
            assert not other.done()
        enough.set()
        assert isinstance(other.exception(), Cancelled)


def test_a_stopped_call_frees_the_device(apart: ProcessBackend) -> None:
    steps: list[Event] = []
    with pytest.raises(Cancelled):
        made(apart, wanted(steps=LONG), lambda event: (steps.append(event), stopped_at_its_first_step(event)))
    assert sum(isinstance(event, Step) for event in steps) == 1
    assert apart.free_memory() > 0


def test_a_call_that_is_left_early_frees_the_device(apart: ProcessBackend) -> None:
    pictures = apart.generate([wanted(), wanted(steps=LONG)], nobody)
    next(pictures)
    pictures.close()
    assert apart.free_memory() > 0


def test_what_is_not_wanted_any_more_is_left(apart: ProcessBackend) -> None:
    recipes = [wanted(steps=steps) for steps in (2, 3, 4)]
    assert len(list(apart.generate(recipes, nobody, lambda: False))) == 1


def test_an_error_comes_with_all_that_it_says(apart: ProcessBackend, inside: LocalBackend) -> None:
    wrong = wanted().model_copy(update={"scheduler": "Flow Euler"})
    with pytest.raises(StudioError) as near:
        made(inside, wrong)
    with pytest.raises(type(near.value)) as far:
        made(apart, wrong)
    assert vars(far.value) == vars(near.value)


def test_what_nobody_foresaw_is_in_the_studios_own_log_with_its_job(
    apart: ProcessBackend, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = set[str]()
    noted = logging.Filter()
    noted.filter = lambda _: bool(jobs.add(job_id.get())) or True  # type: ignore[method-assign]
    caplog.handler.addFilter(noted)
    job_id.set("job 7")
    try:
        with pytest.raises(InternalError, match="AttributeError"):
            list(apart.generate(["no recipe"], nobody))  # type: ignore[list-item]
    finally:
        job_id.set("")
        caplog.handler.removeFilter(noted)
    assert "AttributeError: " in caplog.text
    assert jobs == {"job 7"}


def test_maps_scores_and_verdicts_are_what_they_are_inside(
    apart: ProcessBackend, inside: LocalBackend, home: Settings
) -> None:
    unit = ControlUnit(kind="canny", image=InputStore.of(home).add(HALVES).id)
    shown = Image.effect_noise((64, 64), 60).convert("RGB")
    answers = [
        (
            one.control_map(unit, "starter"),
            one.measure("clip_score", [Sample(shown, wanted())], starter=True),
            one.classify(shown),
        )
        for one in (apart, inside)
    ]
    assert answers[0] == answers[1]


def test_memory_is_told_and_freed_but_not_while_a_picture_is_made(apart: ProcessBackend) -> None:
    refused: list[StudioError] = []

    def free(event: Event) -> None:
        if isinstance(event, Step) and not refused:
            with pytest.raises(InUse) as error:
                apart.free_memory()
            refused.append(error.value)
            raise Cancelled

    with pytest.raises(Cancelled):
        made(apart, wanted(steps=LONG), free)
    apart.free_memory()
    made(apart, wanted())
    assert apart.describe().startswith("CPU, ")
    use = apart.memory_use()
    assert use
    assert [one.name for one in use.held if one.kind == "model"] == ["Starter"]
    assert apart.unload("starter")
    use = apart.memory_use()
    assert use
    assert not [one for one in use.held if one.kind == "model"]


def test_an_engine_that_is_killed_ends_its_calls_and_another_one_goes_on(apart: ProcessBackend) -> None:
    before, first = made(apart, wanted()), apart._process

    def kill(event: Event) -> None:
        if isinstance(event, Step):
            os.kill(first.pid, signal.SIGKILL)

    with pytest.raises(EngineEnded, match="ended from outside") as error:
        made(apart, wanted(steps=LONG), kill)
    assert error.value.hint
    assert made(apart, wanted()).image.tobytes() == before.image.tobytes()
    assert apart._process is not first


def test_signals_that_are_for_the_studio_do_not_end_it(apart: ProcessBackend) -> None:
    process = apart._process
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process.pid, number)
    made(apart, wanted())
    assert apart._process is process


def test_a_lost_device_ends_the_engine_and_not_the_studio_before_it_is_lost_again_and_again(home: Settings) -> None:
    backend = begun(home, LOST)
    try:
        first = backend._process
        with pytest.raises(EngineEnded, match=r"CUDA failed: .*illegal memory access"):
            made(backend, wanted())
        for _ in range(MOST_LOSSES - 1):
            with pytest.raises(EngineEnded, match="illegal memory access"):
                made(backend, wanted())
        assert backend._process is not first
        with pytest.raises(DeviceLost, match="illegal memory access"):
            made(backend, wanted())
    finally:
        backend.close()


def test_an_engine_that_never_begins_is_given_up_with_the_cure(home: Settings) -> None:
    backend = begun(home, "sys.exit(3)")
    try:
        while not (lost := backend._lost):
            with pytest.raises((EngineEnded, DeviceLost)):
                made(backend, wanted())
        with pytest.raises(DeviceLost, match="ended 3 times before") as error:
            made(backend, wanted())
        assert error.value.hint == lost.hint
        assert backend.describe() == error.value.message
        assert (backend.memory_use(), backend.free_memory()) == (None, 0)
    finally:
        backend.close()


def test_an_engine_ends_with_a_studio_that_is_killed(tmp_path: Path) -> None:
    command = [python(), "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        engine = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    engine.wait()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1"])
def test_pictures_and_what_cannot_be_changed_come_over_whole(mode: str) -> None:
    sent = Sample(Image.effect_noise((33, 7), 50).convert(mode), None, MappingProxyType({"a": "b"}))
    got = unpacked([bytes(part) for part in packed(Progress(1, sent))])
    assert isinstance(got, Progress)
    assert (got.value.image.mode, got.value.image.size) == (mode, (33, 7))
    assert got.value.image.tobytes() == sent.image.tobytes()
    assert got.value.facts == {"a": "b"}


def test_two_engines_share_the_pictures_of_a_job_and_one_that_ends_leaves_none_behind(
    home: Settings, inside: LocalBackend
) -> None:
    settings = home.model_copy(update={"devices": ("cpu", "cpu"), "side_by_side": 1})
    devices = Devices.of(settings, Catalogue(settings), [python()])
    with Studio(settings, backend=devices, durable=False) as studio:
        job = studio.submit(wanted().replace(count=2), COMMAND_LINE)
        assert isinstance(list(job.follow())[-1], Done)
        for event in job.results:
            assert Image.open(event.path).tobytes() == made(inside, job.recipes[event.image]).image.tobytes()
        use = devices.memory_use()
        assert use
        assert {one.name for one in use.held if one.kind == "model"} == {"Starter on cpu 1", "Starter on cpu 2"}
        job = studio.submit(wanted(steps=30).replace(count=4), COMMAND_LINE)
        next(event for event in job.follow() if isinstance(event, Step))
        engine = devices.devices[0]
        assert isinstance(engine, ProcessBackend)
        os.kill(engine._process.pid, signal.SIGKILL)
        assert isinstance(list(job.follow())[-1], Done)
        assert sorted(event.image for event in job.results) == [0, 1, 2, 3]


def test_a_page_outlives_its_engine_which_ends_with_it(tmp_path: Path) -> None:
    command = [python(), "-c", RUN, "run", "--port", "0", "--home", str(tmp_path)]
    with (tmp_path / "errors.txt").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout
        studio = psutil.Process(int(process.stdout.readline()))
        address = process.stdout.readline().split()[-1]
        (engine,) = studio.children()
        engine.kill()
        headers = {"Authorization": "Bearer a-secret-that-a-program-keeps"}
        recipe = {"prompt": "a boat", "steps": 2, "width": 64, "height": 64}
        with httpx.Client(base_url=address, headers=headers, timeout=200) as client:
            job = client.post("api/jobs", json={"recipe": recipe}).raise_for_status().json()["id"]
            while (state := client.get(f"api/jobs/{job}").raise_for_status().json()["state"]) not in ENDED:
                time.sleep(0.2)
        assert state == "done"
        (another,) = studio.children()
        assert another != engine
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        another.wait()
    finally:
        process.kill()
        process.communicate()
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()
