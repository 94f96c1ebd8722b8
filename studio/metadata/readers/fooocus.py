"""Fooocus in its own scheme: one JSON object, in PNG, or in EXIF or the comment of JPEG and WebP; older names, too.

Its other scheme is A1111's text.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.foreign_names import plain
from studio.metadata.imported import ImportedSettings, clip_skip, known, refined, stem
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111

MARKS = ({"base_model", "prompt"}, {"Base Model", "Prompt"})
PAIR = re.compile(r"\(?\s*'?(\d{1,6})'?\s*[,x×]\s*'?(\d{1,6})'?\s*\)?")
FACTS = (
    "full_prompt", "full_negative_prompt", "prompt_expansion", "Fooocus V2 Expansion", "metadata_scheme", "created_by",
    "user", "performance", "image_number", "refiner_switch", "refiner_swap_method", "base_model_hash",
    "refiner_model_hash",
)  # fmt: skip


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of the first object that Fooocus wrote."""
    found = next((one for one in texts.objects.values() if any(mark <= one.keys() for mark in MARKS)), None)
    return _read(found) if found is not None else None


def _read(given: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat(given)
    version = flat.text("version") or ""
    values = {
        "prompt": from_a1111(flat.text("prompt") or ""),
        "negative_prompt": from_a1111(flat.text("negative_prompt", "Negative Prompt") or ""),
        **flat.model("base_model", "Base Model", digest="base_model_hash"),
        **flat.scheduler("sampler", "scheduler"),
        **flat.fields({"steps": "steps", "guidance_scale": "guidance_scale|Guidance Scale|cfg|CFG"}),
        **known({"seed": seed(flat.take("seed"))}),
        **clip_skip(flat.take("clip_skip")),
        **_size(flat),
        **_loras(flat),
    }
    styles = _list(flat.take("styles"))
    # What Fooocus writes by itself, and its styles, are known here by name alone.
    if styles:
        values["styles"] = tuple(styles)
    vae = flat.take("vae")
    if isinstance(vae, str) and not vae.startswith(("Default", "None")):
        values["vae"] = stem(vae)
    refiner = flat.text("refiner_model", "Refiner Model")
    if refiner and "Default" not in refiner and plain(refiner) != "none":
        if hash_ := flat.text("refiner_model_hash"):
            flat.hashes[stem(refiner)] = hash_
        switch = flat.take("refiner_switch", "Refiner Switch")
        values |= refined(refiner, switch, values.get("steps"), flat.left)
    flat.ignore(FACTS)
    return flat.imported(values, "Fooocus", version.removeprefix("Fooocus").strip(" v"))


def _size(flat: Flat) -> dict[str, Any]:
    given = flat.take("resolution")
    found = PAIR.fullmatch(str(given).strip()) if given else None
    if found:
        return {"width": int(found[1]), "height": int(found[2])}
    return flat.fields({"width": "width", "height": "height"})


def _loras(flat: Flat) -> dict[str, Any]:
    """The list of names, weights and hashes; or a key for each, with "name : weight"."""
    pairs: list[tuple[Any, Any]] = []
    for one in _list(flat.take("loras")):
        if isinstance(one, list | tuple) and len(one) >= 2:
            pairs.append((one[0], one[1]))
            if len(one) > 2 and isinstance(one[0], str) and isinstance(one[2], str) and one[2]:
                flat.hashes[stem(one[0])] = one[2]
    for key, value in flat.given.items():
        if not str(key).casefold().startswith("lora") or not isinstance(value, str):
            continue
        *switch, name, weight = value.split(" : ") if " : " in value else ("", "")
        flat.ignore([str(key)])
        if name and switch != ["False"] and not any(stem(name) == stem(other) for other, _ in pairs):
            pairs.append((name, weight))
        elif not name and (bracket := re.fullmatch(r"LoRA \[(.{1,200})\] weight", str(key))):
            pairs.append((bracket[1], value))
    return loras(pairs)


def _list(value: Any) -> list[Any]:
    """The list, or the one that its text says as Python prints it."""
    if isinstance(value, str) and len(value) < 10_000:
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
    return list(value) if isinstance(value, list | tuple) else []


READER = Reader("Fooocus", read, rank=20)
