"""NovelAI: the JSON of its comment, in PNG's texts or hidden in the alpha channel."""

from collections.abc import Mapping
from typing import Any

from studio.metadata import foreign_json
from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, known, left_out
from studio.metadata.readers.base import Flat, Reader, seed
from studio.prompts.dialects import from_novelai

FIELDS: Mapping[str, str] = {
    "steps": "steps",
    "guidance_scale": "scale",
    "guidance_rescale": "cfg_rescale",
    "width": "width",
    "height": "height",
}
FACTS = (
    "n_samples", "request_type", "signed_hash", "version", "prefer_brownian", "uncond_scale", "v4_prompt",
    "v4_negative_prompt", "cfg_sched_eligibility", "explike_fine_detail", "minimize_sigma_inf", "params_version",
    "hide_debug_overlay", "dynamic_thresholding_mimic_scale", "dynamic_thresholding_percentile", "extra_noise_seed",
    "deliberate_euler_ancestral_bug", "uncond_per_vibe", "wonky_vibe_correlation", "legacy_v3_extend",
    "add_original_image", "controlnet_strength", "noise",
)  # fmt: skip


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of its comment; what is hidden in the pixels holds the same texts as one object."""
    whole = (one for one in texts.objects.values() if "Comment" in one and "Software" in one)
    hidden = next(whole, {})
    comment = hidden.get("Comment") if "Comment" in hidden else texts.texts.get("Comment", "")
    given = comment if isinstance(comment, dict) else foreign_json.mapping(str(comment))
    wrote = str(hidden.get("Software") or texts.software)
    if given is None or ("NovelAI" not in wrote and not {"uc", "sampler", "scale"} <= given.keys()):
        return None
    description = str(hidden.get("Description") or texts.texts.get("Description", ""))
    source = str(hidden.get("Source") or texts.texts.get("Source", ""))
    return _read(given, description, source, texts.size)


def _read(given: Mapping[str, Any], description: str, source: str, size: tuple[int, int] | None) -> ImportedSettings:
    flat = Flat(given)
    strength = flat.take("strength")
    values = {
        "prompt": from_novelai(flat.text("prompt") or description),
        "negative_prompt": from_novelai(flat.text("uc") or ""),
        **flat.scheduler("sampler", "noise_schedule"),
        **flat.fields(FIELDS),
        **known({"seed": seed(flat.take("seed"))}),
    }
    # Its first files did not say the size.
    if size and "width" not in values:
        values |= {"width": size[0], "height": size[1]}
    if strength is not None and given.get("request_type", "") != "PromptGenerateRequest":
        flat.left.append(left_out("Strength", strength, "whether there was a picture to start from is not said"))
    for name, text in _characters(given.get("v4_prompt")):
        flat.left.append(left_out(name, text, "a prompt of its own for one person"))
    if source:
        flat.left.append(left_out("Model", source, "NovelAI does not give it away"))
    flat.ignore(FACTS)
    return flat.imported(values, "NovelAI", source)


def _characters(prompt: Any) -> list[tuple[str, str]]:
    caption = prompt.get("caption") if isinstance(prompt, dict) else None
    people = caption.get("char_captions") if isinstance(caption, dict) else None
    found = [one.get("char_caption") for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    return [(f"Character {number}", text) for number, text in enumerate(found, 1) if isinstance(text, str) and text]


READER = Reader("NovelAI", read, rank=30)
