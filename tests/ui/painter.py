"""A backend that paints gradients: quick, without weights, and as slow as a test wants it."""

import threading
import time
from collections.abc import Iterator, Sequence
from io import BytesIO

from PIL import Image

from studio.backends.base import NOBODYS, Backend, Rendered, Report, Turn, Wanted, always
from studio.errors import OutOfMemory
from studio.events import Dropped, Loading, Preview, Step
from studio.inputs import InputStore
from studio.recipe import Recipe
from studio.resolve.sizes import result_size
from studio.safety.layer import SAFETY, UNSAFE

# Into how many tiles it cuts what is enlarged.
TILES = 4
# How long it is until one that is held tells of it again, and may be stopped. Pages draw whatever they are told: on a
# busy machine, they do nothing else if that is much.
HELD_SECONDS = 0.5


class Painter(Backend):
    """Paints the recipe's seed as a colour gradient, in its steps, `pace` seconds apart, enlarged ones in tiles.

    With `inputs`, a gradient lies over the picture that the recipe starts from, as opaque as the strength. While
    `held` is set, painting stays at its first step. The model counts as loaded once `ready` is set. A prompt with
    "without paint" in it fails, one with "withheld" makes pictures that the output check took offence at. Of those that
    are raced it paints the first half.
    """

    races = True

    def __init__(self, pace: float = 0.0, inputs: InputStore | None = None) -> None:
        self.pace = pace
        self.inputs = inputs
        self.held = threading.Event()
        self.ready = threading.Event()
        self._closed = threading.Event()

    def generate(
        self, recipes: Sequence[Recipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        report(Loading("Mixing colours"))
        raced = turn.race is not None and len(recipes) > 1
        for index, recipe in enumerate(recipes):
            if index and not wanted():
                return
            steps = ((recipe.steps or 1) if recipe.denoises else 1) * _tiles(recipe)
            if raced and index >= len(recipes) / 2:
                report(Dropped(index, 1, steps, 0.25, 0.75, _jpeg(self._picture(recipe, 0.5))))
                continue
            for step in range(1, steps + 1):
                self._paint(index, step, steps, recipe, report)
            verdict = {SAFETY: "withheld"} if "withheld" in recipe.prompt else {}
            yield Rendered(index, self._picture(recipe, 1.0), 0.1, {"backend": "painter", **verdict})

    def classify(self, image: Image.Image) -> dict[str, float]:
        return dict.fromkeys(UNSAFE, 0.0)

    def warm(self, model: str) -> None:
        self.ready.wait()

    def describe(self) -> str:
        return "Painter, no memory used"

    def close(self) -> None:
        self.ready.set()
        self._closed.set()

    def _paint(self, index: int, step: int, steps: int, recipe: Recipe, report: Report) -> None:
        self._closed.wait(self.pace)
        if "without paint" in recipe.prompt:
            raise OutOfMemory("The paint ran out.", "Try a smaller picture.")
        if recipe.denoises:
            report(Preview(index, _jpeg(self._picture(recipe, step / steps))))
        report(Step((index,), step, steps, (steps - step) * self.pace, _tiles(recipe)))
        while self.held.is_set():
            report(Step((index,), step, steps, 60.0, _tiles(recipe)))
            ends = time.monotonic() + HELD_SECONDS
            while self.held.is_set() and time.monotonic() < ends:
                self._closed.wait(0.02)

    def _picture(self, recipe: Recipe, done: float) -> Image.Image:
        if self.inputs is None or recipe.init_image is None:
            return gradient(recipe, (recipe.width or 64, recipe.height or 64), done)
        size = result_size(recipe, self.inputs)
        start = self.inputs.open(recipe.init_image).resize(size)
        return Image.blend(start, gradient(recipe, size, done), recipe.strength or 0.0)


def _tiles(recipe: Recipe) -> int:
    return TILES if recipe.task == "upscale" else 1


def gradient(recipe: Recipe, size: tuple[int, int], done: float) -> Image.Image:
    seed = recipe.seed or 0
    ramp = Image.linear_gradient("L").rotate(90 * (seed % 4)).resize(size)
    channels = [ramp.point(lambda v, k=k: int(v * done * 0.6 + (seed >> k) % 96)) for k in (0, 5, 11)]
    return Image.merge("RGB", channels)


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
