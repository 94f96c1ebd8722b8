"""Recipes with nothing left open, one class for each thing that is made: what jobs keep and backends are given.

Each is a `Recipe` whose fields are narrower, so that whoever makes the image reads numbers and names, and finds no
part that is not there. What is None in one is not open: it has no place in this picture. Written, it is a recipe as
any other.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import field_validator

from studio.recipe.parts import Hires, Upscale
from studio.recipe.recipe import Recipe
from studio.recipe.units import ControlUnit
from studio.recipe.values import PICTURE, SCALE, SECOND_SCALE, SEED, SHARE, SIDE, STEPS

Size = tuple[int, int]


class ResolvedUnit(ControlUnit):
    """A control unit whose weights are known; its map is there, or is made of its picture."""

    model: str


class MappedUnit(ResolvedUnit):
    """A control unit with its map."""

    map: Annotated[str, PICTURE]


class ImagePrompt(ResolvedUnit):
    """A control unit whose picture is a prompt itself."""

    image: Annotated[str, PICTURE]


class SecondPass(Hires):
    """A second pass with nothing left open; without a model it is the first one's."""

    scale: Annotated[float, SECOND_SCALE]
    upscaler: str
    steps: Annotated[int, STEPS]


class ResolvedUpscale(Upscale):
    """How a picture is enlarged."""

    upscaler: str
    scale: Annotated[float, SCALE]


class ResolvedRecipe(Recipe):
    """One image, with nothing left open; its words are drawn, and ready-made ones are among them."""

    model: str
    seed: Annotated[int, SEED]
    count: Literal[1] = 1
    styles: tuple[()] = ()
    negative_presets: tuple[()] = ()
    controls: tuple[ResolvedUnit, ...] = ()

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """The recipe as one of this kind; InvalidRecipe where it is none."""
        return cls.make(**dict(recipe))

    @field_validator("controls", mode="before")
    @classmethod
    def _as_values(cls, units: Any) -> Any:
        return [dict(unit) if isinstance(unit, ControlUnit) else unit for unit in units] if _is_list(units) else units

    @field_validator("controls")
    @classmethod
    def _of_their_kind(cls, units: tuple[ResolvedUnit, ...]) -> tuple[ResolvedUnit, ...]:
        return tuple(resolved_unit(unit, unit.model) for unit in units)


def _is_list(units: Any) -> bool:
    return isinstance(units, list | tuple)


class HostedRecipe(ResolvedRecipe):
    """An image that a hosted model makes; it decides what is not said."""


class UpscaleRecipe(ResolvedRecipe):
    """A picture that is enlarged, and not painted over."""

    init_image: Annotated[str, PICTURE]
    upscale: ResolvedUpscale


class PaintedRecipe(ResolvedRecipe):
    """An image that a model of this machine paints. Without a guidance scale, the model takes none."""

    scheduler: str
    steps: Annotated[int, STEPS]

    @property
    def guided(self) -> bool:
        """Whether guidance says how far from the negative prompt the picture is."""
        return self.guidance_scale is not None and self.guidance_scale > 1

    @property
    def mapped_units(self) -> tuple[MappedUnit, ...]:
        """The control units whose maps are made."""
        return tuple(unit for unit in self.controls if isinstance(unit, MappedUnit))

    @property
    def image_prompts(self) -> tuple[ImagePrompt, ...]:
        """The control units whose picture is a prompt itself."""
        return tuple(unit for unit in self.controls if isinstance(unit, ImagePrompt))


class TextToImageRecipe(PaintedRecipe):
    """A picture from text alone."""

    width: Annotated[int, SIDE]
    height: Annotated[int, SIDE]


class TwoPassRecipe(TextToImageRecipe):
    """A picture from text that is painted over, by the same model or another."""

    hires: SecondPass


class ImageToImageRecipe(PaintedRecipe):
    """A picture painted over; without a strength, as its prompt tells the model."""

    init_image: Annotated[str, PICTURE]
    width: Annotated[int, SIDE]
    height: Annotated[int, SIDE]


class InpaintRecipe(PaintedRecipe):
    """A part of a picture painted anew, or what it is extended by."""

    init_image: Annotated[str, PICTURE]

    @property
    def size(self) -> Size | None:
        """The width and height that are asked for; None where the picture has its own, to the pixel."""
        return None if self.width is None or self.height is None else (self.width, self.height)


class TiledUpscaleRecipe(PaintedRecipe):
    """A picture that is enlarged, and painted over in tiles."""

    init_image: Annotated[str, PICTURE]
    upscale: ResolvedUpscale
    strength: Annotated[float, SHARE]


def as_resolved(recipe: Recipe) -> ResolvedRecipe:
    """The recipe as one of its kind; InvalidRecipe for the first thing that is left open in it."""
    return _kind(recipe).make(**dict(recipe) | {"hires": dict(recipe.hires), "upscale": dict(recipe.upscale)})


def _kind(recipe: Recipe) -> type[ResolvedRecipe]:
    if not recipe.denoises:
        return UpscaleRecipe
    if recipe.task == "text2img":
        return TextToImageRecipe if recipe.hires.scale is None else TwoPassRecipe
    if recipe.task == "img2img":
        return ImageToImageRecipe
    return InpaintRecipe if recipe.task == "inpaint" else TiledUpscaleRecipe


def resolved_unit(unit: ControlUnit, model: str) -> ResolvedUnit:
    """The unit as one of its kind, with weights of this name."""
    of = ImagePrompt if unit.is_prompt else MappedUnit if unit.map else ResolvedUnit
    return of.model_validate({**dict(unit), "model": model})
