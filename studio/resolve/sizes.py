"""How large pictures are: what a recipe paints and what comes out, from the size asked for, the picture that it
starts from and what the model can paint. Sizes are (width, height) in pixels.
"""

from studio.catalogue.models import Model
from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.families.base import Family
from studio.inputs import MOST_PIXELS, Field, InputStore
from studio.recipe import (
    ImageToImageRecipe,
    InpaintRecipe,
    PaintedRecipe,
    Recipe,
    ResolvedRecipe,
    TextToImageRecipe,
    TiledUpscaleRecipe,
    TwoPassRecipe,
    UpscaleRecipe,
)

Size = tuple[int, int]
# How many times the pixels that a model was trained on are left as they are.
ROOM = 2.0
Open = tuple[int | None, int | None]


def open_size(recipe: Recipe, model: Model, inputs: InputStore) -> Open:
    """Width and height that the recipe paints at, a side that is left open as the picture or the model has it.

    None where the picture it starts from has its own, to the pixel. InvalidRecipe where either side cannot be.
    """
    size = _given_size(recipe, model, inputs)
    for name, side in zip(("width", "height"), size, strict=True):
        if side is not None:
            _check_side(name, side, model.family_facts())
    return size


def check_sizes(recipe: ResolvedRecipe, model: Model, inputs: InputStore, second: Model | None = None) -> None:
    """InvalidRecipe where a size that the recipe passes through cannot be painted, or what comes out is too large.

    `second` paints the second pass, where that is another model.
    """
    if isinstance(recipe, InpaintRecipe) and recipe.mask.area != "masked":
        _check_canvas(canvas_size(recipe, inputs), recipe, model.family_facts())
    if isinstance(recipe, TwoPassRecipe):
        other = (second or model).family_facts()
        _check_second(hires_size(recipe, other), other)
    _check_pixels(result_size(recipe, inputs), recipe)


def result_size(recipe: ResolvedRecipe, inputs: InputStore) -> Size:
    """How large the image of a recipe is; a second pass may round it to what the model paints."""
    match recipe:
        case InpaintRecipe():
            return canvas_size(recipe, inputs)
        case UpscaleRecipe() | TiledUpscaleRecipe():
            return _times(_start(recipe, inputs), recipe.upscale.scale)
        case TwoPassRecipe():
            return _times((recipe.width, recipe.height), recipe.hires.scale)
        case TextToImageRecipe() | ImageToImageRecipe():
            return recipe.width, recipe.height
    # A hosted model that is told no size decides it.
    return (1, 1) if recipe.width is None or recipe.height is None else (recipe.width, recipe.height)


def canvas_size(recipe: InpaintRecipe, inputs: InputStore) -> Size:
    """How large the picture to paint into is: resized where the recipe says so, then extended."""
    wanted = None if recipe.mask.area == "masked" else recipe.size
    width, height = wanted or _start(recipe, inputs)
    if recipe.outpaint:
        width += recipe.outpaint.left + recipe.outpaint.right
        height += recipe.outpaint.top + recipe.outpaint.bottom
    return width, height


def map_size(recipe: PaintedRecipe, inputs: InputStore) -> Size:
    """How large the picture is that a map lies over: a map is made at the size at which it is looked at."""
    return (recipe.width, recipe.height) if isinstance(recipe, TwoPassRecipe) else result_size(recipe, inputs)


def hires_size(recipe: TwoPassRecipe, family: Family) -> Size:
    """How large the second pass paints: the scaled size, rounded to what the family can paint."""
    width, height = _times((recipe.width, recipe.height), recipe.hires.scale)
    return _rounded(width, family), _rounded(height, family)


def _given_size(recipe: Recipe, model: Model, inputs: InputStore) -> Open:
    """The size asked for; a side that is left open follows from the picture or the model."""
    width, height = recipe.width, recipe.height
    if recipe.task == "upscale":
        return None, None
    if recipe.task == "inpaint" and width is None and height is None:
        return None, None
    if recipe.task == "text2img" or recipe.mask.area == "masked":
        return width or int(model.default("width")), height or int(model.default("height"))
    start, family = _start(recipe, inputs), model.family_facts()
    if height is None:
        return trained_size(start, model) if width is None else (width, _clamped(width * start[1] / start[0], family))
    return (_clamped(height * start[0] / start[1], family) if width is None else width), height


