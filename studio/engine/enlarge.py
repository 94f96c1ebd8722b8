"""Enlarging alone: no model of pictures is loaded for it."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from studio.backends.base import Rendered, Report
from studio.engine.manager import PipelineManager
from studio.engine.numerics import versions
from studio.events import Step
from studio.inputs import InputStore
from studio.recipe import UpscaleRecipe
from studio.resolve.sizes import result_size


def enlarge(
    manager: PipelineManager, recipes: Sequence[tuple[int, UpscaleRecipe]], report: Report, inputs: InputStore
) -> Iterator[Rendered]:
    """Yield the enlarged picture of each numbered recipe; a step is a tile.

    Raises ModelError for an upscaler that cannot be loaded, NotFound for a picture that is gone, DeviceError, and
    whatever `report` raises; the device is free afterwards.
    """
    with manager.hold():
        for index, recipe in recipes:
            started = time.perf_counter()

            def report_tile(tile: int, tiles: int, index: int = index, started: float = started) -> None:
                left = (time.perf_counter() - started) * (tiles - tile) / tile
                report(Step((index,), tile, tiles, left, tiles))

            picture = inputs.open(recipe.init_image)
            size = result_size(recipe, inputs)
            enlarge = partial(manager.upscalers.enlarge, recipe.upscale.upscaler, picture, size, report_tile)
            image = manager.aside(enlarge)
            facts = {"device": manager.device.name, **versions()}
            yield Rendered(index, image, time.perf_counter() - started, facts)
