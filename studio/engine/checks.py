"""What a recipe asks that its model, now that it is loaded, cannot do: said before the first step."""

from collections.abc import Sequence

from studio.catalogue.models import sampled_by
from studio.catalogue.noise_schedules import of_config
from studio.catalogue.prompt_assets import PromptAssets
from studio.engine import schedulers
from studio.engine.lease import PipelineLease
from studio.engine.text import check_length
from studio.errors import InvalidRecipe
from studio.recipe import PaintedRecipe


def check(lease: PipelineLease, recipe: PaintedRecipe, prompt_assets: PromptAssets) -> None:
    """InvalidRecipe for the first thing that the recipe's own model cannot do."""
    _check_loaded(lease, recipe, ("steps",) if recipe.hires.model else ("steps", "hires_steps"), prompt_assets)


def check_second(lease: PipelineLease, recipe: PaintedRecipe, prompt_assets: PromptAssets) -> None:
    """InvalidRecipe, on a field of the second pass, for what the model that goes on with a recipe cannot do."""
    try:
        _check_loaded(lease, recipe, ("hires_steps",), prompt_assets)
    except InvalidRecipe as error:
        field = "hires_steps" if error.field == "hires_steps" else "hires_model"
        raise InvalidRecipe(field, f"In the second pass: {error.message}", error.hint) from error


def _check_loaded(
    lease: PipelineLease, recipe: PaintedRecipe, steps: Sequence[str], prompt_assets: PromptAssets
) -> None:
    """InvalidRecipe where the words are too long, or the scheduler cannot take as many steps as these fields say."""
    check_length(lease.pipe, lease.loaded.model, recipe, prompt_assets)
    _check_scheduler(lease, recipe, steps)


def _check_scheduler(lease: PipelineLease, recipe: PaintedRecipe, fields: Sequence[str]) -> None:
    loaded = lease.loaded
    family, own = loaded.model.family_facts(), loaded.pipe.scheduler
    # What is loaded counts: of a model on the hub the catalogue knows what its TOML file says.
    usable = sampled_by(family, of_config(own.config, type(own).__name__))
    if recipe.scheduler not in usable:
        raise InvalidRecipe(
            "scheduler", f"{recipe.scheduler} cannot sample {loaded.model.name}.", f"Choose {' or '.join(usable)}."
        )
    for field in fields:
        steps = recipe.get(field)
        if steps is not None and (recipe.scheduler, steps) not in loaded.validated_steps:
            schedulers.check(own.config, recipe.scheduler, steps, field, family)
            loaded.validated_steps.add((recipe.scheduler, steps))
