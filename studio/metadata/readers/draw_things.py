"""Draw Things: JSON in the user comment, in XMP or EXIF."""

from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, known, left_out
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of the object with its short names: `c` is the prompt, `uc` the negative one."""
    for given in texts.objects.values():
        if {"c", "uc"} <= given.keys() and isinstance(given["c"], str):
            return _read(given)
    return None


def _read(given: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat(given)
    width, times, height = str(flat.take("size") or "").partition("x")
    values = {
        "prompt": from_a1111(flat.text("c") or ""),
        "negative_prompt": from_a1111(flat.text("uc") or ""),
        **flat.model("model"),
        **flat.scheduler("sampler"),
        **flat.fields({"steps": "steps", "guidance_scale": "scale"}),
        **known({"seed": seed(flat.take("seed"))}),
        **({"width": width, "height": height} if times else {}),
        **loras(_pair(one) for one in _list(flat.take("lora"))),
    }
    if given.get("strength") not in (None, 1, 1.0):
        flat.left.append(
            left_out("Strength", given["strength"], "whether there was a picture to start from is not said")
        )
    for control in _list(flat.take("control")):
        flat.left.append(left_out("Control", control.get("file", "") if isinstance(control, dict) else control))
    # The second object says the same once more, and everything that its form has.
    flat.ignore(("v2", "strength", "seed_mode", "profile"))
    return flat.imported(values, "Draw Things")


def _pair(one: Any) -> tuple[Any, Any]:
    return (one.get("file") or one.get("model"), one.get("weight")) if isinstance(one, dict) else (None, None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


READER = Reader("Draw Things", read, rank=20)
