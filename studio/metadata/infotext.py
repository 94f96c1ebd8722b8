"""A1111's `parameters` text, which nearly every tool around Stable Diffusion can read."""

import json
from collections.abc import Mapping

from studio import __version__
from studio.prompts.dialects import to_a1111
from studio.prompts.language import Lora as Mention
from studio.prompts.language import Part, Prompt
from studio.prompts.mentions import calling, mentions
from studio.recipe import Recipe
from studio.recipe_parts import ControlUnit
from studio.schedulers import SCHEDULERS

# Our name where A1111 and its kin know the sampler under another one; all others are named as there.
SAMPLERS: Mapping[str, str] = {row.name: row.infotext for row in SCHEDULERS.values() if row.infotext}
UPSCALERS: Mapping[str, str] = {"latent": "Latent", "lanczos": "Lanczos"}
MODULES: Mapping[str, str] = {"map": "none", "pose": "openpose", "tile": "tile_resample"}
FITS: Mapping[str, str] = {"crop": "Crop and Resize", "pad": "Resize and Fill", "stretch": "Just Resize"}
MODES: Mapping[str, str] = {
    "balanced": "Balanced",
    "prompt": "My prompt is more important",
    "control": "ControlNet is more important",
}
DRAWS: Mapping[str, str] = {"cpu": "CPU", "device": "GPU"}
FILLS: Mapping[str, str] = {"noise": "latent noise", "surroundings": "fill"}


def to_infotext(recipe: Recipe, size: tuple[int, int] | None = None) -> str:
    """The resolved recipe in A1111's words: prompt, negative prompt, then one line of settings.

    `size` is the image's own, for a recipe that leaves its size to the picture it starts from.
    """
    values = {
        **_painting(recipe, size),
        **_editing(recipe),
        **_following(recipe),
        "Version": f"Image Studio {__version__}",
    }
    settings = ", ".join(f"{name}: {_quoted(value)}" for name, value in values.items() if value is not None)
    negative = f"\nNegative prompt: {_words(recipe.negative_prompt)}" if recipe.negative_prompt else ""
    return f"{_words(recipe.prompt)}{_tags(recipe)}{negative}\n{settings}".strip()


def _words(prompt: str) -> str:
    """The prompt as A1111 reads it; no line of it may look like the negative prompt, and NUL ends a text in a PNG."""
    first, *lines = to_a1111(prompt).replace("\0", "").split("\n")
    marked = (" " if line.strip().casefold().startswith("negative prompt:") else "\n" for line in lines)
    return first + "".join(mark + line for mark, line in zip(marked, lines, strict=True))


def _tags(recipe: Recipe) -> str:
    """The LoRAs that the prompt itself does not mention, as A1111 has them: in the prompt."""
    names = [lora.name for lora in recipe.loras]
    mentioned = {calling(name, names) for _, _, name in mentions(recipe.prompt)}
    others = [lora for lora in recipe.loras if lora.name not in mentioned]
    tags = (to_a1111(Prompt((Part((Mention(lora.name, *lora.weights),)),)).print()) for lora in others)
    return "".join(f" {tag}" for tag in tags)


def _painting(recipe: Recipe, size: tuple[int, int] | None) -> Mapping[str, object]:
    """What says how the model painted; empty where a picture was only enlarged."""
    if not recipe.denoises:
        return {}
    width, height = size if size and None in (recipe.width, recipe.height) else (recipe.width, recipe.height)
    strength = recipe.strength if recipe.init_image else recipe.hires_strength
    scheduler = recipe.scheduler
    return {
        "Steps": recipe.steps,
        "Sampler": SAMPLERS.get(scheduler, scheduler) if scheduler else None,
        "CFG scale": _number(recipe.guidance_scale),
        "Image CFG scale": _number(recipe.image_guidance_scale),
        "Seed": recipe.seed,
        "Clip skip": recipe.clip_skip,
        "CFG Rescale": _number(recipe.guidance_rescale),
        "Eta DDIM": _number(recipe.eta),
        "Sigma churn": _number(recipe.sigma_churn),
        "Sigma noise": _number(recipe.sigma_noise),
        "RNG": DRAWS.get(recipe.rng) if recipe.rng else None,
        **_variation(recipe),
        "Size": f"{width}x{height}",
        "Model": recipe.model,
        "VAE": recipe.vae,
        "Denoising strength": _number(strength),
    }


def _variation(recipe: Recipe) -> Mapping[str, object]:
    """Whose noise was mixed in; nothing where none was, as in A1111."""
    if not recipe.variation_strength:
        return {}
    return {"Variation seed": recipe.variation_seed, "Variation seed strength": _number(recipe.variation_strength)}


def _editing(recipe: Recipe) -> Mapping[str, object]:
    """What says how a picture was changed or enlarged; A1111 names neither its pixels nor those of the mask."""
    masked = recipe.mask_area == "masked"
    return {
        "Mask blur": recipe.mask_blur,
        "Masked content": FILLS.get(recipe.mask_fill) if recipe.mask_fill else None,
        "Inpaint area": "Only masked" if masked else None,
        "Masked area padding": recipe.mask_padding,
        "Hires upscale": _number(recipe.hires_scale),
        "Hires checkpoint": recipe.hires_model,
        "Hires steps": recipe.hires_steps,
        "Hires upscaler": UPSCALERS.get(recipe.hires_upscaler, recipe.hires_upscaler)
        if recipe.hires_upscaler
        else None,
        "Postprocess upscale by": _number(recipe.upscale),
        "Postprocess upscaler": UPSCALERS.get(recipe.upscaler, recipe.upscaler) if recipe.upscaler else None,
    }


def _following(recipe: Recipe) -> Mapping[str, object]:
    """What says which maps were followed."""
    return {f"ControlNet {number}": _unit(unit) for number, unit in enumerate(recipe.controls)}


def _unit(unit: ControlUnit) -> str:
    options = dict(unit.options)
    values = {
        "Module": MODULES.get(unit.kind, unit.kind) if unit.image else "none",
        "Model": unit.model,
        "Weight": unit.weight,
        "Resize Mode": FITS[unit.resize],
        "Threshold A": options.get("low"),
        "Threshold B": options.get("high"),
        "Guidance Start": unit.start,
        "Guidance End": unit.end,
        "Control Mode": MODES[unit.mode],
    }
    return ", ".join(f"{name}: {value}" for name, value in values.items() if value is not None)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _quoted(value: object) -> str:
    """The value, in JSON quotes where it holds one of A1111's separators."""
    text = str(value)
    marked = any(mark in text for mark in ",:\n") or text[:1] in ('"', "[", "{")
    return json.dumps(text, ensure_ascii=False) if marked else text
