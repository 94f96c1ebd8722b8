"""What is made of recipes: one file a task, each a generator of requests.

A task first does what all pictures of a recipe share, and returns what renders one of them.
"""

from collections.abc import Callable

from studio.engine.requests import RenderRow, Work
from studio.engine.tasks import hires, img2img, inpaint, text2img, tiled_upscale
from studio.engine.tasks.context import TaskContext
from studio.recipe import Recipe

Task = Callable[[TaskContext], Work[RenderRow]]


def of(recipe: Recipe) -> Task:
    """The task of a resolved recipe that denoises."""
    if recipe.task == "text2img" and recipe.hires_scale is not None:
        return hires.task
    return {
        "text2img": text2img.task,
        "img2img": img2img.task,
        "inpaint": inpaint.task,
        "upscale": tiled_upscale.task,
    }[recipe.task]
