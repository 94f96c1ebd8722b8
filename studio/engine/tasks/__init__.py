"""What is made of recipes: one file a task. Each has `paint`, which yields the number and image of every recipe."""

from collections.abc import Callable, Iterator

from PIL.Image import Image

from studio.engine.painter import Painter
from studio.engine.tasks import hires, img2img, inpaint, refine, text2img
from studio.recipe import Recipe

Paint = Callable[[Painter], Iterator[tuple[int, Image]]]


def of(recipe: Recipe) -> Paint:
    """What paints a settled recipe."""
    if recipe.task == "text2img" and recipe.hires_scale is not None:
        return hires.paint
    return {
        "text2img": text2img.paint,
        "img2img": img2img.paint,
        "inpaint": inpaint.paint,
        "upscale": refine.paint,
    }[recipe.task]
