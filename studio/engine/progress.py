"""How far a job is: the steps of each image, and the seconds that are left."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from PIL.Image import Image

from studio.backends.base import Report
from studio.engine.requests import LatentRow, Pass, Racer
from studio.events import Event, Step
from studio.recipe import PaintedRecipe, ResolvedRecipe, TiledUpscaleRecipe, TwoPassRecipe, UpscaleRecipe

Numbered = tuple[int, PaintedRecipe]


class Clock:
    """Guesses the seconds that a call has left, from how fast the work of its runs went so far."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._costs: list[float] = []
        self._shares: list[float] = []

    def add(self, recipes: Sequence[PaintedRecipe]) -> int:
        """One more run, of these recipes; its number."""
        self._costs.append(sum(map(cost, recipes)))
        self._shares.append(0.0)
        return len(self._costs) - 1

    def left(self) -> float:
        """The seconds left."""
        done = sum(cost * share for cost, share in zip(self._costs, self._shares, strict=True))
        return (time.perf_counter() - self._started) * (sum(self._costs) - done) / done

    def turn(self, run: int, share: float) -> None:
        """So much (0 to 1) of a run is done."""
        self._shares[run] = share


class Progress:
    """Hears the passes of a run, recipes that differ in their noise only, and tells its steps.

    With `each_step`, it keeps what each step predicts of an image; its only one is raced by `racer`.
    """

    def __init__(
        self,
        clock: Clock,
        numbered: Sequence[Numbered],
        report: Report,
        *,
        each_step: bool = False,
        racer: Racer | None = None,
    ) -> None:
        self.each_step = each_step
        self.racer = racer
        self._frames: dict[int, list[Image]] = defaultdict(list)
        self._report = report
        self._clock = clock
        self._run = clock.add([recipe for _, recipe in numbered])
        self._images = len(numbered)
        self._steps, self._work, self._tiles = 0, 0, 1
        # The passes that each image has behind it; of these, how many another model made.
        self._made: dict[int, list[Pass]] = {index: [] for index, _ in numbered}
        self._kept: Counter[int] = Counter()

    def report(self, event: Event) -> None:
        """Tell of anything else."""
        self._report(event)

    def expect(self, passes: Sequence[Pass]) -> None:
        """Each image of the run takes these passes; where all are the same, they are its tiles."""
        self._tiles = len(passes) if len(set(passes)) == 1 else 1
        self._steps = sum(pass_.made for pass_ in passes)
        self._work = sum(pass_.work for pass_ in passes)

    def step(self, pass_: Pass, rows: Sequence[LatentRow], share: float) -> None:
        """Tell that `share` (0 to 1) of a pass is done for a batch; each of its images has as many rows in it."""
        images = tuple(dict.fromkeys(row.image for row in rows))
        # Some schedulers ask the denoiser twice a step; a person counts the steps that were set.
        step = max(1, int(share * pass_.made + 1e-6)) * (len(rows) // len(images))
        before = sum(made.made for made in self._made[images[0]])
        self._clock.turn(self._run, self._share(share * pass_.work * len(rows)))
        self._report(Step(images, before + step, self._steps, self._clock.left(), self._tiles))

    def frame(self, image: int, predicted: Image) -> None:
        """What a step predicts of an image; those of steps that are made again come twice."""
        self._frames[image].append(predicted)

    def frames(self, image: int) -> list[Image]:
        """What each step predicted of an image, in their order."""
        return self._frames.pop(image, [])

    def finished(self, pass_: Pass, rows: Sequence[LatentRow]) -> None:
        """A batch has gone through the pass."""
        for row in rows:
            self._made[row.image].append(pass_)

    def keep(self, image: int) -> None:
        """What was made of an image stays, whatever is taken back."""
        self._kept[image] = len(self._made[image])

    def take_back(self, image: int) -> None:
        """What was made of an image since `keep` is made again."""
        del self._made[image][self._kept[image] :]
        self._frames.pop(image, None)

    def close(self) -> None:
        """The run is over, even where images of it were left."""
        self._clock.turn(self._run, 1.0)

    def _share(self, more: float) -> float:
        done = sum(pass_.work for made in self._made.values() for pass_ in made)
        return (done + more) / max(1, self._work * self._images)


def cost(recipe: ResolvedRecipe) -> float:
    """What an image costs, roughly, in a unit of its own."""
    match recipe:
        case TwoPassRecipe():
            second = recipe.hires.steps * recipe.hires.strength * recipe.hires.scale**2
            return recipe.width * recipe.height * (recipe.steps + second)
        case TiledUpscaleRecipe():
            return recipe.steps * max(recipe.strength, 0.01) * recipe.upscale.scale**2
        case UpscaleRecipe():
            return recipe.upscale.scale**2
        case PaintedRecipe():
            area = 1 if recipe.width is None or recipe.height is None else recipe.width * recipe.height
            steps = recipe.steps * recipe.mask.resample
            return area * steps * (1 if recipe.strength is None else max(recipe.strength, 0.01))
    return 1
