"""What LoRAs cost where each picture of a step has its own: eight pictures with eight stacks, over eight without."""

from benchmarks.base import STARTER, Benchmark, Goal, Measured, Script, compare_scripts, current
from benchmarks.batch_users import USERS, crowd
from studio.recipe import Lora, Recipe

ROUNDS = 5
LOOKS = ("blueprint", "night-neon", "pixel-art", "sketch", "watercolour")
# Of a suite with a model of its own, in the same number.
RANDOM = tuple(f"random-{number}" for number in range(len(LOOKS)))


def measure() -> Measured:
    plain = [current().recipe.replace(seed=number) for number in range(USERS)]
    with (
        Script("studio_users", crowd(plain)) as without,
        Script("studio_users", crowd([stacked(recipe, number) for number, recipe in enumerate(plain)])) as with_loras,
    ):
        return compare_scripts(without, with_loras, current().rounds(ROUNDS))


def stacked(recipe: Recipe, number: int) -> Recipe:
    """The recipe with one to three LoRAs, at weights of its own."""
    looks = LOOKS if current().name == STARTER else RANDOM
    names = [looks[(number + place) % len(looks)] for place in range(1 + number % 3)]
    return recipe.replace(loras=[Lora(name=name, weight=0.3 + number / 20) for name in names])


BENCHMARK = Benchmark(
    "eight pictures at a time, each with one to three LoRAs of its own / the same without",
    1.08,
    1.15,
    measure,
    {"sd15": Goal(1.08, 1.15)},
)
