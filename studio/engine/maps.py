"""The maps that pictures follow: made where they are not ready, kept as inputs, fitted to what is painted."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from studio.catalogue.models import Model
from studio.controls import pose
from studio.controls.base import EstimatorContext
from studio.engine import masking
from studio.engine.masking import Size
from studio.errors import InvalidRecipe
from studio.inputs import Input, InputStore
from studio.openpose import Person
from studio.recipe import ControlUnit, MappedUnit, PaintedRecipe, ResolvedUnit
from studio.resolve.controls import READY, control_of, each_active
from studio.resolve.sizes import map_size

if TYPE_CHECKING:
    from studio.engine.manager import PipelineManager


def with_maps(recipe: PaintedRecipe, inputs: InputStore, context: EstimatorContext) -> PaintedRecipe:
    """The recipe with a stored map in each unit that changes anything: its picture can be made again from it alone.

    Raises InvalidRecipe where nothing is found in a picture, a map is empty, weights are missing or a picture is gone.
    """
    size = map_size(recipe, inputs) if recipe.controls else (0, 0)
    units = each_active(
        recipe.controls, lambda unit: unit if unit.is_prompt else _with_map(unit, size, inputs, context)
    )
    return recipe.changed(controls=units)


def prompts(recipe: PaintedRecipe, inputs: InputStore) -> list[Image.Image]:
    """The pictures that are prompts themselves, as their units fit them to the square that an encoder sees.

    Raises NotFound where one is gone.
    """
    pictures = [(inputs.open(unit.image).convert("RGB"), unit) for unit in recipe.image_prompts]
    # The encoder itself cuts off what is beside the square in the middle.
    return [
        picture if unit.resize == "crop" else fitted(picture, (max(picture.size),) * 2, unit)
        for picture, unit in pictures
    ]


def preview(manager: "PipelineManager", unit: ControlUnit, model: Model, inputs: InputStore) -> Input:
    """The unit's map for a picture of the model's own size, stored; errors as the control and the store have them.

    It waits for the device only where a network makes the map.
    """
    size = (int(model.default("width")), int(model.default("height")))
    with manager.hold() if control_of(unit).needs else nullcontext():
        context = manager.estimator_context(model)
        made = manager.within("the map", lambda: _map(unit, size, inputs, context))
    return Input(made, *inputs.size(made), ()) if isinstance(made, str) else inputs.add_glance(made)


def people(manager: "PipelineManager", unit: ControlUnit, model: Model, inputs: InputStore) -> list[Person]:
    """The people that a pose unit finds in its picture, in the picture's pixels; errors as of `preview`."""
    picture = inputs.open(str(unit.image)).convert("RGB")
    with manager.hold():
        context, options = manager.estimator_context(model), dict(unit.options)
        found = manager.within("the pose", lambda: pose.CONTROL.people(picture, options, context))
    if not found:
        raise InvalidRecipe("controls", str(pose.CONTROL.nothing), "Choose another picture, or place a pose by hand.")
    return found


def fitted(picture: Image.Image, size: Size, unit: ControlUnit) -> Image.Image:
    """The unit's map at `size`; new borders are black where that means nothing, else they repeat the edge."""
    if unit.resize == "pad" and control_of(unit).nothing:
        return ImageOps.pad(picture, size, Image.Resampling.LANCZOS, color="black")
    return masking.fitted(picture, size, unit.resize)


def _with_map(unit: ResolvedUnit, size: Size, inputs: InputStore, context: EstimatorContext) -> MappedUnit:
    made = _map(unit, size, inputs, context)
    return MappedUnit(**dict(unit) | {"map": made if isinstance(made, str) else inputs.add(made, "controls").id})


def _map(unit: ControlUnit, size: Size, inputs: InputStore, context: EstimatorContext) -> str | Image.Image:
    """The id of the map that is ready, or one that is made."""
    control = control_of(unit)
    ready = unit.map or (unit.image if unit.kind == READY else None)
    if ready is not None:
        if control.nothing and not inputs.open(ready).getbbox():
            raise InvalidRecipe("controls", "The map is all black, so it has no effect.", "Give another one.")
        return ready
    picture = _seen(inputs.open(str(unit.image)).convert("RGB"), size, unit.resize)
    return control.map(picture, dict(unit.options), context)


def _seen(picture: Image.Image, size: Size, resize: str) -> Image.Image:
    """The picture as large as it is looked at: lines found in a larger one would be lost when their map is reduced."""
    if resize == "stretch":
        return masking.scaled(picture, size)
    ratios = (size[0] / picture.width, size[1] / picture.height)
    scale = max(ratios) if resize == "crop" else min(ratios)
    return masking.scaled(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
