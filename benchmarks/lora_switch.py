"""Another stack of LoRAs that were seen before: how much longer the next image takes, in steps of the model."""

from benchmarks.base import Benchmark, Measured, Script
from benchmarks.overhead import through
from studio.recipe import Lora, Recipe

ROUNDS = 7
STEPS = 4
RECIPE = Recipe(prompt="a red house", model="starter", scheduler="LCM", steps=STEPS, guidance_scale=1, seed=7)
ONE, OTHER, LONG = range(3)


def measure() -> Measured:
    """Image by image, the stack stays or changes; one step is what an image of twice the steps takes longer, shared."""
    one, other = (RECIPE.replace(loras=(Lora(name="few-step", weight=weight),)) for weight in (1.0, 0.9))
    kept: list[float] = []
    changed: list[float] = []
    longer: list[float] = []
    with Script("studio_pictures", through(one, other, one.replace(steps=2 * STEPS))) as picture:
        picture(ONE)
        for _ in range(ROUNDS):
            kept.append(picture(ONE))
            changed += [picture(OTHER), picture(ONE)]
            kept.append(picture(ONE))
            longer.append(picture(LONG))
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
