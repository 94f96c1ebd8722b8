"""The fields of a recipe, each with all that is said of it.

Its type, hard range and default, and beside them (`Setting`) its label, help, group, the range a slider shows, the
ability of the model it needs, when it means something, how dear it is to change, and what pipelines and other tools
call it. Forms, checks, metadata and the command line are read from it. `None` means: what the model is best at, filled
in when the recipe is resolved.
"""

from typing import Annotated, Literal

from pydantic import Field

from studio.recipe.faults import PROMPT_CHARACTERS
from studio.recipe.masks import Mask, OutpaintPadding
from studio.recipe.parts import Hires, Upscale, Variation
from studio.recipe.rules import (
    CHURNED,
    GUIDED,
    INPAINTED,
    KNOWS_CHURN,
    KNOWS_ETA,
    NOT_ENLARGED,
    PAINTED,
    PICTURED,
    WHOLE,
)
from studio.recipe.setting import ChangeCost, Infotext, Setting
from studio.recipe.units import ControlUnit, Lora
from studio.recipe.values import BUCKETS, PICTURE, SEED, SHARE, SIDE, STEPS, Numerics, Value
from studio.schedulers import SCHEDULERS

# How A1111 spells schedulers, where otherwise: it samples models of EDM and of flows by the names of all others.
SPELLED = {row.name: row.infotext for row in SCHEDULERS.values() if row.infotext}
# The present version of what is written.
VERSION: Literal[2] = 2


