"""Another stack of LoRAs that were seen before: how much longer the next image takes, in steps of the model."""

import itertools
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.base import Benchmark, Measured
from benchmarks.overhead import Timed, through_the_studio
from studio.recipe import Recipe
from studio.recipe_parts import Lora
from studio.settings import Settings
from studio.studio import Studio

ROUNDS = 7
STEPS = 4
RECIPE = Recipe(prompt="a red house", model="starter", scheduler="LCM", steps=STEPS, guidance_scale=1, seed=7)


def measure() -> Measured:
    """Image by image, the stack stays or changes; one step is what an image of twice the steps takes longer, shared."""
    with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=Path(home)), durable=False) as studio:
        stacks = [RECIPE.replace(loras=(Lora(name="few-step", weight=weight),)) for weight in (1.0, 0.9)]
        same, long = (
            Timed(partial(through_the_studio, studio, stacks[0].replace(steps=n))) for n in (STEPS, 2 * STEPS)
        )
        turns = itertools.cycle(stacks)
        switched = Timed(lambda: through_the_studio(studio, next(turns)))
        for timed in (long, same, switched, switched):
            timed()
        kept: list[float] = []
        changed: list[float] = []
        longer: list[float] = []
        for _ in range(ROUNDS):
            for timed, seconds in (
                (same, kept),
                (switched, changed),
                (switched, changed),
                (same, kept),
                (long, longer),
            ):
                seconds.append(timed())
    step = (min(longer) - min(kept)) / STEPS
    half = [min(kept[::2]), min(kept[1::2])]
    return Measured(
        ratio=max(0.0, (min(changed) - min(kept)) / step),
        noise=abs(half[0] - half[1]) / step,
        details={
            "rounds": ROUNDS,
            "step_seconds": round(step, 4),
            "same_seconds": round(min(kept), 4),
            "switched_seconds": round(min(changed), 4),
        },
    )


BENCHMARK = Benchmark("extra time for another stack of LoRAs / one denoising step", 0.3, 1.0, measure)
