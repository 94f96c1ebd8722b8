"""A switch of task on a model that is loaded: the first image after it over the next one of the same task."""

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.base import Benchmark, Measured
from benchmarks.overhead import RECIPE, Timed, through_the_studio
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio

ROUNDS = 5
SIDE = 128


def measure() -> Measured:
    with studio_and_tasks() as (studio, tasks):
        timed = [Timed(partial(through_the_studio, studio, recipe)) for recipe in tasks]
        for task in timed:
            task()
        walls: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
        cpus: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
        for _, (kind, task), turn in itertools.product(range(ROUNDS), enumerate(timed), range(3)):
            walls[kind, turn].append(task())
            cpus[kind, turn].append(task.cpu_seconds[-1])
    first, second, third = (_least(walls, turn) for turn in range(3))
    cpu_first, cpu_second, _ = (_least(cpus, turn) for turn in range(3))
    return Measured(
        ratio=first / second,
        noise=abs(third / second - 1),
        details={
            "rounds": ROUNDS,
            "tasks": [recipe.task for recipe in tasks],
            "first_seconds": round(first, 4),
            "next_seconds": round(second, 4),
            "cpu_ratio": round(cpu_first / cpu_second, 4),
        },
    )


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
