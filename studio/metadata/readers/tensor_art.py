"""Tensor.Art: `generation_data`, which lies beside a graph of ComfyUI."""

from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, clip_skip, known
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111

FIELDS: Mapping[str, str] = {"steps": "steps", "guidance_scale": "cfgScale", "width": "width", "height": "height"}


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of its object."""
    given = texts.objects.get("generation_data")
    return _read(given) if given is not None else None


def _read(given: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat(given)
    models = flat.take("models")
    parts = [one for one in models if isinstance(one, dict)] if isinstance(models, list) else []
    base = flat.take("baseModel")
    base = base if isinstance(base, dict) else {}
    for one in (base, *parts):
        if isinstance(one.get("hash"), str) and isinstance(one.get("modelFileName"), str):
            flat.hashes[one["modelFileName"]] = one["hash"]
    values = {
        "prompt": from_a1111(flat.text("prompt") or ""),
        "negative_prompt": from_a1111(flat.text("negativePrompt") or ""),
        **known({"model": base.get("modelFileName") or base.get("label"), "seed": seed(flat.take("seed"))}),
        **clip_skip(flat.take("clipSkip")),
        **flat.scheduler("samplerName", "schedulerName"),
        **flat.fields(FIELDS),
        **loras((one.get("modelFileName"), one.get("weight")) for one in parts if one.get("type") == "LORA"),
    }
    flat.ignore(("imageCount", "workEngine", "etaNoiseSeedDelta", "sdxl", "ensd"))
    return flat.imported(values, "Tensor.Art")


READER = Reader("Tensor.Art", read, rank=10)