def trained_size(size: Size, model: Model) -> Size:
    """The size at which the model paints over a picture of this one where none is asked for, its shape kept.

    Beyond some more pixels than it was trained on a model repeats itself; a larger picture is brought to as many.
    """
    trained, pixels = int(model.default("width")) * int(model.default("height")), size[0] * size[1]
    if pixels > ROOM * trained:
        scale = (trained / pixels) ** 0.5
        size = round(size[0] * scale), round(size[1] * scale)
    return fitted(size, model.family_facts())


def fitted(size: Size, family: Family) -> Size:
    """The size scaled into the family's limits, its shape kept as far as they allow."""
    scale = max(1.0, family.min_side / min(size))
    scale = min(scale, family.max_side / max(size))
    return _clamped(size[0] * scale, family), _clamped(size[1] * scale, family)


def _clamped(side: float, family: Family) -> int:
    return min(max(_rounded(side, family), family.min_side), family.max_side)


def _rounded(side: float, family: Family) -> int:
    return max(1, round(side / family.multiple)) * family.multiple


def _times(size: Size, scale: float) -> Size:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _start(recipe: Recipe, inputs: InputStore) -> Size:
    return stored_size("init_image", recipe.init_image, inputs)


def stored_size(field: Field, name: str | None, inputs: InputStore) -> Size:
    """The size of a stored input; InvalidRecipe on `field` where it is missing or damaged."""
    try:
        return inputs.size(name or "")
    except (NotFound, Unreadable) as error:
        raise InvalidRecipe(field, error.message, error.hint) from error


def _check_side(name: str, side: int, family: Family) -> None:
    low, high, multiple = family.min_side, family.max_side, family.multiple
    if side < low or side > high:
        raise InvalidRecipe(
            name,
            f"{side} pixels are {'too few' if side < low else 'too many'} for {family.name}.",
            f"Choose from {low} to {high}; it was trained at {family.native_side}.",
        )
    if side % multiple:
        below = side - side % multiple
        good = [str(s) for s in (below, below + multiple) if low <= s <= high]
        raise InvalidRecipe(name, f"{side} is not divisible by {multiple}.", f"Choose {' or '.join(good)}.")


def _check_canvas(size: Size, recipe: InpaintRecipe, family: Family) -> None:
    if family.min_side <= min(size) and (max(size) <= family.max_side or not (recipe.width or recipe.outpaint)):
        return  # where no size is asked for, it is looked at in one that the model can paint
    few = min(size) < family.min_side
    masked = "" if few or recipe.mask.image is None else ", or repaint only the masked area (mask_area “masked”)"
    raise InvalidRecipe(
        "outpaint" if recipe.outpaint and not few else "init_image",
        f"{size[0]}x{size[1]} pixels are too {'few' if few else 'many'} for {family.name}, which paints "
        f"{family.min_side} to {family.max_side} a side.",
        f"Give a width and height that the picture is resized to first{masked}.",
    )


def _check_second(size: Size, family: Family) -> None:
    if max(size) > family.max_side:
        limit, cure = f"up to {family.max_side}", "a lower scale or a smaller picture, or enlarge the result with an"
        cure += " upscaler"
    elif min(size) < family.min_side:
        limit, cure = f"{family.min_side} and more", "a higher scale or a larger picture"
    else:
        return
    raise InvalidRecipe(
        "hires_scale",
        f"The second pass would paint {size[0]}x{size[1]} pixels; {family.name} paints {limit} a side.",
        f"Choose {cure}.",
    )


def _check_pixels(size: Size, recipe: Recipe) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise InvalidRecipe(
            "upscale" if recipe.task == "upscale" else "outpaint",
            f"The result would have {size[0]}x{size[1]} pixels, {size[0] * size[1] / 1e6:.0f} million; "
            f"the limit is {MOST_PIXELS / 1e6:.0f} million.",
            "Choose a lower scale or fewer pixels, or a smaller picture.",
        )
