"""Which maps a recipe follows and which pictures are its prompts: its control units checked against model, ControlNets
and inputs, and filled in.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.controls import CONTROLS
from studio.controls.base import Control
from studio.errors import InvalidRecipe, ModelError, StudioError
from studio.inputs import InputStore
from studio.recipe import IMAGE_PROMPT, ControlUnit, Recipe, ResolvedUnit, Task, resolved_unit
from studio.resolve.sizes import stored_size
from studio.suggestions import near

U = TypeVar("U", bound=ControlUnit)
READY = "map"
DOING: dict[Task, str] = {
    "text2img": "makes a picture from text",
    "img2img": "paints over a picture",
    "inpaint": "paints into a picture",
}


def resolve_controls(
    recipe: Recipe, model: Model, catalogue: Catalogue, controlnets: ControlNets, inputs: InputStore
) -> tuple[ResolvedUnit, ...]:
    """The units that change anything, with nothing left open; InvalidRecipe where one cannot be."""
    if any(unit.is_active for unit in recipe.controls):
        check_followed(recipe, model)

    def resolved(unit: ControlUnit) -> ResolvedUnit:
        return _with_weights(_with_picture(_with_options(unit), recipe, inputs), model, catalogue, controlnets)

    return each_active(recipe.controls, resolved)


def each_active(units: Sequence[U], act: Callable[[U], ResolvedUnit]) -> tuple[ResolvedUnit, ...]:
    """What `act` makes of each unit that changes anything; InvalidRecipe tells the place of the unit at fault."""
    done = list[ResolvedUnit]()
    for place, unit in enumerate(units):
        try:
            done += [act(unit)] if unit.is_active else []
        except StudioError as error:
            raise InvalidRecipe("controls", error.message, error.hint, place) from error
    return tuple(done)


def check_followed(recipe: Recipe, model: Model) -> None:
    """InvalidRecipe where the model cannot do all that is asked along maps."""
    family = model.family_facts()
    for task in recipe.passes if recipe.map_units else ():
        if task not in family.control_pipelines:
            can = " or while it ".join(DOING[known] for known in family.control_pipelines)
            raise InvalidRecipe(
                "controls",
                f"{model.name} cannot follow a map while it {DOING[task]}.",
                f"It can while it {can}." if can else "Leave the control out, or choose another model.",
            )
    uneven = any(unit.mode != "balanced" for unit in recipe.map_units if unit.is_active)
    if uneven and not family.weighs_maps:
        raise InvalidRecipe(
            "controls",
            f"{model.name} cannot favour prompt or map: it follows both evenly.",
            "Choose the mode “balanced”, and change the weight.",
        )


def control_of(unit: ControlUnit) -> Control:
    """What makes the unit's map; InvalidRecipe where its kind is unknown."""
    if unit.kind not in CONTROLS:
        raise InvalidRecipe("controls", f"There is no control “{unit.kind}”.", near(unit.kind, CONTROLS))
    return CONTROLS[unit.kind]


def _with_options(unit: ControlUnit) -> ControlUnit:
    options = control_of(unit).check(dict(unit.options))
    return unit.changed(options=tuple(sorted(options.items())))


def _with_picture(unit: ControlUnit, recipe: Recipe, inputs: InputStore) -> ControlUnit:
    """The unit with the map or picture that it looks at: without one, the picture that the recipe starts from."""
    if unit.is_prompt:
        _check_prompt(unit)
    picture = unit.map or unit.image or (None if recipe.outpaint else recipe.init_image)
    if picture is None:
        raise InvalidRecipe("controls", f"The control “{unit.kind}” has no picture.", "Give it a picture, or a map.")
    stored_size("controls", picture, inputs)
    return unit if unit.map or unit.image else unit.changed(image=picture)


def _check_prompt(unit: ControlUnit) -> None:
    """InvalidRecipe for what belongs to maps."""
    if unit.map:
        raise InvalidRecipe("controls", "An image prompt has no map.", "Give the picture itself as its image.")
    if unit.mode != "balanced":
        raise InvalidRecipe(
            "controls",
            "An image prompt cannot favour prompt or map: it is a prompt itself.",
            "Choose the mode “balanced”, and change the weight.",
        )


def _with_weights(unit: ControlUnit, model: Model, catalogue: Catalogue, controlnets: ControlNets) -> ResolvedUnit:
    """The unit with a ControlNet that is here, of the model's family, and for the unit's kind of map."""
    place = catalogue.location(model)
    name = unit.model or _first_fitting(unit.kind, model, controlnets.fitting(model.family, unit.kind, place))
    try:
        controlnet = controlnets[name]
        controlnets.check_fit(controlnet, model, place)
        if fault := controlnets.why_not(controlnet):
            raise fault
    except ModelError as error:
        raise InvalidRecipe("controls", error.message, error.hint) from error
    if not controlnet.follows(unit.kind) and (unit.kind != READY or controlnet.is_prompt):
        raise _does_not_follow(controlnet, unit, controlnets.fitting(model.family, unit.kind, place))
    if controlnet.modes and controlnet.mode(unit.kind) is None:
        raise InvalidRecipe(
            "controls",
            f"{controlnet.name} has to be told the kind of a map.",
            f"Give the map with its kind: {', '.join(controlnet.kinds)}.",
        )
    return resolved_unit(unit, name)


def _does_not_follow(controlnet: ControlNet, unit: ControlUnit, fits: list[str]) -> InvalidRecipe:
    cure = f"Choose {' or '.join(fits)}." if fits else f"Choose one of its kinds, or “{READY}” for a map of your own."
    if unit.is_prompt or controlnet.is_prompt:
        return InvalidRecipe(
            "controls", f"{controlnet.name} is {controlnet.sort}: it does not serve “{unit.kind}”.", cure
        )
    kinds = ", ".join(controlnet.kinds)
    fault = f"{controlnet.name} does not follow maps of the kind “{unit.kind}”, but {kinds}."
    return InvalidRecipe("controls", fault, cure)


def _first_fitting(kind: str, model: Model, fitting: list[str]) -> str:
    """The best of those that fit; of a map of any kind nobody can tell which."""
    family = model.family_facts().name
    if not fitting and kind == IMAGE_PROMPT:
        raise InvalidRecipe(
            "controls",
            f"There is no IP-Adapter for {family}, so a picture cannot be its prompt.",
            "Put one into the folder ip-adapters of the data folder, or choose another model.",
        )
    if not fitting:
        raise InvalidRecipe(
            "controls",
            f"There is no ControlNet for {family} that follows maps of the kind “{kind}”.",
            "Put one into the folder controlnets of the data folder, or choose another kind or model.",
        )
    if kind == READY:
        raise InvalidRecipe(
            "controls",
            "No ControlNet was chosen to follow the map.",
            f"Choose one of {', '.join(fitting)}, or give the map with its kind.",
        )
    return fitting[0]
