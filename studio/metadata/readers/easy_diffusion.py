"""Easy Diffusion: a PNG text for each setting, or a JSON object of them; under their names in code or on its page."""

import re
from collections.abc import Mapping
from typing import Any

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, known, left_out, stem
from studio.metadata.readers.base import Flat, Reader, loras, seed
from studio.prompts.dialects import from_a1111

FIELDS: Mapping[str, str] = {
    "steps": "num_inference_steps|Steps",
    "guidance_scale": "guidance_scale|Guidance Scale",
    "width": "width",
    "height": "height",
}
MARKS = ({"prompt", "num_inference_steps"}, {"Prompt", "Guidance Scale"}, {"prompt", "use_stable_diffusion_model"})
LINE = re.compile(r"^([A-Za-z][A-Za-z _]{1,40}): (.*)$", re.MULTILINE)
FACTS = (
    "use_text_encoder_model", "tiling", "block_nsfw", "output_format", "output_quality",
    "metadata_output_format", "show_only_filtered_image", "save_to_disk_path", "session_id", "request_id",
    "used_random_seed", "use_hypernetwork_model", "hypernetwork_strength", "num_outputs", "vram_usage_level",
    "stream_progress_updates",
)  # fmt: skip


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of its object, of the texts of its PNG, or of its file of text."""
    lines = dict(LINE.findall(texts.texts.get("text", "")[:100_000]))
    for given in (*texts.objects.values(), texts.texts, lines):
        if any(mark <= given.keys() for mark in MARKS):
            return _read(given)
    return None


def _read(given: Mapping[str, Any]) -> ImportedSettings:
    flat = Flat({key: value for key, value in given.items() if value not in ("None", "null")})
    values = {
        "prompt": from_a1111(flat.text("prompt") or ""),
        "negative_prompt": from_a1111(flat.text("negative_prompt", "Negative Prompt") or ""),
        **flat.model("use_stable_diffusion_model", "Stable Diffusion model"),
        **flat.scheduler("sampler_name|Sampler", "scheduler_name"),
        **flat.fields(FIELDS),
        **known({"seed": seed(flat.take("seed"))}),
        # A switch.
        **({"clip_skip": 2} if str(flat.take("clip_skip", "Clip Skip")).casefold() == "true" else {}),
        **_loras(flat),
    }
    if isinstance(vae := flat.take("use_vae_model", "VAE model"), str):
        values["vae"] = stem(vae)
    if given.get("init_image") or given.get("prompt_strength"):
        flat.left.append(left_out("Initial image", "", "the picture that it started from is not in the file"))
        flat.ignore(("init_image", "prompt_strength", "mask"))
    flat.ignore(FACTS)
    return flat.imported(values, "Easy Diffusion")


def _loras(flat: Flat) -> dict[str, Any]:
    names, weights = flat.take("use_lora_model", "LoRA model"), flat.take("lora_alpha", "LoRA Strength")
    names = names if isinstance(names, list) else [names]
    weights = weights if isinstance(weights, list) else [weights]
    return loras(zip(names, weights, strict=False))


READER = Reader("Easy Diffusion", read, rank=40)
