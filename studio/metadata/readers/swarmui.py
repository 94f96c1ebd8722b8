"""SwarmUI, StableSwarmUI before: `sui_image_params`, in PNG's parameters and in EXIF."""

import re
from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.foreign_names import plain, upscaler
from studio.metadata.imported import NO_PICTURE, ImportedSettings, known, left_out, stem
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_comfyui

FIELDS: Mapping[str, str] = {
    "steps": "steps",
    "guidance_scale": "fluxguidancescale|cfgscale",
    "width": "width",
    "height": "height",
    "variation_strength": "variationseedstrength",
}
FACTS = (
    "images", "aspectratio", "swarm_version", "date", "generation_time", "prep_time", "original_prompt", "wildcardseed",
    "used_wildcards", "nopreviews", "imageformat", "automaticvae", "donotsave", "personalnote", "sidelength",
    "cfgscale", "batchsize", "loras", "loraweights", "original_negativeprompt", "intermediates", "loratencweights",
)  # fmt: skip
TAG = re.compile(r"<(?!lora:|lyco:)\w{1,40}(?:\[[^\[\]<>]{0,200}\])?:[^<>]{0,500}>")


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of the object that Swarm wrote."""
    for whole in texts.objects.values():
        given = whole.get("sui_image_params")
        if isinstance(given, dict):
            return _read(given, whole)
    return None


def _read(given: Mapping[str, Any], whole: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat(given)
    extra = whole.get("sui_extra_data")
    version = str(given.get("swarm_version") or "")
    values = {
        "prompt": _words(flat, "prompt"),
        "negative_prompt": _words(flat, "negativeprompt"),
        **flat.model("model"),
        **flat.scheduler(
            "comfyuisampler|comfysampler|sampler|autowebuisampler", "comfyuischeduler|comfyscheduler|scheduler"
        ),
        **flat.fields(FIELDS),
        **known({"seed": seed(flat.take("seed")), "variation_seed": seed(flat.take("variationseed"))}),
        **_loras(given),
        **_second_pass(flat),
    }
    if not values.get("variation_strength"):
        values = {name: value for name, value in values.items() if not name.startswith("variation")}
    vae = flat.take("vae")
    if isinstance(vae, str) and vae not in ("None", "Automatic"):
        values["vae"] = stem(vae)
    flat.leave(NO_PICTURE, "initimage", "initimagecreativity", "maskimage")
    flat.ignore(FACTS)
    _hashes(flat, whole.get("sui_models"))
    if isinstance(extra, dict) and not version:
        version = str(extra.get("swarm_version") or "")
    return flat.imported(values, "SwarmUI", version)


def _words(flat: Flat, name: str) -> str:
    """A prompt without the tags of Swarm that have no equal here."""
    text = flat.text(name) or ""
    for tag in TAG.findall(text)[:20]:
        flat.left.append(left_out(tag, "", "a part of the prompt that only SwarmUI reads"))
    return from_comfyui(TAG.sub("", text))


def _loras(given: Mapping[str, Any]) -> dict[str, Any]:
    names, weights = _list(given.get("loras")), _list(given.get("loraweights"))
    weights += [None] * (len(names) - len(weights))
    return loras(zip(names, weights, strict=False))


def _list(value: Any) -> list[Any]:
    return value.split(",") if isinstance(value, str) and value else list(value) if isinstance(value, list) else []


def _second_pass(flat: Flat) -> dict[str, Any]:
    """Swarm's refiner that enlarges, or that is another model, is a second pass here."""
    scale, model = flat.take("refinerupscale"), flat.text("refinermodel")
    other = {"hires_model": stem(model)} if model and plain(model) not in ("", "none", "usebase") else {}
    if scale in (None, 1, 1.0, "1"):
        if not other:
            return {}
        scale = 1
    method = str(flat.take("refinerupscalemethod") or "")
    name, why = upscaler("latent" if method.startswith("latent-") else stem(method.partition("-")[2] or method))
    flat.left += [why] if why else []
    strength, steps = flat.take("refinercontrolpercentage", "refinercontrol"), flat.take("refinersteps")
    second = {"hires_scale": scale, "hires_strength": strength, "hires_steps": steps, "hires_upscaler": name}
    return known(second | other)


def _hashes(flat: Flat, models: Any) -> None:
    for one in models if isinstance(models, list) else ():
        if isinstance(one, dict) and isinstance(one.get("hash"), str) and isinstance(one.get("name"), str):
            flat.hashes[stem(one["name"])] = one["hash"].removeprefix("0x")


READER = Reader("SwarmUI", read, rank=10)
