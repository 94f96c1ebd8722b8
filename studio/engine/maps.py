"""The maps that pictures follow: made where they are not ready, kept as inputs, fitted to what is painted."""

from contextlib import nullcontext

from PIL import Image, ImageOps

from studio.controls.base import Workshop
from studio.engine import compose
from studio.engine.compose import Size
from studio.engine.manager import PipelineManager
from studio.errors import RecipeError
from studio.events import Loading
from studio.frame import map_size
from studio.inputs import Input, Inputs
from studio.models import Model
from studio.recipe import ControlUnit, Recipe
from studio.steering import READY, control_of


def with_maps(recipe: Recipe, inputs: Inputs, workshop: Workshop) -> Recipe:
    """The recipe with a stored map in each unit that changes anything: its picture can be made again from it alone.

    Raises RecipeError where nothing is found in a picture or a map is empty, ModelError where weights are missing,
    LibraryError where a picture is gone.
    """
    units = [unit for unit in recipe.controls if unit.steers]
    size = map_size(recipe, inputs) if units else (0, 0)
    return recipe.model_copy(update={"controls": tuple(_with_map(unit, size, inputs, workshop) for unit in units)})


def preview(manager: PipelineManager, unit: ControlUnit, model: Model, inputs: Inputs) -> Input:
    """The unit's map for a picture of the model's own size, stored; errors as `with_maps`.

    It waits for the device only where a network makes the map.
    """
    size = (int(model.default("width")), int(model.default("height")))
    with manager.hold() if control_of(unit).needs else nullcontext():
        made = _with_map(unit, size, inputs, manager.workshop(model, _silent))
    return Input(str(made.map), *inputs.size(str(made.map)), ())


def fitted(picture: Image.Image, size: Size, unit: ControlUnit) -> Image.Image:
    """The unit's map at `size`; new borders are black where that means nothing, else they repeat the edge."""
    if unit.resize == "pad" and control_of(unit).nothing:
        return ImageOps.pad(picture, size, Image.Resampling.LANCZOS, color="black")
    return compose.fitted(picture, size, unit.resize)


def _with_map(unit: ControlUnit, size: Size, inputs: Inputs, workshop: Workshop) -> ControlUnit:
    control = control_of(unit)
    ready = unit.map or (unit.image if unit.kind == READY else None)
    if ready is not None:
        if control.nothing and not inputs.open(ready).getbbox():
            raise RecipeError("controls", "The map is all black, which steers nothing.", "Give another one.")
        return unit.model_copy(update={"map": ready})
    picture = _seen(inputs.open(str(unit.image)).convert("RGB"), size, unit.resize)
    made = control.map(picture, dict(unit.options), workshop)
    return unit.model_copy(update={"map": inputs.add(made, "controls").id})


def _seen(picture: Image.Image, size: Size, resize: str) -> Image.Image:
    """The picture as large as it is looked at: lines found in a larger one would be lost when their map is reduced."""
    if resize == "stretch":
        return compose.scaled(picture, size)
    ratios = (size[0] / picture.width, size[1] / picture.height)
    scale = max(ratios) if resize == "crop" else min(ratios)
    return compose.scaled(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def _silent(event: Loading) -> None:
    del event
