"""What stands beside the model: the maps and pictures that a picture follows, and the LoRAs that change the model."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, field_validator, model_validator

from studio.recipe.setting import ChangeCost, Setting
from studio.recipe.values import PICTURE, SHARE, Value

# The kind of control unit whose picture is a prompt itself: an IP-Adapter reads it, and there is no map.
IMAGE_PROMPT = "ip_adapter"


class ControlUnit(Value):
    """One map that a picture follows, by one ControlNet. `map` wins over `image`, which a map is made of by `kind`.

    Of the kind IMAGE_PROMPT there is no map: the image is a prompt itself, read by an IP-Adapter.
    """

    kind: Annotated[
        str,
        Setting("Kind", "What to keep of the picture: its edges, depth, poses and so on.", "control", ChangeCost.MODEL),
    ]
    image: Annotated[
        str | None,
        PICTURE,
        Setting("Image", "The picture to make the map from, or to use as a prompt.", "control", ChangeCost.SIZE),
    ] = None
    map: Annotated[
        str | None,
        PICTURE,
        Setting("Map", "A ready-made map; the picture is then ignored.", "control", ChangeCost.SIZE),
    ] = None
    model: Annotated[
        str | None,
        Setting("ControlNet", "The weights that follow the map, or read the picture.", "control", ChangeCost.MODEL),
    ] = None
    weight: Annotated[
        float,
        Field(ge=0, le=2),
        Setting(
            "Weight", "How strongly it guides the picture; 0 turns it off.", "control", ChangeCost.SAMPLING, 0, 2, 0.05
        ),
    ] = 1.0
    start: Annotated[
        float,
        SHARE,
        Setting("Start", "The share of the steps at which it starts.", "control", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 0.0
    end: Annotated[
        float,
        SHARE,
        Setting("End", "The share of the steps at which it ends.", "control", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 1.0
    resize: Annotated[
        Literal["crop", "pad", "stretch"],
        Setting(
            "Fit",
            "How the map is fitted to another shape: cropped, padded or stretched.",
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
        Setting("Options", "Settings of the preprocessor that makes the map.", "control", ChangeCost.SIZE),
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


class Lora(Value):
    """One LoRA that is put on: small changes to many layers, of the denoiser and often of the text encoders."""

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
            "How strongly it changes the text encoders, if different from the rest.",
            "lora",
            ChangeCost.TEXT,
            -2,
            2,
            0.05,
        ),
    ] = None
    start: Annotated[
        float,
        SHARE,
        Setting("Start", "The share of the steps at which it starts.", "lora", ChangeCost.SAMPLING, 0, 1, 0.01),
    ] = 0.0
    end: Annotated[
        float,
        SHARE,
        Setting("End", "The share of the steps at which it ends.", "lora", ChangeCost.SAMPLING, 0, 1, 0.01),
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
