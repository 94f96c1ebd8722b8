"""What is made of recipes: one file a task, each a generator of requests.

A task first does what all pictures of a recipe share, and returns what renders one of them.
"""

from studio.engine.requests import RenderRow, Work
from studio.engine.tasks import hires, img2img, inpaint, text2img, tiled_upscale
from studio.engine.tasks.context import TaskContext
from studio.recipe import ImageToImageRecipe, InpaintRecipe, TextToImageRecipe, TiledUpscaleRecipe, TwoPassRecipe


def of(context: TaskContext) -> Work[RenderRow]:
    """The task of the context's recipe."""
    match context.recipe:
        case TwoPassRecipe() as recipe:
            return hires.task(context, recipe)
        case TextToImageRecipe() as recipe:
            return text2img.task(context, recipe)
        case ImageToImageRecipe() as recipe:
            return img2img.task(context, recipe)
        case InpaintRecipe() as recipe:
            return inpaint.task(context, recipe)
        case TiledUpscaleRecipe() as recipe:
            return tiled_upscale.task(context, recipe)
    raise TypeError(f"{type(context.recipe).__name__} has no task")
