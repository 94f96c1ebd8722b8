"""InvokeAI in all its three forms: `invokeai_metadata`, `sd-metadata`, and the command line of `Dream`."""

import re
from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import NO_PICTURE, ImportedSettings, clip_skip, known, stem
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_invokeai

FIELDS: Mapping[str, str] = {
    "steps": "steps",
    "guidance_scale": "guidance|cfg_scale",
    "width": "width",
    "height": "height",
    "guidance_rescale": "cfg_rescale_multiplier",
}
FACTS = (
    "generation_mode", "app_version", "rand_device", "app_id", "_canvas_objects",
    "ref_images", "canvas_v2_metadata", "z_image_seed_variance_enabled", "model_hash",
)  # fmt: skip
OF_PICTURES = ("strength", "init_image", "controlnets", "ipAdapters", "t2iAdapters", "control_layers", "regions")
DREAM = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "guidance_scale", "A": "sampler"}
OPTION = re.compile(r"(?:^|\s)-(\w{1,20})(?:\s+|(?=\d))(-?[^\s\-][^\s]{0,100})")


def read(texts: FileTexts) -> ImportedSettings | None:
    """The newest form that is there."""
    found = texts.objects.get("invokeai_metadata")
    if found is None:
        found = next((one for one in texts.objects.values() if {"positive_prompt", "scheduler"} <= one.keys()), None)
    if found is not None:
        return _metadata(found)
    old = texts.objects.get("sd-metadata") or next(
        (one for one in texts.objects.values() if "invoke" in str(one.get("app_id")).casefold()), None
    )
    if old is not None and isinstance(old.get("image"), dict):
        return _sd_metadata(old)
    dream = texts.texts.get("Dream", "")
    return _dream(dream) if dream.startswith('"') else None


def _metadata(given: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat(given)
    version = flat.text("app_version") or ""
    if isinstance(given.get("cfg_scale"), list):
        flat.leave("one for each step", "cfg_scale")
    values = {
        "prompt": from_invokeai(flat.text("positive_prompt") or ""),
        "negative_prompt": from_invokeai(flat.text("negative_prompt") or ""),
        **_model(flat, flat.take("model")),
        **flat.scheduler("scheduler"),
        **{name: value for name, value in flat.fields(FIELDS).items() if not isinstance(value, list)},
        **known({"seed": seed(flat.take("seed"))}),
        **clip_skip(flat.take("clip_skip"), least=0),
        **loras(_lora(flat, one) for one in _list(flat.take("loras"))),
    }
    if isinstance(vae := flat.take("vae"), dict):
        values["vae"] = stem(_name(vae))
    flat.leave(NO_PICTURE, *OF_PICTURES)
    flat.ignore(FACTS)
    return flat.imported(values, "InvokeAI", version)


def _sd_metadata(given: Mapping[str, Any]) -> ImportedSettings:
    outer, flat = Flat(given), Flat(given["image"])
    prompts = flat.take("prompt")
    texts = [one.get("prompt") for one in prompts if isinstance(one, dict)] if isinstance(prompts, list) else [prompts]
    words = " ".join(text for text in texts if isinstance(text, str))
    values = {
        **_words(words),
        **outer.model("model_weights", digest="model_hash"),
        **flat.scheduler("sampler"),
        **flat.fields(FIELDS),
        **known({"seed": seed(flat.take("seed"))}),
    }
    flat.ignore(("type", "threshold", "perlin", "seamless", "hires_fix", "variations"))
    flat.leave(NO_PICTURE, "strength", "init_image_path", "mask_image_path")
    outer.ignore(("image", "model", "app_id", "app_version"))
    version = str(given.get("app_version", ""))
    return ImportedSettings(values, (*flat.left, *flat.rest(), *outer.rest()), "InvokeAI", version, outer.hashes)


def _dream(line: str) -> ImportedSettings:
    end = line.rfind('"')
    words, options = line[1:end], dict(OPTION.findall(line[end + 1 : end + 2000]))
    flat = Flat({DREAM.get(key, f"-{key}"): value for key, value in options.items()})
    values = {
        **_words(words),
        **flat.scheduler("sampler"),
        **flat.fields({name: name for name in ("steps", "width", "height", "guidance_scale")}),
        **known({"seed": seed(flat.take("seed"))}),
    }
    return flat.imported(values, "InvokeAI")


def _words(text: str) -> dict[str, str]:
    """Prompt and negative prompt, which stands in square brackets within the other."""
    negative = re.findall(r"\[([^\[\]]*)\]", text)
    prompt = re.sub(r"\[[^\[\]]*\]", "", text)
    return {
        "prompt": from_invokeai(prompt.strip(" ,")),
        "negative_prompt": from_invokeai(", ".join(negative).strip(" ,")),
    }


def _model(flat: Flat, value: Any) -> dict[str, Any]:
    name = _name(value)
    if name and isinstance(value, dict) and isinstance(value.get("hash"), str):
        flat.hashes[name] = value["hash"]
    return {"model": name} if name else {}


def _lora(flat: Flat, one: Any) -> tuple[Any, Any]:
    if not isinstance(one, dict):
        return None, None
    model = one.get("model") or one.get("lora")
    return _model(flat, model).get("model"), one.get("weight")


def _name(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name") or value.get("model_name")
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


READER = Reader("InvokeAI", read, rank=10)
