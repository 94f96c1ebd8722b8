"""What the studio lets torch compute for a picture is what the bare pipeline does, and its threads are left to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch.utils._python_dispatch import TorchDispatchMode

from studio.backends.local import LocalBackend
from studio.engine import preview, schedulers
from studio.events import Done
from studio.gate.identity import COMMAND_LINE
from studio.metrics.base import Sample
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.engine.conftest import nobody, picture

TASKS = Path("/proc/self/task")


class Recorded(TorchDispatchMode):
    """Every operation, in order, with the shapes that it was given, while one of two networks is at work.

    Between the first and the last call of the UNet, that is all that happens; of the decoder, what it does itself.
    """

    def __init__(self, pipe: Any, steps: int) -> None:
        super().__init__()
        self.operations: list[Any] = []
        self._on = False
        self._left = steps
        self._handles = [
            pipe.unet.register_forward_pre_hook(lambda *_: self._turn(on=True)),
            pipe.unet.register_forward_hook(lambda *_: self._count()),
            pipe.vae.decoder.register_forward_pre_hook(lambda *_: self._turn(on=True)),
            pipe.vae.decoder.register_forward_hook(lambda *_: self._turn(on=False)),
        ]

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._on:
            self.operations.append((str(operation), [tuple(one.shape) for one in args if torch.is_tensor(one)]))
        return operation(*args, **(kwargs or {}))

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _turn(self, *, on: bool) -> None:
        self._on = on

    def _count(self) -> None:
        self._left -= 1
        self._turn(on=self._left > 0)


@contextmanager
def recorded(
    pipe: Any, steps: int, there: Callable[[Callable[[], Any]], Any] = lambda act: act()
) -> Iterator[list[Any]]:
    """What is computed `there`: a mode is of the thread that enters it."""
    mode = Recorded(pipe, steps)
    there(mode.__enter__)
    try:
        yield mode.operations
    finally:
        there(lambda: mode.__exit__(None, None, None))
        mode.close()


@pytest.mark.parametrize("guidance", [1.0, 7.0])
def test_a_step_and_the_decoding_are_operation_for_operation_those_of_the_bare_pipeline(
    backend: LocalBackend,
    recipe: Callable[..., Recipe],
    tiny_model: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    guidance: float,
) -> None:
    resolved = recipe("starter", steps=5, guidance_scale=guidance)
    pipe = StableDiffusionPipeline.from_pretrained(tiny_model("starter"))
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = schedulers.build(str(resolved.scheduler), pipe.scheduler.config)
    with recorded(pipe, 5) as plain:
        pipe(
            resolved.prompt,
            width=resolved.width,
            height=resolved.height,
            num_inference_steps=5,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(int(resolved.seed or 0)),
        )
    manager = backend._engine()
    with manager.borrow(backend._catalogue[str(resolved.model)]) as lease:
        loaded = lease.loaded
    # A look at the picture in the making is one of the two things that the studio adds; it has a test of its own.
    monkeypatch.setattr(loaded, "colours", preview.UNKNOWN)
    with recorded(loaded.pipe, 5, manager.aside) as ours:
        list(backend.generate([resolved], nobody))
    assert len(plain) > 500
    assert ours == plain


def native_threads() -> int:
    """How many threads this process has that Python did not start."""
    return len(list(TASKS.iterdir())) - len(threading.enumerate())


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(not TASKS.is_dir(), reason="this system does not list the threads of a process")
def test_no_threads_stay_behind_of_what_is_computed_beside_the_queue(
    backend: LocalBackend, recipe: Callable[..., Recipe], two_threads: None
) -> None:
    """Where they and those of the queue's worker are more than the cores, each picture takes twice as long."""
    shot = Sample(picture(size=(128, 128)), recipe("starter"))
    scores: list[Any] = []
    done, leave = threading.Event(), threading.Event()

    def measure() -> None:
        """As a thread of the page's, which lives on."""
        scores.extend(backend.measure("clip_score", [shot], starter=True))
        done.set()
        leave.wait()

    before = native_threads()
    thread = threading.Thread(target=measure)
    thread.start()
    try:
        done.wait()
        seen = min(native_threads() for _ in range(1000))
    finally:
        leave.set()
        thread.join()
    assert scores[0] is not None
    assert seen <= before


@pytest.mark.skipif(not TASKS.is_dir(), reason="this system does not list the threads of a process")
def test_a_worker_of_the_queue_keeps_no_threads_beside_those_of_the_steps(
    tmp_path: Path, two_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two teams of threads, each would wait for its own asleep, and each picture takes twice as long."""
    monkeypatch.setenv("KMP_BLOCKTIME", "1")  # whatever others do with the cores, no threads are started for it
    settings = Settings(home=tmp_path, device="cpu", side_by_side=2, threads=2)
    with Studio(settings, durable=False) as studio:
        before = native_threads()
        job = studio.submit(Recipe(prompt="a red house", model="starter", steps=2, seed=1), COMMAND_LINE)
        assert isinstance(list(job.follow())[-1], Done)
        seen = min(native_threads() for _ in range(1000))
    assert seen <= before + 1  # of the thread that makes the steps
