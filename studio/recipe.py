"""The recipe: one frozen value that says how to make an image.

Every setting is said once, here: its type and hard range, and beside them (`Setting`) its label, help, group, the
range a slider shows, the ability of the model it needs and how dear it is to change. Forms, checks, metadata and
the command line are read from it. `None` means: what the model is best at, filled in when the recipe is resolved.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from studio.errors import InvalidRecipe
from studio.parsing import ParseError, fault_words, parse_json, shown
from studio.recipe_parts import INPUT_ID, ChangeCost, ControlUnit, Lora, OutpaintPadding, Setting

Task = Literal["text2img", "img2img", "inpaint", "upscale"]

PROMPT_CHARACTERS = 4000
SEEDS = 2**32


class Recipe(BaseModel):
    """How to make an image. Frozen, hashable, unknown keys refused; equal recipes make equal pixels on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    version: Literal[1] = 1
    prompt: Annotated[
        str,
        Field(max_length=PROMPT_CHARACTERS),
        Setting("Prompt", "What the picture shows, in words.", "prompt", ChangeCost.TEXT),
    ] = ""
    styles: Annotated[
        tuple[str, ...],
        Setting(
            "Styles", "Ready-made looks that your words are put into, one after the other.", "prompt", ChangeCost.TEXT
        ),
    ] = ()
    negative_prompt: Annotated[
        str,
        Field(max_length=PROMPT_CHARACTERS),
        Setting(
            "Negative prompt",
            "What to keep out of the picture.",
            "prompt",
            ChangeCost.TEXT,
            ability="negative_prompt",
        ),
    ] = ""
    negative_presets: Annotated[
        tuple[str, ...],
        Setting(
            "Negative presets",
            "Ready-made negative prompts, added to your own.",
            "prompt",
            ChangeCost.TEXT,
            ability="negative_prompt",
        ),
    ] = ()
    model: Annotated[
        str | None,
        Setting("Model", "The weights that draw the picture.", "model", ChangeCost.MODEL),
    ] = None
    vae: Annotated[
        str | None,
        Setting("VAE", "What turns latents into pixels and back; a model brings its own.", "model", ChangeCost.MODEL),
    ] = None
    width: Annotated[
        int | None,
        Field(ge=16, le=8192),
        Setting("Width", "Pixels from left to right.", "size", ChangeCost.SIZE, 64, 2048, 8),
    ] = None
    height: Annotated[
        int | None,
        Field(ge=16, le=8192),
        Setting("Height", "Pixels from top to bottom.", "size", ChangeCost.SIZE, 64, 2048, 8),
    ] = None
    scheduler: Annotated[
        str | None,
        Setting("Scheduler", "The method that removes the noise, step by step.", "sampling", ChangeCost.SAMPLING),
    ] = None
    steps: Annotated[
        int | None,
        Field(ge=1, le=1000),
        Setting(
            "Steps", "More steps take longer and add detail, up to a point.", "sampling", ChangeCost.SAMPLING, 1, 100, 1
        ),
    ] = None
    guidance_scale: Annotated[
        float | None,
        Field(ge=0, le=50),
        Setting(
            "Guidance",
            "How strictly the picture follows the prompt; too high burns the colours.",
            "sampling",
            ChangeCost.SAMPLING,
            1,
            20,
            0.1,
            ability="guidance",
        ),
    ] = None
    clip_skip: Annotated[
        int | None,
        Field(ge=1, le=12),
        Setting(
            "Clip skip",
            "Which layer of CLIP the words are taken from, counted from its last, as A1111 counts; many illustration "
            "models of Stable Diffusion 1.5 were trained with 2. XL and 2.1 take 2 by themselves, and never less.",
            "sampling",
            ChangeCost.TEXT,
            1,
            4,
            1,
            ability="clip_skip",
        ),
    ] = None
    guidance_rescale: Annotated[
        float | None,
        Field(ge=0, le=1),
        Setting(
            "Guidance rescale",
            "How far guidance is kept from raising the contrast; 0.7 for models of zero terminal SNR. Applies above a "
            "guidance of 1.",
            "sampling",
            ChangeCost.SAMPLING,
            0,
            1,
            0.05,
            ability="negative_prompt",
        ),
    ] = None
    eta: Annotated[
        float | None,
        Field(ge=0, le=1),
        Setting(
            "Eta",
            "How much fresh noise each step brings; 0: none, 1: as DDPM. Applies with DDIM.",
            "sampling",
            ChangeCost.SAMPLING,
            0,
            1,
            0.05,
        ),
    ] = None
    sigma_churn: Annotated[
        float | None,
        Field(ge=0, le=100),
        Setting(
            "Sigma churn",
            "How much noise is put back before each step; 0: none. Applies with Euler and EDM Euler.",
            "sampling",
            ChangeCost.SAMPLING,
            0,
            40,
            0.5,
        ),
    ] = None
    sigma_noise: Annotated[
        float | None,
        Field(ge=0, le=2),
        Setting(
            "Sigma noise",
            "How strong the noise is that is put back. Applies where there is a sigma churn.",
            "sampling",
            ChangeCost.SAMPLING,
            0.9,
            1.1,
            0.005,
        ),
    ] = None
    rng: Annotated[
        Literal["cpu", "device"] | None,
        Setting(
            "Noise from",
            "What draws the noise: the CPU, the same on every machine, or the device that paints, as some tools do.",
            "seed",
            ChangeCost.SEED,
        ),
    ] = None
    seed: Annotated[
        int | None,
        Field(ge=0, lt=SEEDS),
        Setting(
            "Seed", "The number the noise is drawn from; the same seed gives the same picture.", "seed", ChangeCost.SEED
        ),
    ] = None
    variation_seed: Annotated[
        int | None,
        Field(ge=0, lt=SEEDS),
        Setting(
            "Variation seed",
            "The seed whose noise is mixed in; each next picture takes the next one and keeps its own seed.",
            "seed",
            ChangeCost.SEED,
        ),
    ] = None
    variation_strength: Annotated[
        float | None,
        Field(ge=0, le=1),
        Setting(
            "Variation",
            "How far the noise turns from the seed's to the variation seed's; 0: not at all, 1: altogether.",
            "seed",
            ChangeCost.SEED,
            0,
            1,
            0.01,
        ),
    ] = None
    count: Annotated[
        int,
        Field(ge=1, le=1024),
        Setting("Images", "How many pictures, each with the next seed.", "seed", ChangeCost.SEED, 1, 16, 1),
    ] = 1
    init_image: Annotated[
        str | None,
        Field(pattern=INPUT_ID),
        Setting("Image", "The picture to start from.", "edit", ChangeCost.SIZE),
    ] = None
    strength: Annotated[
        float | None,
        Field(ge=0, le=1),
        Setting(
            "Strength",
            "How much may change: 0 gives the picture back, 1 keeps nothing of it.",
            "edit",
            ChangeCost.SAMPLING,
            0,
            1,
            0.01,
            ability="strength",
        ),
    ] = None
    image_guidance_scale: Annotated[
        float | None,
        Field(ge=1, le=50),
        Setting(
            "Image guidance",
            "How closely the result keeps to the picture; higher changes less.",
            "edit",
            ChangeCost.SAMPLING,
            1,
            3,
            0.05,
            ability="image_guidance",
        ),
    ] = None
    resize: Annotated[
        Literal["crop", "pad", "stretch"] | None,
        Setting(
            "Fit",
            "How the picture is brought to another shape: cut off, given borders or stretched.",
            "edit",
            ChangeCost.SIZE,
        ),
    ] = None
    mask_image: Annotated[
        str | None,
        Field(pattern=INPUT_ID),
        Setting("Mask", "White is painted anew, black stays as it is.", "mask", ChangeCost.SIZE),
    ] = None
    mask_blur: Annotated[
        int | None,
        Field(ge=0, le=256),
        Setting("Mask blur", "Pixels over which new and old melt together.", "mask", ChangeCost.SAMPLING, 0, 64, 1),
    ] = None
    mask_grow: Annotated[
        int | None,
        Field(ge=-256, le=256),
        Setting(
            "Mask growth",
            "Pixels by which the mask grows; below 0 it shrinks.",
            "mask",
            ChangeCost.SAMPLING,
            -64,
            64,
            1,
        ),
    ] = None
    mask_fill: Annotated[
        Literal["original", "noise", "surroundings"] | None,
        Setting("Start from", "What the masked place holds before it is painted anew.", "mask", ChangeCost.SAMPLING),
    ] = None
    mask_area: Annotated[
        Literal["whole", "masked"] | None,
        Setting(
            "Area",
            "Paint with the whole picture in view, or the masked place alone at full size.",
            "mask",
            ChangeCost.SIZE,
        ),
    ] = None
    mask_padding: Annotated[
        int | None,
        Field(ge=0, le=512),
        Setting(
            "Padding", "Pixels around the masked place that are in view with it.", "mask", ChangeCost.SIZE, 0, 256, 4
        ),
    ] = None
    outpaint: Annotated[
        OutpaintPadding | None,
        Setting("Extend", "Pixels by which the picture grows at its sides.", "mask", ChangeCost.SIZE),
    ] = None
    hires_scale: Annotated[
        float | None,
        Field(ge=1, le=4),
        Setting(
            "Second pass",
            "How many times larger the picture is painted over; 1: at its own size.",
            "hires",
            ChangeCost.SIZE,
            1,
            4,
            0.05,
        ),
    ] = None
    hires_model: Annotated[
        str | None,
        Setting(
            "Second model",
            "The weights that paint the second pass, such as a refiner; the same as the first, where none is named.",
            "hires",
            ChangeCost.MODEL,
        ),
    ] = None
    hires_upscaler: Annotated[
        str | None,
        Setting(
            "Second upscaler",
            "What enlarges the picture before it is painted over; automatic: Lanczos, or nothing at 1.",
            "hires",
            ChangeCost.SIZE,
        ),
    ] = None
    hires_strength: Annotated[
        float | None,
        Field(ge=0, le=1),
        Setting("Second strength", "How much the second pass may change.", "hires", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = None
    hires_steps: Annotated[
        int | None,
        Field(ge=1, le=1000),
        Setting(
            "Second steps", "Steps of the second pass, before its strength.", "hires", ChangeCost.SAMPLING, 1, 100, 1
        ),
    ] = None
    upscaler: Annotated[
        str | None,
        Setting("Upscaler", "What enlarges the picture.", "upscale", ChangeCost.MODEL),
    ] = None
    upscale: Annotated[
        float | None,
        Field(ge=1, le=8),
        Setting(
            "Enlarge", "How many times wider and higher the picture becomes.", "upscale", ChangeCost.SIZE, 1, 8, 0.5
        ),
    ] = None
    controls: Annotated[
        tuple[ControlUnit, ...],
        Setting(
            "Control", "Maps that the picture follows, and pictures that are prompts.", "control", ChangeCost.MODEL
        ),
    ] = ()
    loras: Annotated[
        tuple[Lora, ...],
        Setting("LoRAs", "Small files that change how the model draws; any number at once.", "lora", ChangeCost.TEXT),
    ] = ()

    @property
    def task(self) -> Task:
        """What is done, told by what is present; without an image to start from it is text to image."""
        if self.init_image is None:
            return "text2img"
        if self.upscaler is not None or self.upscale is not None:
            return "upscale"
        if self.mask_image is not None or self.outpaint is not None:
            return "inpaint"
        return "img2img"

    @property
    def denoises(self) -> bool:
        """Whether a model paints; enlarging alone takes none of its steps and no prompt."""
        return self.task != "upscale" or self.strength is not None

    @property
    def passes(self) -> tuple[Task, ...]:
        """What its model is asked to do, in this order: a second pass, and painting over, are image to image.

        A second pass by another model is not among it.
        """
        if self.task == "upscale":
            return ("img2img",) if self.denoises else ()
        return (self.task, "img2img") if self.hires_scale and not self.hires_model else (self.task,)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that paint a resolved recipe, in this order; none where a picture is enlarged only."""
        if not self.denoises:
            return ()
        return (str(self.model), self.hires_model) if self.hires_model else (str(self.model),)

    @property
    def map_units(self) -> tuple[ControlUnit, ...]:
        """The control units that have a map."""
        return tuple(unit for unit in self.controls if not unit.is_prompt)

    @property
    def prompt_units(self) -> tuple[ControlUnit, ...]:
        """The control units whose picture is a prompt itself."""
        return tuple(unit for unit in self.controls if unit.is_prompt)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The ids of the stored pictures that it names."""
        units = (picture for unit in self.controls for picture in (unit.image, unit.map))
        return tuple(filter(None, (self.init_image, self.mask_image, *units)))

    @classmethod
    def make(cls, **values: Any) -> "Recipe":
        """Build a recipe from foreign values; InvalidRecipe names the first field at fault and the cure."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise _recipe_error(error) from error

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read a stored recipe of any version; InvalidRecipe where it is none."""
        try:
            values = parse_json(text)
        except ParseError as error:
            hint = "Choose an image that the studio made."
            raise InvalidRecipe("recipe", f"The recipe {error.fault}.", hint) from error
        if not isinstance(values, dict):
            raise InvalidRecipe("recipe", "This is not a recipe.", "Choose an image that the studio made.")
        return cls.make(**upgrade(values))

    def to_json(self) -> str:
        """The recipe as one line of JSON, without what was left open."""
        empty = {name for name in ("styles", "controls", "loras") if not getattr(self, name)}
        return self.model_dump_json(exclude_none=True, exclude=empty)

    def without_maps(self) -> "Recipe":
        """A copy in which the maps that are made of a picture are left open again."""
        units = (unit.model_copy(update={"map": None}) if unit.image else unit for unit in self.controls)
        return self.model_copy(update={"controls": tuple(units)})

    def replace(self, **changes: Any) -> "Recipe":
        """A copy with some fields changed, checked like a new one."""
        return self.make(**{**self.model_dump(), **changes})


def upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """Bring a stored recipe to the present version; there is only one so far."""
    return values


@cache
def setting_specs(of: type[BaseModel] = Recipe) -> dict[str, Setting]:
    """Each field's `Setting`, by field name, in the recipe's order, or in that of one of its parts."""
    return {
        name: meta for name, field in of.model_fields.items() for meta in field.metadata if isinstance(meta, Setting)
    }


def hard_range(name: str) -> tuple[float | None, float | None]:
    """The lowest and highest value a field takes, inclusive; None where it has no such bound."""
    field: FieldInfo = Recipe.model_fields[name]
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    if high is None:
        high = next((m.lt - 1 for m in field.metadata if hasattr(m, "lt")), None)
    return low, high


# The fields that are values of several fields themselves.
PARTS: Mapping[str, type[BaseModel]] = {"outpaint": OutpaintPadding, "controls": ControlUnit, "loras": Lora}


def _recipe_error(error: ValidationError) -> InvalidRecipe:
    """The first fault of a validation, in the studio's words."""
    first = error.errors()[0]
    name, *part = [str(step) for step in first["loc"]] or ["recipe"]
    if first["type"] == "extra_forbidden":
        known = PARTS[name].model_fields if part else Recipe.model_fields
        return InvalidRecipe(name, "There is no such setting.", f"Known are: {', '.join(known)}.")
    if first["type"] == "string_too_long":
        return InvalidRecipe(name, f"The text is longer than {PROMPT_CHARACTERS} characters.", "Shorten it.")
    if first["type"] == "string_pattern_mismatch":
        return InvalidRecipe(name, "This does not name a stored image.", "Give the image again.")
    low, high = hard_range(name) if name in Recipe.model_fields and not part else (None, None)
    if low is not None or high is not None:
        given = first.get("input")
        return InvalidRecipe(
            name,
            f"{shown(given)} is not a valid {name.replace('_', ' ').replace('steps', 'number of steps')}.",
            f"Give a number from {low:.10g} to {high:.10g}.",
        )
    where = f"{' '.join(part)}: " if part else ""
    message = fault_words(first)
    place = int(part[0]) if part and part[0].isdecimal() else None
    return InvalidRecipe(name, f"{where}{message}.", "Mend the value or leave it out.", place)
