"""RuinedFooocus: one JSON object with names of its own."""

import re
from typing import Any

from studio.metadata import foreign_json
from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, known
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111

WEIGHTED = re.compile(r"\s*(-?\d{1,3}(?:\.\d{1,4})?)\s*-\s*(.+)")


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of the object whose `software` says so, or that has its names."""
    for given in texts.objects.values():
        if given.get("software") == "RuinedFooocus" or {"Prompt", "Negative", "base_model_name"} <= given.keys():
            flat = Flat(given)
            values = {
                "prompt": from_a1111(flat.text("Prompt") or ""),
                "negative_prompt": from_a1111(flat.text("Negative") or ""),
                **flat.model("base_model_name", digest="base_model_hash"),
                **flat.scheduler("sampler_name", "scheduler"),
                **flat.fields({"steps": "steps", "guidance_scale": "cfg", "width": "width", "height": "height"}),
                **known({"seed": seed(flat.take("seed"))}),
                **loras(_pair(one) for one in _list(flat.take("loras"))),
            }
            flat.ignore(("software", "base_model_hash", "denoise") if given.get("denoise") == 1 else ("software",))
            return flat.imported(values, "RuinedFooocus")
    return None


def _list(value: Any) -> list[Any]:
    """The list; its own is JSON in a JSON text."""
    if isinstance(value, str):
        value = foreign_json.read(value)
    return value if isinstance(value, list) else []


def _pair(one: Any) -> tuple[Any, Any]:
    """Name and weight of `["hash", "0.5 - name"]`, or of `{"name": …, "weight": …}`."""
    if isinstance(one, dict):
        return one.get("name"), one.get("weight")
    words = one[-1] if isinstance(one, list) and one else one
    found = WEIGHTED.fullmatch(words) if isinstance(words, str) and len(words) < 300 else None
    return (found[2], found[1]) if found else (words, None)


READER = Reader("RuinedFooocus", read, rank=15)
