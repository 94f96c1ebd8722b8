"""A backend that paints gradients: quick, without weights, and as slow as a test wants it."""

import threading
from collections.abc import Iterator, Sequence
from io import BytesIO

from PIL import Image

from studio.backends.base import Backend, Rendered, Report
from studio.errors import DeviceError
from studio.events import Loading, Preview, Step
from studio.recipe import Recipe


class Painter(Backend):
    """Paints the recipe's seed as a colour gradient, in its steps, `pace` seconds apart.

    While `held` is set, painting stays at its first step. The model counts as loaded once `ready` is set. A prompt
    with "without paint" in it fails.
    """

    def __init__(self, pace: float = 0.0) -> None:
        self.pace = pace
        self.held = threading.Event()
        self.ready = threading.Event()
        self._closed = threading.Event()

    def generate(self, recipes: Sequence[Recipe], report: Report) -> Iterator[Rendered]:
        report(Loading("Mixing colours"))
        for index, recipe in enumerate(recipes):
            for step in range(1, (recipe.steps or 1) + 1):
                self._paint(index, step, recipe, report)
            yield Rendered(index, gradient(recipe, 1.0), 0.1, {"backend": "painter"})

    def warm(self, model: str) -> None:
        self.ready.wait()

    def describe(self) -> str:
        return "Painter, no memory used"

    def close(self) -> None:
        self.ready.set()
        self._closed.set()

    def _paint(self, index: int, step: int, recipe: Recipe, report: Report) -> None:
        steps = recipe.steps or 1
        self._closed.wait(self.pace)
        if "without paint" in recipe.prompt:
            raise DeviceError("The paint ran out.", "Try a smaller picture.")
        report(Preview(index, _jpeg(gradient(recipe, step / steps))))
        report(Step((index,), step, steps, (steps - step) * self.pace))
        while self.held.is_set():
            report(Step((index,), step, steps, 60.0))
            self._closed.wait(0.02)


def gradient(recipe: Recipe, done: float) -> Image.Image:
    width, height, seed = recipe.width or 64, recipe.height or 64, recipe.seed or 0
    ramp = Image.linear_gradient("L").rotate(90 * (seed % 4)).resize((width, height))
    channels = [ramp.point(lambda v, k=k: int(v * done * 0.6 + (seed >> k) % 96)) for k in (0, 5, 11)]
    return Image.merge("RGB", channels)


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