class Fields(Value):
    """What a recipe says; what it does is in `Recipe`."""

    version: Literal[2] = VERSION
    prompt: Annotated[
        str,
        Field(max_length=PROMPT_CHARACTERS),
        Setting("Prompt", "What the picture shows, in words.", "prompt", ChangeCost.TEXT, rules=(PAINTED,)),
    ] = ""
    styles: Annotated[
        tuple[str, ...],
        Setting(
            "Styles",
            "Ready-made looks, applied to your prompt one after the other.",
            "prompt",
            ChangeCost.TEXT,
            rules=(PAINTED,),
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
            rules=(PAINTED,),
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
            rules=(PAINTED,),
        ),
    ] = ()
    model: Annotated[
        str | None,
        Setting("Model", "The model that makes the picture.", "model", ChangeCost.MODEL, infotext=Infotext("Model")),
    ] = None
    vae: Annotated[
        str | None,
        Setting(
            "VAE",
            "Turns latents into pixels and back. Every model brings its own.",
            "model",
            ChangeCost.MODEL,
            rules=(PAINTED,),
            infotext=Infotext("VAE"),
            panel="model",
        ),
    ] = None
    width: Annotated[
        int | None,
        SIDE,
        Setting(
            "Width",
            "Width in pixels.",
            "size",
            ChangeCost.SIZE,
            64,
            2048,
            8,
            rules=(NOT_ENLARGED,),
            panel="size",
        ),
    ] = None
    height: Annotated[
        int | None,
        SIDE,
        Setting(
            "Height",
            "Height in pixels.",
            "size",
            ChangeCost.SIZE,
            64,
            2048,
            8,
            rules=(NOT_ENLARGED,),
            panel="size",
        ),
    ] = None
    steps: Annotated[
        int | None,
        STEPS,
        Setting(
            "Steps",
            "More steps take longer and add detail, up to a point.",
            "sampling",
            ChangeCost.SAMPLING,
            1,
            100,
            1,
            rules=(PAINTED,),
            infotext=Infotext("Steps"),
            panel="sampling",
        ),
    ] = None
    guidance_scale: Annotated[
        float | None,
        Field(ge=0, le=50),
        Setting(
            "Guidance",
            "How strictly the picture follows the prompt. Too high, and colours burn out.",
            "sampling",
            ChangeCost.SAMPLING,
            1,
            20,
            0.1,
            ability="guidance",
            rules=(PAINTED,),
            infotext=Infotext("CFG scale", ("Guidance scale", "Distilled CFG scale")),
            panel="sampling",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        Setting(
            "Scheduler",
            "The method that removes the noise, step by step.",
            "sampling",
            ChangeCost.SAMPLING,
            rules=(PAINTED,),
            infotext=Infotext("Sampler", words=SPELLED),
            panel="sampling",
        ),
    ] = None
    clip_skip: Annotated[
        int,
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
            rules=(PAINTED,),
            infotext=Infotext("Clip skip"),
            panel="model",
        ),
    ] = 1
    guidance_rescale: Annotated[
        float,
        SHARE,
        Setting(
            "Guidance rescale",
            "Keeps guidance from raising the contrast; 0.7 for models of zero terminal SNR. Applies above a "
            "guidance of 1.",
            "sampling",
            ChangeCost.SAMPLING,
            0,
            1,
            0.05,
            ability="negative_prompt",
            rules=(PAINTED, GUIDED),
            infotext=Infotext("CFG Rescale", ("CFG Rescale phi",)),
            panel="guidance",
        ),
    ] = 0.0
    eta: Annotated[
        float,
        SHARE,
        Setting(
            "Eta",
            "How much fresh noise each step adds: 0 none, 1 as much as DDPM. Applies with DDIM.",
            "sampling",
            ChangeCost.SAMPLING,
            0,
            1,
            0.05,
            rules=(PAINTED, KNOWS_ETA),
            argument="eta",
            infotext=Infotext("Eta DDIM"),
            panel="guidance",
        ),
    ] = 0.0
    sigma_churn: Annotated[
        float,
        Field(ge=0, le=100),
        Setting(
            "Sigma churn",
            "How much noise is added back before each step; 0 is none. Applies with Euler and EDM Euler.",
            "sampling",
            ChangeCost.SAMPLING,
            0,
            40,
            0.5,
            rules=(PAINTED, KNOWS_CHURN),
            infotext=Infotext("Sigma churn"),
            panel="noise",
        ),
    ] = 0.0
    sigma_noise: Annotated[
        float,
        Field(ge=0, le=2),
        Setting(
            "Sigma noise",
            "The strength of the noise that is added back. Applies with sigma churn.",
            "sampling",
            ChangeCost.SAMPLING,
            0.9,
            1.1,
            0.005,
            rules=(PAINTED, KNOWS_CHURN, CHURNED),
            infotext=Infotext("Sigma noise"),
            panel="noise",
        ),
    ] = 1.0
    speedups: Annotated[
        tuple[Annotated[str, Field(max_length=60)], ...],
        Field(max_length=8),
        Setting(
            "Speed-ups",
            "Makes the picture faster at some cost in quality. Off unless you choose one.",
            "sampling",
            ChangeCost.SAMPLING,
            rules=(PAINTED,),
            panel="speed",
        ),
    ] = ()
    rng: Annotated[
        Literal["cpu", "device"],
        Setting(
            "Noise from",
            "Where the noise comes from. The CPU's is the same on every machine; some tools use the graphics card's.",
            "seed",
            ChangeCost.SEED,
            rules=(PAINTED,),
            infotext=Infotext("RNG", words={"cpu": "CPU", "device": "GPU"}),
            panel="origin",
        ),
    ] = "cpu"
    numerics: Annotated[
        Numerics,
        Setting(
            "Repeatable",
            "How exactly the picture can be repeated when several pictures share the steps of a model. Solo: made "
            "alone, exactly as diffusers does. Exact: the same bytes, alone or batched. Free: batched with any others; "
            "the file records how. Auto: as the studio is set up.",
            "seed",
            ChangeCost.SEED,
            rules=(PAINTED,),
            panel="origin",
        ),
    ] = "auto"
    # What its steps are made in, to have the very bytes of an earlier picture again: no form shows it.
    buckets: Annotated[str | None, BUCKETS] = None
    seed: Annotated[
        int | None,
        SEED,
        Setting(
            "Seed",
            "The starting point of the noise. The same seed gives the same picture.",
            "seed",
            ChangeCost.SEED,
            infotext=Infotext("Seed"),
        ),
    ] = None
    variation: Variation = Variation()
    count: Annotated[
        int,
        Field(ge=1, le=1024),
        Setting("Images", "How many pictures to make, each with the next seed.", "seed", ChangeCost.SEED, 1, 16, 1),
    ] = 1
    init_image: Annotated[
        str | None,
        PICTURE,
        Setting("Image", "The picture to start from.", "edit", ChangeCost.SIZE),
    ] = None
    strength: Annotated[
        float | None,
        SHARE,
        Setting(
            "Strength",
            "How much may change: 0 returns the picture as it is, 1 repaints it completely.",
            "edit",
            ChangeCost.SAMPLING,
            0,
            1,
            0.01,
            ability="strength",
            rules=(PICTURED,),
            standard=lambda recipe: {"img2img": 0.75, "inpaint": 1.0}.get(recipe.task),
            infotext=Infotext("Denoising strength"),
        ),
    ] = None
    image_guidance_scale: Annotated[
        float | None,
        Field(ge=1, le=50),
        Setting(
            "Image guidance",
            "How closely the result keeps to the picture. Higher changes less.",
            "edit",
            ChangeCost.SAMPLING,
            1,
            3,
            0.05,
            ability="image_guidance",
            rules=(PICTURED, NOT_ENLARGED),
            standard=1.5,
            argument="image_guidance_scale",
            infotext=Infotext("Image CFG scale"),
        ),
    ] = None
    resize: Annotated[
        Literal["crop", "pad", "stretch"],
        Setting(
            "Fit",
            "How the picture is fitted to another shape: cropped, padded or stretched.",
            "edit",
            ChangeCost.SIZE,
            rules=(PICTURED, NOT_ENLARGED, WHOLE),
        ),
    ] = "crop"
    mask: Mask = Mask()
    outpaint: Annotated[
        OutpaintPadding | None,
        Setting(
            "Outpaint",
            "How many pixels to add on each side.",
            "mask",
            ChangeCost.SIZE,
            rules=(PICTURED, NOT_ENLARGED, INPAINTED),
        ),
    ] = None
    hires: Hires = Hires()
    upscale: Upscale = Upscale()
    controls: Annotated[
        tuple[ControlUnit, ...],
        Setting(
            "Control",
            "Maps for the picture to follow, and pictures used as prompts.",
            "control",
            ChangeCost.MODEL,
            rules=(PAINTED,),
        ),
    ] = ()
    loras: Annotated[
        tuple[Lora, ...],
        Setting(
            "LoRAs",
            "Small add-ons that change how the model draws. Use as many as you like.",
            "lora",
            ChangeCost.TEXT,
            rules=(PAINTED,),
        ),
    ] = ()
