"""A1111's `parameters` text read back: recipe fields, and what of it has no place here, each with why."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import LibraryError, RecipeError
from studio.metadata.infotext import UPSCALERS
from studio.recipe import Recipe, settings
from studio.schedulers import SCHEDULERS

# A name and its value; in quotes, or in brackets as Civitai writes lists, this may hold commas.
SETTING = re.compile(r'(?:(?<=,)|^)\s*(\w[\w \-/.]*):\s*("(?:\\.|[^\\"])*"|\[[^\]]*\]|\{[^}]*\}|[^,]*)(?:,|$)')
# A line with fewer settings is one of the prompt, and so is one of more characters than this.
FEWEST, LONGEST = 3, 50_000
NEGATIVE = "Negative prompt:"
FIELDS: Mapping[str, str] = {
    "Steps": "steps",
    "CFG scale": "guidance_scale",
    "Distilled CFG Scale": "guidance_scale",
    "Image CFG scale": "image_guidance_scale",
    "Seed": "seed",
    "Variation seed": "variation_seed",
    "Variation seed strength": "variation_strength",
    "Model": "model",
    "Hires upscale": "hires_scale",
    "Hires steps": "hires_steps",
}
TOGETHER = ("Sampler", "Schedule type", "Size", "Hires upscaler", "Denoising strength")
# They say how it was made, and set nothing.
FACTS = frozenset(
    ["Version", "Model hash", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Batch size", "Batch pos", "User"]
)
# What belongs to a picture that it started from, or to a map that it followed.
PICTURED = re.compile(r"Denoising strength|Mask.*|Inpaint.*|Postprocess.*|ControlNet.*")
NO_PICTURE = "the picture that it belongs to is not in the text"
# Schedules that are as good as a sampler's own.
EVEN = frozenset(["", "Automatic", "Uniform", "Normal", "Simple", "SGM Uniform"])
# Samplers whose own schedule is another one.
AUTOMATIC: Mapping[str, str] = {"DPM++ 2M": "Karras"}
SHOWN = 60


@dataclass(frozen=True)
class Heard:
    """Fields of a recipe as a tool told them, and what else it told that has no place in one, a line for each."""

    values: Mapping[str, Any]
    left: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any], left: Iterable[str] = ()) -> "Heard":
        """The same without what cannot be in a recipe, which is among what is left."""
        kept: dict[str, Any] = {}
        faults = []
        for name, value in values.items():
            try:
                kept[name] = getattr(Recipe.make(**{name: value}), name)
            except RecipeError as error:
                faults.append(f"{settings()[name].label} {value}: {error.message}")
        return cls(kept, (*left, *faults))


def read(text: str) -> Heard:
    """What the text says; LibraryError where it has no line of settings."""
    prompt, negative, told = _parts(text)
    if not told:
        raise LibraryError(
            "This text holds no settings.", "Take all of it, with the line that begins as “Steps: 20, Sampler: …”."
        )
    values: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative}
    # Of two names for one field, the later one is what Forge draws by.
    values |= {field: told[name] for name, field in FIELDS.items() if name in told}
    left = [_without_place(name, value) for name, value in told.items() if not _is_known(name)]
    values |= _sampler(told, left) | _size(told) | _second_pass(told, left)
    return Heard.of(values, left)


def _parts(text: str) -> tuple[str, str, dict[str, str]]:
    """Prompt, negative prompt, and the settings of the last line."""
    *lines, last = text.strip().splitlines() or [""]
    told = {name.strip(): _unquoted(value.strip()) for name, value in SETTING.findall(last[:LONGEST])}
    sure = told.keys() & {"Steps", "Postprocess upscale by"}
    if (len(told) < FEWEST and not sure) or len(last) > LONGEST:
        return text.strip(), "", {}
    at = next((at for at, line in enumerate(lines) if line.startswith(NEGATIVE)), len(lines))
    negative = "\n".join(lines[at:]).removeprefix(NEGATIVE)
    return "\n".join(lines[:at]).strip(), negative.strip(), told


def _unquoted(value: str) -> str:
    try:
        return str(json.loads(value)) if value.startswith('"') else value
    except ValueError:
        return value


def _is_known(name: str) -> bool:
    return name in FIELDS or name in TOGETHER or name in FACTS


def _without_place(name: str, value: str) -> str:
    short = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
    return f"{name} {short}" + (f": {NO_PICTURE}" if PICTURED.fullmatch(name) else "")


def _sampler(told: Mapping[str, str], left: list[str]) -> dict[str, Any]:
    """The scheduler, which newer texts name in two parts."""
    if "Sampler" not in told:
        return {}
    name, schedule = told["Sampler"], told.get("Schedule type", "")
    whole = f"{name} {AUTOMATIC.get(name, '') if schedule == 'Automatic' else schedule}".strip()
    if whole in SCHEDULERS:
        return {"scheduler": whole}
    if schedule not in EVEN:
        left.append(f"Schedule type {schedule}: {name} has no such one here")
    return {"scheduler": name}


def _size(told: Mapping[str, str]) -> dict[str, Any]:
    width, times, height = told.get("Size", "").partition("x")
    return {"width": width, "height": height} if times else {}


def _second_pass(told: Mapping[str, str], left: list[str]) -> dict[str, Any]:
    """What a second pass takes; without one, the strength is that over a picture which nobody has here."""
    strength = told.get("Denoising strength")
    if "Hires upscale" in told:
        upscaler = told.get("Hires upscaler")
        own = {name: key for key, name in UPSCALERS.items()}
        values = {"hires_strength": strength, "hires_upscaler": own.get(upscaler, upscaler) if upscaler else None}
        return {name: value for name, value in values.items() if value is not None}
    if strength is not None:
        left.append(_without_place("Denoising strength", strength))
    return {}
