"""What LoRAs cost where each picture of a step has its own: eight pictures with eight stacks, over eight without."""

from benchmarks.base import Benchmark, Measured, Script, compare_scripts
from benchmarks.batch_users import USERS, crowd
from benchmarks.overhead import RECIPE
from studio.recipe import Lora, Recipe

ROUNDS = 5
LOOKS = ("blueprint", "night-neon", "pixel-art", "sketch", "watercolour")


def measure() -> Measured:
    plain = [RECIPE.replace(seed=number) for number in range(USERS)]
    with (
        Script("studio_users", crowd(plain)) as without,
        Script("studio_users", crowd([stacked(recipe, number) for number, recipe in enumerate(plain)])) as with_loras,
    ):
        return compare_scripts(without, with_loras, ROUNDS)


def stacked(recipe: Recipe, number: int) -> Recipe:
    """The recipe with one to three LoRAs, at weights of its own."""
    names = [LOOKS[(number + place) % len(LOOKS)] for place in range(1 + number % 3)]
    return recipe.replace(loras=[Lora(name=name, weight=0.3 + number / 20) for name in names])


BENCHMARK = Benchmark(
    "eight pictures at a time, each with one to three LoRAs of its own / the same without", 1.08, 1.15, measure
)
