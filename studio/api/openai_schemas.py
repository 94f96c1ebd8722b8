"""What a request in OpenAI's language may say, with the studio's own settings as vLLM-Omni spells them."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from studio.events import Verdict
from studio.hosted.models import is_hosted, joined, parted
from studio.recipe import SEEDS, Lora, Recipe
from studio.recipe.faults import PROMPT_CHARACTERS
from studio.studio import Studio

Quality = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]
# How many of a model's usual steps each quality takes; what DALL-E called them stands for one of the others.
STEPS: dict[str, float] = {"low": 0.5, "medium": 1, "high": 1.5, "xhigh": 2, "max": 2}
DALL_E = {"standard": "medium", "hd": "high"}
MOST_STEPS = 1000
EXAMPLE: Any = {"prompt": "a lighthouse at dusk", "size": "256x256", "n": 1, "seed": 7, "num_inference_steps": 20}


def _several(value: Any) -> Any:
    return [value] if isinstance(value, dict | str) else value


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class RequestedLora(BaseModel):
    """One LoRA: its name here, or a path or repository, whose last part is the name; nothing is read from a path."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[
        str,
        Field(min_length=1, max_length=400, validation_alias=AliasChoices("name", "path", "local_path", "lora_path")),
    ]
    scale: Annotated[float, Field(ge=-10, le=10, validation_alias=AliasChoices("scale", "weight", "lora_scale"))] = 1.0

    @property
    def lora(self) -> Lora:
        """As a recipe names it."""
        last = PurePosixPath(PureWindowsPath(self.name).as_posix()).name
        return Lora(name=last.removesuffix(".safetensors"), weight=self.scale)


class GenerationRequest(BaseModel):
    """Pictures from text. Those from `seed` on are no settings of OpenAI's: clients send them in `extra_body`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_CHARACTERS, description="What the picture shows.")]
    model: Annotated[
        str | None, Field(max_length=400, description="One of /v1/models (default: the studio's own).")
    ] = None
    n: Annotated[int, Field(ge=1, le=1024, description="How many pictures.")] = 1
    size: Annotated[
        str, Field(pattern=r"^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$", description="Width and height in pixels.")
    ] = "auto"
    quality: Annotated[Quality, Field(description="More takes more steps than the model's usual ones.")] = "auto"
    response_format: Annotated[
        Literal["b64_json", "url"], Field(description="The picture itself, or an address that opens for you alone.")
    ] = "b64_json"
    output_format: Literal["png", "jpeg", "webp"] = "png"
    output_compression: Annotated[
        int | None, Field(ge=0, le=100, description="The quality of JPEG and WebP (default: the best).")
    ] = None
    background: Annotated[Literal["auto", "opaque"], Field(description="Transparent pictures are not supported.")] = (
        "auto"
    )
    moderation: Annotated[Literal["auto", "low"], Field(description="Changes nothing.")] = "auto"
    stream: bool = False
    partial_images: Annotated[int, Field(ge=0, le=3, description="Looks at each picture while it is made.")] = 0
    user: Annotated[str | None, Field(max_length=400, description="Changes nothing.")] = None
    safety_identifier: Annotated[str | None, Field(max_length=400, description="Changes nothing.")] = None
    seed: Annotated[int | None, Field(ge=0, lt=SEEDS)] = None
    num_inference_steps: Annotated[int | None, Field(ge=1, le=MOST_STEPS)] = None
    guidance_scale: Annotated[float | None, Field(ge=0, le=50)] = None
    negative_prompt: Annotated[str, Field(max_length=PROMPT_CHARACTERS)] = ""
    lora: Annotated[
        list[Annotated[RequestedLora, BeforeValidator(_named)]],
        BeforeValidator(_several),
        Field(max_length=64, description="One or several, each with name and scale."),
    ] = []
    generator_device: Annotated[Literal["cpu", "cuda", "device"], Field(description="What draws the noise.")] = "cpu"
    recipe: Annotated[dict[str, Any], Field(description="Any other settings of a recipe, by their flat names.")] = {}

    @property
    def grade(self) -> str:
        """The quality, as it is called today."""
        return DALL_E.get(self.quality, self.quality)


class EditRequest(GenerationRequest):
    """A picture to be changed; its files are `image`, and `mask`, which is transparent where something changes."""

    strength: Annotated[float | None, Field(ge=0, le=1, description="How much may change.")] = None


class Image(BaseModel):
    """One picture of an answer."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    seed: int | None = None
    safety: Annotated[Verdict | None, Field(description="The verdict of the safety layer, if there is one.")] = None


class ImagesResponse(BaseModel):
    """The pictures that were asked for."""

    created: int
    data: list[Image]
    background: str
    output_format: str
    quality: str
    size: str
    usage: dict[str, Any]


class ModelFacts(BaseModel):
    """A model that a request may name."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str
    shutdown_date: str | None = None


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelFacts]


def recipe_of(wanted: GenerationRequest, studio: Studio, **given: Any) -> Recipe:
    """The recipe that a request means, with what is given beside it; InvalidRecipe where there can be none."""
    width, _, height = wanted.size.partition("x")
    values: dict[str, Any] = {
        "prompt": wanted.prompt,
        "negative_prompt": wanted.negative_prompt,
        "model": _model(wanted, studio),
        "count": wanted.n,
        "seed": wanted.seed,
        "steps": wanted.num_inference_steps or _steps(wanted, studio),
        "guidance_scale": wanted.guidance_scale,
        "strength": getattr(wanted, "strength", None),
        "loras": tuple(one.lora for one in wanted.lora) or None,
        "rng": None if wanted.generator_device == "cpu" else "device",
        **({"width": int(width), "height": int(height)} if height else {}),
        **given,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return Recipe.make(**wanted.recipe | known)


def _model(wanted: GenerationRequest, studio: Studio) -> str | None:
    """The model's name; a hosted one is told the quality in its own words."""
    name = wanted.model
    if name is None or name in studio.catalogue or not is_hosted(name) or wanted.quality == "auto":
        return name
    model, settings = parted(name)
    return joined(model, {"quality": wanted.quality, **settings})


def _steps(wanted: GenerationRequest, studio: Studio) -> int | None:
    """The steps of a quality; None where the model's usual ones are meant, or somebody else's machine makes it."""
    name = wanted.model or studio.settings.model
    if wanted.grade not in STEPS or name not in studio.catalogue:
        return None
    usual = int(studio.catalogue[name].default("steps"))
    return min(MOST_STEPS, max(1, round(usual * STEPS[wanted.grade])))
