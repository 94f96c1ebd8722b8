"""What a recipe asks that its model, now that it is loaded, cannot do: said before the first step."""

from collections.abc import Sequence

from studio.catalogue.models import sampled_by
from studio.catalogue.noise_schedules import of_config
from studio.catalogue.wordbook import Wordbook
from studio.engine import schedulers
from studio.engine.loan import Loan
from studio.engine.text import check_length
from studio.errors import InvalidRecipe
from studio.recipe import Recipe
from studio.settling.steering import check_followed
from studio.settling.tasks import check_task


def check(loan: Loan, recipe: Recipe, book: Wordbook) -> None:
    """InvalidRecipe for the first thing that the recipe's own model cannot do."""
    model = loan.resident.model
    check_task(recipe, model)
    check_followed(recipe, model)
    _check_loaded(loan, recipe, ("steps",) if recipe.hires_model else ("steps", "hires_steps"), book)


def check_second(loan: Loan, recipe: Recipe, book: Wordbook) -> None:
    """InvalidRecipe, on a field of the second pass, for what the model that goes on with a recipe cannot do."""
    try:
        _check_loaded(loan, recipe, ("hires_steps",), book)
    except InvalidRecipe as error:
        field = "hires_steps" if error.field == "hires_steps" else "hires_model"
        raise InvalidRecipe(field, f"In the second pass: {error.message}", error.hint) from error


def _check_loaded(loan: Loan, recipe: Recipe, steps: Sequence[str], book: Wordbook) -> None:
    """InvalidRecipe where the words are too long, or the scheduler cannot take as many steps as these fields say."""
    check_length(loan.pipe, loan.resident.model, recipe, book)
    _check_scheduler(loan, recipe, steps)


def _check_scheduler(loan: Loan, recipe: Recipe, fields: Sequence[str]) -> None:
    resident = loan.resident
    family, own = resident.model.family_facts(), resident.pipe.scheduler
    # What is loaded counts: of a model on the hub the catalogue knows what its TOML file says.
    usable = sampled_by(family, of_config(own.config, type(own).__name__))
    if recipe.scheduler not in usable:
        raise InvalidRecipe(
            "scheduler", f"{recipe.scheduler} cannot sample {resident.model.name}.", f"Choose {' or '.join(usable)}."
        )
    for field in fields:
        steps = getattr(recipe, field)
        sampling = (str(recipe.scheduler), int(steps or 0))
        if steps is not None and sampling not in resident.rehearsed:
            schedulers.check(own.config, *sampling, field, family)
            resident.rehearsed.add(sampling)
