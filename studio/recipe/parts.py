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
            "How far to move from the seed towards the variation seed: 0 not at all, 1 all the way.",
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
            "The seed to move towards. Each further picture uses the next one and keeps its own seed.",
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
            "Hires fix",
            "How much larger to repaint the picture; 1 keeps its size.",
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
            "Hires model",
            "The model for the second pass, such as a refiner. If empty, the first model.",
            "hires",
            ChangeCost.MODEL,
            rules=(FROM_TEXT, TWICE),
            infotext=Infotext("Hires checkpoint"),
        ),
    ] = None
    upscaler: Annotated[
        str | None,
        Setting(
            "Hires upscaler",
            "Enlarges the picture before the second pass. Automatic: Lanczos, or nothing at 1.",
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
            "Hires strength",
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
            "Hires steps",
            "Steps of the second pass, before its strength. Automatic: as the first, or the second model's default.",
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
            "How many times wider and taller the picture becomes.",
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
