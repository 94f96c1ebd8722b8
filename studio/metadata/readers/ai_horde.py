"""AI Horde: JSON of its front ends: HordeNG within its pictures, Lucid Creations beside them; and its requests."""

from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import NO_PICTURE, ImportedSettings, clip_skip, known, left_out
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111

FIELDS: Mapping[str, str] = {
    "steps": "steps",
    "guidance_scale": "cfg_scale|cfgScale",
    "width": "width",
    "height": "height",
}
# One of these beside a prompt and a sampler: who computed it, and what it was asked with.
MARKS = frozenset({"worker_id", "worker_name", "gen_metadata", "request_id", "censor_nsfw", "trusted_workers"})
# What the horde reads as the beginning of the negative prompt.
NEGATIVE = "###"
FACTS = (
    "id", "worker", "worker_id", "worker_name", "requestId", "request_id", "gen_metadata", "generator", "n", "amount",
    "nsfw", "censorNsfw", "censor_nsfw", "slowWorkers", "slow_workers", "extraSlowWorkers", "extra_slow_workers",
    "trustedWorkers", "trusted_workers", "allowDowngrade", "allow_downgrade", "onlyMyWorkers", "replacementFilter",
    "replacement_filter", "faceFixerStrength", "facefixer_strength", "r2", "shared", "jobs", "dry_run", "webhook",
    "workers", "worker_blacklist", "validated_backends", "disable_batching", "transparent", "proxied_account",
)  # fmt: skip


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of an object that a front end of the horde wrote, or that the horde is asked with."""
    for outer in texts.objects.values():
        params = outer.get("params")
        given = {**outer, **(params if isinstance(params, dict) else {}), "params": None}
        of_horde_ng = str(given.get("generator", "")).startswith("HordeNG")
        if isinstance(given.get("prompt"), str) and (of_horde_ng or ("sampler_name" in given and MARKS & given.keys())):
            return _read(given, "HordeNG" if of_horde_ng else "")
    return None


def _read(given: Mapping[str, Any], version: str) -> ImportedSettings:
    qr_code, models = given.get("qrCode"), given.get("models")
    flat = Flat(
        {
            **given,
            "karras": "karras" if given.get("karras") is True else None,
            "qrCode": qr_code if isinstance(qr_code, dict) and any(qr_code.values()) else None,
            "models": models[0] if isinstance(models, list) and len(models) == 1 else models,
        }
    )
    words, _, negative = (flat.text("prompt") or "").partition(NEGATIVE)
    values = {
        "prompt": from_a1111(words.strip()),
        "negative_prompt": from_a1111((flat.text("negativePrompt", "negative_prompt") or negative).strip()),
        **flat.model("model", "models"),
        **flat.scheduler("sampler|sampler_name", "karras"),
        **flat.fields(FIELDS),
        **known({"seed": seed(flat.take("seed"))}),
        **clip_skip(flat.take("clipSkip", "clip_skip")),
        **_loras(flat),
    }
    # It is asked with a strength though there is no picture to start from.
    pictured = flat.take("source_image_path", "source_image", "source_processing") not in (None, "txt2img")
    strength = flat.take("denoisingStrength", "denoising_strength")
    flat.left += [left_out("Denoising strength", strength, NO_PICTURE)] if pictured and strength is not None else []
    flat.leave(NO_PICTURE, "control_type")
    flat.ignore(FACTS)
    return flat.imported(values, "AI Horde", version)


def _loras(flat: Flat) -> dict[str, Any]:
    """Those with a name; HordeNG, and others too, call one by its number at Civitai."""
    given = flat.take("loraList", "loras")
    parts = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    named = []
    for one in parts:
        name = one.get("name", one.get("id"))
        if str(name).isdecimal():
            flat.left.append(left_out("LoRA", name, "it is called by its number at Civitai alone"))
        else:
            named.append((name, one.get("model", one.get("strengthModel"))))
    return loras(named)


READER = Reader("AI Horde", read, rank=35)
