"""Which tasks a model can do, and what is said of one that it cannot."""

from collections.abc import Mapping, Sequence

from studio.catalogue.models import Model
from studio.errors import InvalidRecipe
from studio.recipe import Recipe, Task
from studio.resolve.speedups import splits_steps

WORK: Mapping[Task, str] = {
    "text2img": "make a picture from text alone",
    "img2img": "paint over a picture",
    "inpaint": "paint into a picture",
}
INSTRUCTED = "change a picture as the prompt tells it to"
UNRACED = "Make them without a race."
# What a recipe has to have, so that this is its task.
GIVE: Mapping[Task, str] = {
    "text2img": "no picture to start from",
    "img2img": "a picture (init_image) and no mask",
    "inpaint": "a picture (init_image) and a mask (mask_image) or sides to extend (outpaint)",
}


def check_task(recipe: Recipe, model: Model) -> None:
    """InvalidRecipe where the model cannot do all that is asked; enlarging alone asks nothing of it."""
    can = model.family_facts().pipelines
    for task in recipe.passes:
        if task not in can:
            raise InvalidRecipe(
                "model",
                f"{model.name} cannot {WORK[task]}: it is made to {made_to(model)}.",
                f"Give {', or '.join(GIVE[known] for known in can)}; or choose another model.",
            )


def paints_over(model: Model) -> bool:
    """Whether it paints over a picture as far as a strength says, so that it can paint a second pass."""
    return "img2img" in model.family_facts().pipelines and "strength" in model.default("abilities")


def shares_steps(recipe: Recipe, models: Sequence[Model]) -> bool:
    """Whether the recipe's picture can be made beside others, in the same steps of a UNet.

    An IP-Adapter changes the UNet's attentions for all, some speed-ups all of it, and a second model wants the device
    for itself.
    """
    has_unet = len(models) == 1 and models[0].family_facts().process != "flow"
    return has_unet and not recipe.prompt_units and not splits_steps(recipe)


def check_raced(recipe: Recipe, models: Sequence[Model]) -> None:
    """InvalidRecipe where the recipe's picture cannot be made side by side with others, step by step, so not raced."""
    if recipe.task == "upscale":
        raise InvalidRecipe("race", "Enlarging works in tiles and cannot be raced.", UNRACED)
    if not shares_steps(recipe, models):
        names = " and ".join(model.name for model in models)
        why = "with an image prompt" if recipe.prompt_units else f"by {names}"
        why = "with these speed-ups" if splits_steps(recipe) else why
        raise InvalidRecipe("race", f"Pictures {why} cannot be raced: they share no steps.", UNRACED)


def check_second(model: Model) -> None:
    """InvalidRecipe where the model cannot paint the second pass after another."""
    if not paints_over(model):
        raise InvalidRecipe(
            "hires_model",
            f"{model.name} cannot paint a second pass: it is made to {made_to(model)}.",
            "Choose a model that paints over a picture, or leave this out: the first one paints both passes then.",
        )


def made_to(model: Model) -> str:
    """What the model can do, in words."""
    words = {task: WORK[task] for task in model.family_facts().pipelines}
    if "image_guidance" in model.default("abilities"):
        words["img2img"] = INSTRUCTED
    return " or to ".join(words.values())
