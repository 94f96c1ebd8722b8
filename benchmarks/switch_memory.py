"""Ten switches between text to image, image to image and inpainting: nothing may be left of them in memory."""

import gc
import itertools
import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.base import SCRIPTS, Benchmark, Measured, environment
from benchmarks.switch import through_the_studio
from studio.recipe import Recipe
from studio.studio import Studio

SWITCHES = 10


def measure() -> Measured:
    return measure_script("studio_switch_tasks")


def measure_script(script: str) -> Measured:
    """Memory after over memory before, of a script of `scripts/` that ends in `switch_among`.

    It has a process of its own, so that nothing else comes and goes in it.
    """
    command = [sys.executable, str(SCRIPTS / f"{script}.py")]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout)
    before, after = answer["before"], answer["after"]
    return Measured(
        ratio=max(after[name] / before[name] for name in before),
        noise=None,
        details={f"{name}_{when}": answer[when][name] for when in answer for name in before}
        | {f"{name.removesuffix('_bytes')}_ratio": round(after[name] / before[name], 4) for name in before},
    )


def switch_among(studio: Studio, recipes: Sequence[Recipe], switches: int = SWITCHES) -> None:
    """Print what is held in memory when each recipe was made twice, and after so many switches more."""
    for recipe in [*recipes, *recipes]:
        through_the_studio(studio, recipe)
    before = _held()
    for recipe in itertools.islice(itertools.cycle(recipes), switches):
        through_the_studio(studio, recipe)
    print(json.dumps({"before": before, "after": _held()}))


def _held() -> dict[str, int]:
    import psutil
    import torch

    gc.collect()
    parameters = [one for one in gc.get_objects() if isinstance(one, torch.nn.Parameter)]
    weights = {one.data_ptr(): one.nbytes for one in parameters}
    held = {"rss_bytes": psutil.Process().memory_info().rss, "weights_bytes": sum(weights.values())}
    return held | ({"card_bytes": torch.cuda.memory_reserved()} if torch.cuda.is_available() else {})


BENCHMARK = Benchmark("memory after ten switches of task / before them", 1.01, 1.05, measure)
