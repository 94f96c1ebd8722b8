"""A crowd on one device, and all that can go wrong at once: each job ends once, and each picture is its owner's own."""

import gc
import logging
import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from studio.backends.local import LocalBackend
from studio.engine import batcher
from studio.engine.step import forward
from studio.errors import NotFound, StudioError
from studio.events import END, Failed, Finished, Step
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.jobs.kinds.base import PRIORITIES
from studio.library import facts
from studio.recipe import Recipe
from studio.settings import ASSETS, Settings
from studio.studio import Studio
from tests.engine.conftest import picture
from tests.engine.crew import whole_steps
from tests.engine.test_process import begun

PEOPLE = [Identity.earlier(f"person {number}") for number in range(8)]
SIDE = 64
PLAIN: dict[str, Any] = {"prompt": "a red house", "model": "starter", "width": SIDE, "height": SIDE, "steps": 5}
# Of so many forwards each fault befalls one.
EACH = 12
# What tensors of a studio that keeps no model may take: its tables, and no picture's words.
SPARE_BYTES = 100_000
# How an engine in a process of its own is begun that has faults, and dies of some forwards; {0} is a folder.
FAULTY = """
import pytest
from pathlib import Path
from studio.engine import batcher
from tests.engine.crew import whole_steps
from tests.engine.test_chaos import Faults
whole_steps(pytest.MonkeyPatch())
batcher.forward = Faults(7, Path({0!r}), {1})
"""


