"""What a file of another tool says, as fields of a recipe, and what of it has no place in one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from studio.errors import InvalidRecipe
from studio.prompts.mending import mend
from studio.recipe import PROMPT_CHARACTERS, Recipe, hard_range, setting_specs

PROMPTS = ("prompt", "negative_prompt")
SHOWN = 60
NO_PICTURE = "the picture that it belongs to is not in the file"
# What is said of more is its number.
MOST_LEFT = 60
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ImportedSettings:
    """Fields of a recipe as a tool said them, and a line for each thing that was left out.

    `partial`: only prompts were there, so that nothing is known of the rest. `hashes` are those that the file gives of
    models and LoRAs, by their names.
    """

    values: Mapping[str, Any]
    left: tuple[str, ...] = ()
    tool: str = ""
    version: str = ""
    hashes: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    partial: bool = False

    def checked(self) -> "ImportedSettings":
        """The same with prompts that can be read, and without values that cannot be in a recipe; `left` says both."""
        kept: dict[str, Any] = {}
        faults = []
        for name, given in self.values.items():
            value = given
            if name in PROMPTS and isinstance(value, str) and len(value) <= PROMPT_CHARACTERS:
                value, notes = mend(value, negative=name != "prompt")
                faults += [f"{setting_specs()[name].label}: {note}" for note in notes]
            try:
                kept[name] = Recipe.make(**{name: value}).get(name)
            except InvalidRecipe as error:
                faults.append(left_out(setting_specs()[name].label, value, _why(name, error)))
        left = list(dict.fromkeys((*self.left, *faults)))
        if len(left) > MOST_LEFT:
            left[MOST_LEFT - 1 :] = [f"And {len(left) - MOST_LEFT + 1} more"]
        return replace(self, values=kept, left=tuple(left))


def _why(name: str, error: InvalidRecipe) -> str:
    low, high = hard_range(name)
    return error.message if low is None else f"from {low:.10g} to {high:.10g} here"


def left_out(name: str, value: Any, why: str = "") -> str:
    """The line that says what was left out."""
    return f"{name} {short(value)}".strip() + (f": {why}" if why else "")


def short(value: Any) -> str:
    """The value as it is shown in a line."""
    text = f"{value:g}" if isinstance(value, float) else " ".join(str(value)[:1000].split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def clip_skip(value: Any, least: int = 1) -> dict[str, int]:
    """The field for a number of layers, of which `least` are none, as a tool counts; nothing for none."""
    text = str(value if value is not None else "").strip().removeprefix("-")
    layers = int(text) - least + 1 if text.isdecimal() and len(text) < 4 else 1
    return {"clip_skip": layers} if layers > 1 else {}


def refined(name: Any, switch: Any, steps: Any, left: list[str]) -> dict[str, Any]:
    """The second pass that is nearest to a refiner which takes over at a share `switch` of the `steps`.

    `left` collects how the two differ, or that it never took over.
    """
    try:
        rest = round(1 - float(switch), 3)
    except (TypeError, ValueError):
        rest = 0.0
    if not 0 < rest < 1:
        left.append(left_out("Refiner", f"{name} at {switch}", "it is not said from which of the steps on it painted"))
        return {}
    why = f"here it paints over the finished picture, at a strength of {rest:g}, and another picture comes of it"
    left.append(left_out("Refiner", f"{name} at {switch}", why))
    return known({"hires_scale": 1, "hires_model": stem(name), "hires_strength": rest, "hires_steps": steps})


def stem(file: Any) -> str:
    """The name of a weights file without folders and ending; the name may hold points, and come from Windows."""
    path = PurePosixPath(str(file).strip().replace("\\", "/"))
    return path.stem if path.suffix.lower() in ENDINGS else path.name


ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx", ".yaml")


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that say nothing."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def unique(lines: Iterable[str]) -> tuple[str, ...]:
    """Each line once, in order."""
    return tuple(dict.fromkeys(lines))
