"""The parts of a recipe that say how its noise varies, and how a picture is painted over or enlarged.

A field that has an answer of its own has it as its default; what is None is open, and answered by model and task.
"""

from typing import Annotated

from studio.recipe.rules import ENLARGED, FROM_TEXT, PAINTED, PICTURED, TWICE, VARIED
from studio.recipe.setting import ChangeCost, Infotext, Setting
from studio.recipe.values import SCALE, SECOND_SCALE, SEED, SHARE, STEPS, Value

LATENT, LANCZOS = "latent", "lanczos"
UPSCALERS = {LATENT: "Latent", LANCZOS: "Lanczos"}


class Variation(Value):
    """Noise of another seed that is mixed in."""

    strength: Annotated[
        float | None,
        SHARE,
        Setting(
            "Variation",
            "How far the noise turns from the seed's to the variation seed's; 0: not at all, 1: altogether.",
            "seed",
            ChangeCost.SEED,
            0,
            1,
            0.01,
            rules=(PAINTED,),
            infotext=Infotext("Variation seed strength"),
            panel="variation",
        ),
    ] = None
    seed: Annotated[
        int | None,
        SEED,
        Setting(
            "Variation seed",
            "The seed whose noise is mixed in; each next picture takes the next one and keeps its own seed.",
            "seed",
            ChangeCost.SEED,
            rules=(PAINTED, VARIED),
            infotext=Infotext("Variation seed"),
            panel="variation",
        ),
    ] = None


class Hires(Value):
    """A second pass: the picture painted over, larger or by another model. There is one where it has a scale."""

    scale: Annotated[
        float | None,
        SECOND_SCALE,
        Setting(
            "Second pass",
            "How many times larger the picture is painted over; 1: at its own size.",
            "hires",
            ChangeCost.SIZE,
            1,
            4,
            0.05,
            rules=(FROM_TEXT,),
            infotext=Infotext("Hires upscale"),
        ),
    ] = None
    model: Annotated[
        str | None,
        Setting(
            "Second model",
            "The weights that paint the second pass, such as a refiner; the same as the first, where none is named.",
            "hires",
            ChangeCost.MODEL,
            rules=(FROM_TEXT, TWICE),
            infotext=Infotext("Hires checkpoint"),
        ),
    ] = None
    upscaler: Annotated[
        str | None,
        Setting(
            "Second upscaler",
            "What enlarges the picture before it is painted over; automatic: Lanczos, or nothing at 1.",
            "hires",
            ChangeCost.SIZE,
            rules=(FROM_TEXT, TWICE),
            standard=LANCZOS,
            infotext=Infotext("Hires upscaler", words=UPSCALERS),
        ),
    ] = None
    strength: Annotated[
        float,
        SHARE,
        Setting(
            "Second strength",
            "How much the second pass may change.",
            "hires",
            ChangeCost.SAMPLING,
            0,
            1,
            0.01,
            rules=(FROM_TEXT, TWICE),
            infotext=Infotext("Denoising strength"),
        ),
    ] = 0.5
    steps: Annotated[
        int | None,
        STEPS,
        Setting(
            "Second steps",
            "Steps of the second pass, before its strength; automatic: as the first, or as the second model does best.",
            "hires",
            ChangeCost.SAMPLING,
            1,
            100,
            1,
            rules=(FROM_TEXT, TWICE),
            infotext=Infotext("Hires steps"),
        ),
    ] = None


class Upscale(Value):
    """A picture that is enlarged; it is where either is said."""

    upscaler: Annotated[
        str | None,
        Setting(
            "Upscaler",
            "What enlarges the picture.",
            "upscale",
            ChangeCost.MODEL,
            rules=(PICTURED, ENLARGED),
            standard=LANCZOS,
            infotext=Infotext("Postprocess upscaler", words=UPSCALERS),
            name="upscaler",
        ),
    ] = None
    scale: Annotated[
        float | None,
        SCALE,
        Setting(
            "Enlarge",
            "How many times wider and higher the picture becomes.",
            "upscale",
            ChangeCost.SIZE,
            1,
            8,
            0.5,
            rules=(PICTURED, ENLARGED),
            standard=2.0,
            infotext=Infotext("Postprocess upscale by"),
            name="upscale",
        ),
    ] = None
