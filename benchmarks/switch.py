"""A switch of task on a model that is loaded: the first image after it over the next one of the same task."""

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from benchmarks.base import Benchmark, Measured, Script
from benchmarks.overhead import RECIPE
from studio.events import Done
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio

ROUNDS = 5
SIDE = 128
TASKS = 3


def measure() -> Measured:
    walls: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    cpus: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    with Script("studio_tasks") as picture:
        for _, kind, turn in itertools.product(range(ROUNDS), range(TASKS), range(3)):
            walls[kind, turn].append(picture(kind))
            cpus[kind, turn].append(picture.cpu_seconds[-1])
    first, second, third = (_least(walls, turn) for turn in range(3))
    cpu_first, cpu_second, _ = (_least(cpus, turn) for turn in range(3))
    return Measured(
        ratio=first / second,
        noise=abs(third / second - 1),
        details={
            "rounds": ROUNDS,
            "first_seconds": round(first, 4),
            "next_seconds": round(second, 4),
            "cpu_ratio": round(cpu_first / cpu_second, 4),
        },
    )


def through_the_studio(studio: Studio, recipe: Recipe) -> None:
    """The way of a job: submit, follow its events to the end."""
    *_, end = studio.submit(recipe, COMMAND_LINE).follow()
    assert isinstance(end, Done), end


@contextmanager
def studio_and_tasks() -> Iterator[tuple[Studio, tuple[Recipe, ...]]]:
    """A studio, and a recipe of the starter for each task that people switch between."""
    with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=Path(home)), durable=False) as studio:
        mask = Image.new("L", (SIDE, SIDE))
        mask.paste(255, (SIDE // 4, SIDE // 4, SIDE // 2, SIDE // 2))
        given = studio.inputs.add(Image.new("RGB", (SIDE, SIDE), "teal")).id
        painted = studio.inputs.add_mask(mask).id
        yield studio, (RECIPE, RECIPE.replace(init_image=given), RECIPE.replace(init_image=given, mask_image=painted))


def _least(seconds: dict[tuple[int, int], list[float]], turn: int) -> float:
    """The fastest of a turn, summed over the tasks: others on the machine can only lengthen a run."""
    return sum(min(values) for (_, other), values in seconds.items() if other == turn)


BENCHMARK = Benchmark("the first image after a switch of task / the next one of the same task", 1.01, 1.05, measure)
