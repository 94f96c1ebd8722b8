"""A1111's `parameters` text, which nearly every tool around Stable Diffusion can read."""

import json
from collections.abc import Iterator, Mapping, Sequence

from studio import __version__
from studio.downloads.hashes import AUTOV3, Weights
from studio.prompts.dialects import to_a1111
from studio.prompts.language import Lora as Mention
from studio.prompts.language import Part, Prompt
from studio.prompts.mentions import calling, mentions
from studio.recipe import ADDRESSES, ControlUnit, Recipe, field_of, setting_specs
from studio.resolve.applicability import unused

Size = tuple[int, int]
# In this order A1111 begins; the others follow in the recipe's.
FIRST = (
    "Steps",
    "Sampler",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Size",
    "Model hash",
    "Model",
    "VAE hash",
    "VAE",
    "Denoising strength",
)
VARIATION = ("variation_seed", "variation_strength")
MODULES: Mapping[str, str] = {"map": "none", "pose": "openpose", "tile": "tile_resample"}
FITS: Mapping[str, str] = {"crop": "Crop and Resize", "pad": "Resize and Fill", "stretch": "Just Resize"}
MODES: Mapping[str, str] = {
    "balanced": "Balanced",
    "prompt": "My prompt is more important",
    "control": "ControlNet is more important",
}


def to_infotext(recipe: Recipe, size: Size | None = None, weights: Sequence[Weights] = ()) -> str:
    """The resolved recipe in A1111's words: prompt, negative prompt, then one line of settings.

    `size` is the image's own, for a recipe that leaves its size to the picture it starts from. `weights` are those that
    it was made with, by whose hashes other tools and sites find them.
    """
    values = {
        **_facts(recipe, size, weights),
        **_following(recipe),
        **_hashes(weights),
        "Version": f"Image Studio {__version__}",
    }
    line = ", ".join(f"{name}: {_quoted(value)}" for name, value in values.items() if value is not None)
    negative = f"\nNegative prompt: {_words(recipe.negative_prompt)}" if recipe.negative_prompt else ""
    return f"{_words(recipe.prompt)}{_tags(recipe)}{negative}\n{line}".strip()


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


def _facts(recipe: Recipe, size: Size | None, weights: Sequence[Weights]) -> Mapping[str, object]:
    """What stands behind the prompts, by A1111's names; it names neither a picture's pixels nor those of the mask."""
    hashes = {(one.kind, one.name): one.autov2 for one in weights if one.autov2}
    files = {"Model hash": hashes.get(("model", recipe.model or "")), "VAE hash": hashes.get(("vae", recipe.vae or ""))}
    facts = {**_size(recipe, size), **dict(_settings(recipe)), **files}
    first = [name for name in FIRST if name in facts]
    return {name: facts[name] for name in dict.fromkeys((*first, *facts))}


def _settings(recipe: Recipe) -> Iterator[tuple[str, object]]:
    """The settings that count for the picture, and that A1111 has a name for."""
    idle = {*unused(recipe), *(() if recipe.variation.strength else VARIATION)}
    for name, setting in setting_specs().items():
        counts = recipe.denoises or setting.group == "upscale"
        if setting.infotext is None or name in idle or not counts:
            continue
        value = recipe.get(name)
        # A part is there as a whole, with what it has of its own.
        if value is not None and (name in ADDRESSES or value != field_of(name).default):
            word = setting.infotext.words.get(value, value) if isinstance(value, str) else _number(value)
            yield from [(setting.infotext.name, word)] if word != "" else []


def _size(recipe: Recipe, size: Size | None) -> Mapping[str, object]:
    if not recipe.denoises:
        return {}
    width, height = size if size and None in (recipe.width, recipe.height) else (recipe.width, recipe.height)
    return {"Size": f"{width}x{height}"}


# What Civitai's own extension calls each kind of file.
LISTED: Mapping[str, str] = {"model": "model", "vae": "vae", "lora": "lora:{}", "embedding": "embed:{}"}


def _hashes(weights: Sequence[Weights]) -> Mapping[str, object]:
    """The hashes of LoRAs as A1111 looks them up, and those of all files as Civitai does (AutoV2)."""
    loras = ", ".join(f"{one.name}: {one.tensors[:AUTOV3]}" for one in weights if one.tensors)
    # The first model counts where two painted.
    listed = {LISTED[one.kind].format(one.name): one.autov2 for one in reversed(weights) if one.kind in LISTED}
    known = {name: listed[name] for name in reversed(listed) if listed[name]}
    return {"Lora hashes": loras or None, "Hashes": json.dumps(known, ensure_ascii=False) if known else None}


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


def _number(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value


def _quoted(value: object) -> str:
    """The value, in JSON quotes where it holds one of A1111's separators."""
    text = str(value)
    marked = any(mark in text for mark in ",:\n") or text[:1] in ('"', "[", "{")
    return json.dumps(text, ensure_ascii=False) if marked else text
