"""Civitai's answers, and those of other services that give a picture's settings as one JSON object alike."""

from collections.abc import Mapping
from typing import Any

from studio.metadata import foreign_json
from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, clip_skip, known, stem
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111

FIELDS: Mapping[str, str] = {
    "steps": "steps|num_inference_steps",
    "guidance_scale": "cfgScale|cfg_scale|guidance_scale|CFG scale",
    "width": "width",
    "height": "height",
}
WORDS = ("prompt", "positivePrompt", "positive_prompt")
# Names that Civitai alone gives; other services answer alike, and are not told by their names.
ITS_OWN = frozenset({"resources", "civitaiResources", "cfgScale", "clipSkip", "hashes", "Created Date"})
MARKS = frozenset({"steps", "cfgScale", "cfg_scale", "seed", "sampler", "num_inference_steps", "guidance_scale"})


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of an object with a prompt and two other settings under usual names."""
    for outer in texts.objects.values():
        # Its own pictures have that beside a graph of ComfyUI.
        inner = foreign_json.mapping(str(outer.get("extraMetadata", ""))) or outer.get("meta")
        given = inner if isinstance(inner, dict) else outer
        if isinstance(given.get("prompt"), str) and len(MARKS & given.keys()) >= 2:
            return _read(given)
    return None


def _read(given: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat(given)
    width, times, height = str(flat.take("Size", "size") or "").partition("x")
    resources = flat.take("resources")
    parts = [one for one in resources if isinstance(one, dict)] if isinstance(resources, list) else []
    for one in parts:
        if isinstance(one.get("hash"), str) and isinstance(one.get("name"), str):
            flat.hashes[stem(one["name"])] = one["hash"]
    model = next((one.get("name") for one in parts if one.get("type") == "model"), None)
    prompt = flat.text("prompt") or ""
    values = {
        "prompt": from_a1111(prompt),
        "negative_prompt": from_a1111(flat.text("negativePrompt", "negative_prompt") or ""),
        **(known({"model": model}) | flat.model("Model", "model", "base_model", digest="Model hash")),
        **flat.scheduler("sampler|Sampler|sampler_name", "Schedule type|scheduler"),
        **flat.fields(FIELDS),
        **({"width": width, "height": height} if times else {}),
        **known({"seed": seed(flat.take("seed"))}),
        **clip_skip(flat.take("clipSkip", "Clip skip")),
        **loras(
            (one.get("name"), one.get("weight"))
            for one in parts
            if one.get("type") == "lora" and f"<lora:{one.get('name')}:" not in prompt
        ),
    }
    flat.ignore(("hashes", "civitaiResources", "Version", "Created Date", "id", "comfy"))
    tool = "Civitai" if ITS_OWN & given.keys() else "another service"
    return flat.imported(values, tool, str(given.get("Version", "")))


READER = Reader("Civitai", read, rank=75)
