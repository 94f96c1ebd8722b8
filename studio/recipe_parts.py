"""The parts of a recipe that are values of several fields, and what is said beside each field: its `Setting`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

Group = Literal["prompt", "model", "size", "sampling", "seed", "edit", "mask", "hires", "upscale", "control", "lora"]
Ability = Literal["negative_prompt", "guidance", "image_guidance", "strength", "clip_skip"]

# How a stored input is named: the SHA-256 of its pixels.
INPUT_ID = "^[0-9a-f]{64}$"
# The kind of control unit whose picture is a prompt itself: an IP-Adapter reads it, and there is no map.
IMAGE_PROMPT = "ip_adapter"


class ChangeCost(IntEnum):
    """What has to be done again when a setting changes; a grid varies the dearest slowest."""

    SEED = 1
    SAMPLING = 2
    TEXT = 3
    SIZE = 4
    MODEL = 5


@dataclass(frozen=True)
class Setting:
    """How a field is shown and treated; `minimum`, `maximum`, `step` are what a slider offers."""

    label: str
    help: str
    group: Group
    change_cost: ChangeCost
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    ability: Ability | None = None


class OutpaintPadding(BaseModel):
    """By how many pixels a picture grows at each side; at least at one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Left", "Pixels added at the left side.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0
    right: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Right", "Pixels added at the right side.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0
    top: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Top", "Pixels added above.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0
    bottom: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Bottom", "Pixels added below.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0

    @model_validator(mode="after")
    def _grows(self) -> "OutpaintPadding":
        if not (self.left or self.right or self.top or self.bottom):
            raise ValueError("no side grows; give the pixels of at least one of left, right, top, bottom")
        return self


class ControlUnit(BaseModel):
    """One map that a picture follows, by one ControlNet. `map` wins over `image`, which a map is made of by `kind`.

    Of the kind IMAGE_PROMPT there is no map: the image is a prompt itself, read by an IP-Adapter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Annotated[
        str,
        Setting("Kind", "What of the picture is kept: its edges, depth, poses and so on.", "control", ChangeCost.MODEL),
    ]
    image: Annotated[
        str | None,
        Field(pattern=INPUT_ID),
        Setting("Image", "The picture that the map is made of, or that is the prompt.", "control", ChangeCost.SIZE),
    ] = None
    map: Annotated[
        str | None,
        Field(pattern=INPUT_ID),
        Setting("Map", "A ready-made map; the picture is not looked at then.", "control", ChangeCost.SIZE),
    ] = None
    model: Annotated[
        str | None,
        Setting("ControlNet", "The weights that follow the map, or read the picture.", "control", ChangeCost.MODEL),
    ] = None
    weight: Annotated[
        float,
        Field(ge=0, le=2),
        Setting("Weight", "How strongly it steers; 0: not at all.", "control", ChangeCost.SAMPLING, 0, 2, 0.05),
    ] = 1.0
    start: Annotated[
        float,
        Field(ge=0, le=1),
        Setting("Start", "From which share of the steps on.", "control", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 0.0
    end: Annotated[
        float,
        Field(ge=0, le=1),
        Setting("End", "Up to which share of the steps.", "control", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 1.0
    resize: Annotated[
        Literal["crop", "pad", "stretch"],
        Setting(
            "Fit",
            "How the map is brought to another shape: cut off, given borders or stretched.",
            "control",
            ChangeCost.SIZE,
        ),
    ] = "crop"
    mode: Annotated[
        Literal["balanced", "prompt", "control"],
        Setting("Control mode", "What wins where prompt and map disagree.", "control", ChangeCost.SAMPLING),
    ] = "balanced"
    options: Annotated[
        tuple[tuple[str, float | int | str], ...],
        Setting("Options", "Settings of what makes the map.", "control", ChangeCost.SIZE),
    ] = ()

    @field_validator("options", mode="before")
    @classmethod
    def _as_pairs(cls, options: Any) -> Any:
        return tuple(sorted(options.items())) if isinstance(options, Mapping) else options

    @field_serializer("options")
    def _as_mapping(self, options: tuple[tuple[str, float | int | str], ...]) -> dict[str, float | int | str]:
        return dict(options)

    @model_validator(mode="after")
    def _runs_forward(self) -> "ControlUnit":
        if self.start > self.end:
            raise ValueError(f"it cannot start at {self.start:g} and end at {self.end:g}; the start comes first")
        return self

    @property
    def is_active(self) -> bool:
        """Whether it changes anything: it has a weight, and steps to work in."""
        return self.weight > 0 and self.start < self.end

    @property
    def is_prompt(self) -> bool:
        """Whether its picture is a prompt itself."""
        return self.kind == IMAGE_PROMPT


class Lora(BaseModel):
    """One LoRA that is put on: small changes to many layers, of the denoiser and often of the text encoders."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[
        str,
        Field(min_length=1),
        Setting("LoRA", "The file, by its name without the ending.", "lora", ChangeCost.TEXT),
    ]
    weight: Annotated[
        float,
        Field(ge=-10, le=10),
        Setting(
            "Weight",
            "How strongly it changes the picture; below 0 it does the opposite.",
            "lora",
            ChangeCost.TEXT,
            -2,
            2,
            0.05,
        ),
    ] = 1.0
    text_weight: Annotated[
        float | None,
        Field(ge=-10, le=10),
        Setting(
            "Weight for text",
            "How strongly it changes the text encoders, where not as the rest.",
            "lora",
            ChangeCost.TEXT,
            -2,
            2,
            0.05,
        ),
    ] = None
    start: Annotated[
        float,
        Field(ge=0, le=1),
        Setting("Start", "From which share of the steps on.", "lora", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 0.0
    end: Annotated[
        float,
        Field(ge=0, le=1),
        Setting("End", "Up to which share of the steps.", "lora", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 1.0
    blocks: Annotated[
        tuple[Annotated[float, Field(ge=-10, le=10)], ...],
        Setting(
            "Block weights",
            "How much of the weight each block takes, from first to last; the text encoders come first.",
            "lora",
            ChangeCost.TEXT,
        ),
    ] = ()

    @model_validator(mode="after")
    def _runs_forward(self) -> "Lora":
        if self.start > self.end:
            raise ValueError(f"it cannot start at {self.start:g} and end at {self.end:g}; the start comes first")
        return self

    @property
    def weights(self) -> tuple[float, float]:
        """What it weighs for the text encoders, and for the denoiser."""
        return self.weight if self.text_weight is None else self.text_weight, self.weight
