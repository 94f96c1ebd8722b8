"""Mochi Diffusion: one line of settings with semicolons, in the description of the picture."""

import re

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, known
from studio.metadata.readers.base import Flat, Reader, seed
from studio.prompts.dialects import from_a1111

NAMES = (
    "Include in Image", "Exclude from Image", "Model", "Steps", "Guidance Scale", "Seed", "Size", "Upscaler",
    "Scheduler", "ML Compute Unit", "Generator", "Date",
)  # fmt: skip
NAME = re.compile(rf"(?:^|;\s{{0,5}})({'|'.join(map(re.escape, NAMES))}):")


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of the first text that begins as it does."""
    line = next((text for text in texts.texts.values() if text.lstrip().startswith("Include in Image:")), "").strip()
    if not line or len(line) > 50_000:
        return None
    _, *parts = NAME.split(line)
    flat = Flat({name: value.strip() for name, value in zip(parts[::2], parts[1::2], strict=True)})
    width, times, height = str(flat.take("Size") or "").partition("x")
    generator = flat.text("Generator") or ""
    values = {
        "prompt": from_a1111(flat.text("Include in Image") or ""),
        "negative_prompt": from_a1111(flat.text("Exclude from Image") or ""),
        **flat.model("Model"),
        **flat.scheduler("Scheduler"),
        **flat.fields({"steps": "Steps", "guidance_scale": "Guidance Scale"}),
        **known({"seed": seed(flat.take("Seed"))}),
        **({"width": width, "height": height} if times else {}),
    }
    flat.ignore(("ML Compute Unit", "Date"))
    return flat.imported(values, "Mochi Diffusion", generator.removeprefix("Mochi Diffusion").strip())


READER = Reader("Mochi Diffusion", read, rank=20)
