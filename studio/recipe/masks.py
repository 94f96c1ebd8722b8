"""The parts of a recipe that say what of a picture is painted anew, and by how much it grows."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from studio.recipe.rules import AS_IT_IS, CLOSE, INPAINTED, MASKED, NOT_ENLARGED, PICTURED, RESAMPLES
from studio.recipe.setting import ChangeCost, Infotext, Setting
from studio.recipe.values import PICTURE, Value


class Mask(Value):
    """What of a picture is painted anew."""

    image: Annotated[
        str | None,
        PICTURE,
        Setting(
            "Mask",
            "White is repainted, black stays as it is.",
            "mask",
            ChangeCost.SIZE,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED),
        ),
    ] = None
    blur: Annotated[
        int,
        Field(ge=0, le=256),
        Setting(
            "Mask blur",
            "Blends new and old over this many pixels.",
            "mask",
            ChangeCost.SAMPLING,
            0,
            64,
            1,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED),
            infotext=Infotext("Mask blur"),
        ),
    ] = 4
    grow: Annotated[
        int,
        Field(ge=-256, le=256),
        Setting(
            "Mask growth",
            "Grows the mask by this many pixels; negative values shrink it.",
            "mask",
            ChangeCost.SAMPLING,
            -64,
            64,
            1,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED, MASKED),
        ),
    ] = 0
    fill: Annotated[
        Literal["original", "noise", "surroundings", "telea", "patchmatch"],
        Setting(
            "Start from",
            "What fills the masked area before it is repainted. Telea (OpenCV) and PatchMatch continue what is around "
            "it; with a low strength they remove things.",
            "mask",
            ChangeCost.SAMPLING,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED, MASKED),
            infotext=Infotext(
                "Masked content", words={"original": "", "noise": "latent noise", "surroundings": "fill"}
            ),
        ),
    ] = "original"
    sketch: Annotated[
        str | None,
        PICTURE,
        Setting(
            "Sketch",
            "The picture with colours painted on it, from which the masked area starts. A strength of 0.5 to 0.8 keeps "
            "them.",
            "mask",
            ChangeCost.SIZE,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED, MASKED, AS_IT_IS),
        ),
    ] = None
    resample: Annotated[
        int,
        Field(ge=1, le=20),
        Setting(
            "Resampling",
            "How many times each step is made (RePaint): above 1, new and old fit each other better, and it takes that "
            "many times as long. With Euler, Euler a and DDIM.",
            "mask",
            ChangeCost.SAMPLING,
            1,
            10,
            1,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED, RESAMPLES),
        ),
    ] = 1
    area: Annotated[
        Literal["whole", "masked"],
        Setting(
            "Area",
            "Repaint with the whole picture in view, or only the masked area at full size.",
            "mask",
            ChangeCost.SIZE,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED, MASKED),
            infotext=Infotext("Inpaint area", words={"whole": "", "masked": "Only masked"}),
        ),
    ] = "whole"
    padding: Annotated[
        int,
        Field(ge=0, le=512),
        Setting(
            "Padding",
            "Pixels of context around the masked area.",
            "mask",
            ChangeCost.SIZE,
            0,
            256,
            4,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED, MASKED, CLOSE),
            infotext=Infotext("Masked area padding"),
        ),
    ] = 32


class OutpaintPadding(Value):
    """By how many pixels a picture grows at each side; at least at one."""

    left: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Left", "Pixels added on the left.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0
    right: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Right", "Pixels added on the right.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0
    top: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Top", "Pixels added at the top.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0
    bottom: Annotated[
        int,
        Field(ge=0, le=2048),
        Setting("Bottom", "Pixels added at the bottom.", "mask", ChangeCost.SIZE, 0, 1024, 8),
    ] = 0

    @model_validator(mode="after")
    def _grows(self) -> "OutpaintPadding":
        if not (self.left or self.right or self.top or self.bottom):
            raise ValueError("no side grows; give the pixels of at least one of left, right, top, bottom")
        return self