class Faults:
    """Forwards of which some fail: memory ends, the numbers of one picture overflow, or something breaks.

    Where there are `graves`, the process dies of some as well, so often in all as `deaths` says.
    """

    def __init__(self, seed: int, graves: Path | None = None, deaths: int = 0) -> None:
        self.rng = random.Random(seed)
        self.made = 0
        self._coming: list[str] = []
        self._graves, self._deaths = graves, deaths
        self._last = self.rng.randint(3, EACH)

    def __call__(self, calls: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        self.made += 1
        if self._graves and self.made == self._last and (dead := len(list(self._graves.iterdir()))) < self._deaths:
            (self._graves / str(dead)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        fault = self._next()
        if fault == "no memory":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if fault == "broken":
            raise RuntimeError("a kernel that nobody has heard of failed")
        answers = forward(calls, *args, **kwargs)
        if fault == "no numbers":
            unlucky = self.rng.randrange(len(answers))
            answers[unlucky] = tuple(part * float("nan") for part in answers[unlucky])
        return answers

    def _next(self) -> str:
        if not self._coming:
            self._coming = ["no memory", "no numbers", "broken", *[""] * (EACH - 3)]
            self.rng.shuffle(self._coming)
        return self._coming.pop()


class Crowd:
    """People who ask for pictures of all sorts, stop some, and ask for some again."""

    def __init__(self, studio: Studio, seed: int) -> None:
        self.studio = studio
        self.rng = random.Random(seed)
        self.start = studio.inputs.add(picture(size=(SIDE, SIDE))).id
        mask = Image.new("L", (SIDE, SIDE))
        mask.paste(255, (16, 16, 48, 48))
        self.mask = studio.inputs.add_mask(mask).id
        self.asked = 0

    def recipe(self) -> Recipe:
        """One of any sort, with a seed that no other has."""
        self.asked += 1
        edit = {"init_image": self.start, "strength": 0.7, "steps": 4}
        sorts: list[dict[str, Any]] = [
            {"steps": self.rng.randint(4, 9), "scheduler": self.rng.choice(["Euler a", "DPM++ 2M", "Heun"])},
            {"numerics": "exact", "steps": self.rng.randint(4, 9)},
            {"numerics": "solo"},
            {"guidance_scale": 1, "count": 2, "numerics": "exact"},
            edit,
            edit | {"mask_image": self.mask, "numerics": "exact"},
            {"hires_scale": 1.5, "hires_steps": 3, "hires_strength": 0.7, "hires_upscaler": "latent"},
            {"controls": [{"kind": "canny", "image": self.start}], "numerics": "exact"},
            {"loras": [{"name": name, "weight": 0.8} for name in self.rng.sample(["sketch", "watercolour"], 2)]},
            {"numerics": "exact", "loras": [{"name": "night-neon"}]},
            {"loras": [{"name": "damaged"}]},
            {"loras": [{"name": "endless", "weight": 10}]},
            {"upscaler": "lanczos", "upscale": 2, "init_image": self.start},
        ]
        sort = self.rng.choice(sorts)
        base = {} if "upscaler" in sort else PLAIN | {"seed": 10 * self.asked}
        return Recipe.make(**base | sort)

    def comes(self) -> tuple[Job, Identity] | None:
        """Somebody asks for something; None where it is refused."""
        who, kind = self.rng.choice(PEOPLE), self.rng.choice(list(KINDS))
        try:
            job = self.studio.submit(self.recipe(), who, kind=kind, priority=self.rng.choice(PRIORITIES))
        except StudioError:
            return None
        return job, who

    def follow(self, job: Job, who: Identity, patience: int, *, again: bool) -> None:
        """Follow a job to its end; stop it after so many steps, and then ask for the rest `again`."""
        for event in job.follow():
            patience -= isinstance(event, Step)
            if patience == 0:
                self.studio.stop(job.id, who)
        if again and job.state in ("stopped", "failed"):
            self.studio.jobs.retry(job.id, who)
            list(job.follow())

    def all(self, count: int) -> list[tuple[Job, Identity]]:
        """So many jobs, all of them over."""
        with ThreadPoolExecutor(count) as threads:
            jobs, followers = [], []
            for _ in range(count):
                if came := self.comes():
                    jobs.append(came)
                    patience, again = self.rng.choice([0, 0, 0, 1, 2, 5]), self.rng.random() < 0.3
                    followers.append(threads.submit(self.follow, *came, patience, again=again))
            for one in followers:
                one.result()
        return jobs


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Settings]:
    """The starter's own models, and LoRAs that are damaged, or so strong that numbers overflow."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "loras"
    folder.mkdir()
    sound = ASSETS / "starter" / "loras" / "sketch.safetensors"
    (folder / "damaged.safetensors").write_bytes(sound.read_bytes()[:-1000])
    save_file({name: tensor * 1e30 for name, tensor in load_file(sound).items()}, folder / "endless.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        whole_steps(patch)
        # pytest keeps each error that is logged, with the frames that raised it and all that these hold.
        patch.setattr(logging.root.manager, "disable", logging.CRITICAL)
        yield Settings(home=tmp_path, device="cpu", side_by_side=8)


@pytest.fixture
def alone(home: Settings) -> Iterator[Callable[[Recipe], Image.Image]]:
    """What makes the same recipe again where nobody else is."""
    studios: list[Studio] = []

    def make(recipe: Recipe) -> Image.Image:
        if not studios:
            studios.append(Studio(home.model_copy(update={"side_by_side": 1}), durable=False))
        job = studios[0].submit(recipe, PEOPLE[0])
        list(job.follow())
        return Image.open(job.results[0].path)

    yield make
    for studio in studios:
        studio.close()


def check_job(studio: Studio, job: Job, who: Identity) -> None:
    """It has ended once, all that it has is its own, and no other is shown it."""
    ends = [event for event in job.events if isinstance(event, END)]
    assert len(ends) == 1
    assert ends[0] is job.events[-1]
    assert job.state in ("done", "stopped", "failed")
    assert all(not item.is_open for item in job.items)
    assert {event.recipe.seed for event in job.results} <= {recipe.seed for recipe in job.recipes}
    if isinstance(ends[0], Failed):
        assert ends[0].message
    for other in PEOPLE:
        if other != who:
            with pytest.raises(NotFound):
                studio.job(job.id, other)


def check_left(studio: Studio) -> None:
    """Nobody holds anything of the device any more."""
    backend = studio.backend
    assert isinstance(backend, LocalBackend)
    manager = backend._manager
    assert manager
    assert manager._room.leases == []
    steps = manager._sharing._steps
    assert (steps._waiting, steps._open, len(steps._errands)) == ({}, set(), 0)
    assert (manager._door._inside, len(manager._door._line)) == ([], 0)
    for loaded in manager._room.loaded_models.values():
        for part in (loaded.pipe.unet, loaded.pipe.vae, loaded.pipe.text_encoder):
            assert not any(module._forward_hooks or module._forward_pre_hooks for module in part.modules())


def tensor_bytes() -> int:
    """What all tensors of this process take."""
    gc.collect()
    parts = [one.untyped_storage() for one in gc.get_objects() if isinstance(one, torch.Tensor)]
    return sum({part.data_ptr(): part.nbytes() for part in parts}.values())


def check_pictures(results: Sequence[Finished], alone: Callable[[Recipe], Image.Image], most: int) -> int:
    """Exact pictures are to the byte what they are where nobody else is, and all others as good as that."""
    exact = [one for one in results if facts(one.path).get("numerics") == "exact"]
    for one in [*exact[:most], *[one for one in results if one not in exact and one.recipe.denoises][:most]]:
        here, there = Image.open(one.path), alone(one.recipe)
        if one in exact:
            assert here.tobytes() == there.tobytes(), one.recipe
        assert int(np.abs(np.asarray(here, np.int16) - np.asarray(there, np.int16)).max()) <= 2, one.recipe
    return min(len(exact), most)


@pytest.mark.parametrize(
    ("rounds", "count", "compared"),
    [(1, 24, 2), pytest.param(8, 200, 20, marks=[pytest.mark.soak, pytest.mark.timeout(2400)])],
)
def test_whatever_goes_wrong_in_a_crowd_each_job_ends_once_and_each_picture_is_its_owners(
    home: Settings,
    alone: Callable[[Recipe], Image.Image],
    rounds: int,
    count: int,
    compared: int,
) -> None:
    faults, results, held, before = Faults(rounds), [], [], tensor_bytes()
    with Studio(home, durable=False) as studio:
        for number in range(rounds):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(batcher, "forward", faults)
                crowd = Crowd(studio, number)
                jobs = crowd.all(count)
                # How few forwards so many jobs take hangs on who shares steps and who is stopped.
                while faults.made < EACH:
                    jobs += crowd.all(EACH)
            for job, who in jobs:
                check_job(studio, job, who)
            check_left(studio)
            results += [event for job, _ in jobs for event in job.results]
            studio.backend.free_memory()
            assert tensor_bytes() <= before + SPARE_BYTES
            held.append(psutil.Process().memory_info().rss)
    assert check_pictures(results, alone, compared)
    assert held[-1] <= 1.05 * held[rounds // 2]


@pytest.mark.parametrize(
    ("count", "deaths", "compared"),
    [(8, 1, 1), pytest.param(200, 12, 20, marks=[pytest.mark.soak, pytest.mark.timeout(2400)])],
)
def test_in_a_crowd_whose_engine_dies_each_job_ends_once_and_each_picture_is_its_owners(
    home: Settings,
    alone: Callable[[Recipe], Image.Image],
    count: int,
    deaths: int,
    compared: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    graves = tmp_path_factory.mktemp("graves")
    backend = begun(home, FAULTY.format(str(graves), deaths))
    with Studio(home, backend=backend, durable=False) as studio:
        crowd = Crowd(studio, count)
        jobs = crowd.all(count)
        # An engine that is asked for few forwards outlives them.
        while len(list(graves.iterdir())) < deaths:
            jobs += crowd.all(count)
        for job, who in jobs:
            check_job(studio, job, who)
        results = [event for job, _ in jobs for event in job.results]
        # InUse is raised where anything of the device is still held.
        assert backend.free_memory() >= 0
    assert len(list(graves.iterdir())) == deaths
    check_pictures(results, alone, compared)
