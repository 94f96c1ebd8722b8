"""Whose configs and tokenizers a single file is loaded with where neither it nor the studio brings any.

Those of a model in diffusers format will do that is of the same family and build: of other weights, but with as many
layers. What they need of a repository is small: everything but the weights.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.catalogue.checkpoints import DENOISERS, INDEX, WITH_WEIGHTS, read_json
from studio.catalogue.tensor_files import tensor_shapes
from studio.catalogue.variants import texts
from studio.families.flux import GUIDANCE

# What models of one family differ in, as their files and configs tell; None where they do not.
Build = tuple[Any, ...] | None
BLOCK = re.compile(r"model\.diffusion_model\.joint_blocks\.(\d+)\.(x_block\.attn2\.)?")
# Which repositories have them, by family and build.
REPOS: Mapping[tuple[str, Build], str] = {
    ("flux", (True,)): "black-forest-labs/FLUX.1-dev",
    ("flux", (False,)): "black-forest-labs/FLUX.1-schnell",
    ("sd3", (24, False)): "stabilityai/stable-diffusion-3-medium-diffusers",
    ("sd3", (24, True)): "stabilityai/stable-diffusion-3.5-medium",
    ("sd3", (38, False)): "stabilityai/stable-diffusion-3.5-large",
}
# What such a repository has beside its index.
PARTS: Mapping[str, tuple[str, ...]] = {
    "flux": ("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "transformer", "vae"),
    "sd3": (
        *("scheduler", "text_encoder", "text_encoder_2", "text_encoder_3"),
        *("tokenizer", "tokenizer_2", "tokenizer_3", "transformer", "vae"),
    ),
}
# Parts that a single file does not ask for.
ASIDE = ("safety_checker", "feature_extractor", "image_encoder")


def build_of_file(file: Path, family: str) -> Build:
    """The build of a single file; ModelError where it is damaged."""
    if family == "flux":
        return (GUIDANCE in tensor_shapes(file),)
    if family == "sd3":
        found = [match for name in tensor_shapes(file) if (match := BLOCK.match(name))]
        return len({match[1] for match in found}), any(match[2] for match in found)
    return None


def lends(folder: Path, family: str, build: Build) -> bool:
    """Whether a diffusers folder of the family has all that a single file of this build needs beside its weights."""
    index = folder / INDEX
    if not index.is_file():
        return False
    parts = [name for name, value in read_json(index).items() if isinstance(value, list) and value[0]]
    whole = all(_has_texts(folder / name, network=name in WITH_WEIGHTS) for name in parts if name not in ASIDE)
    return whole and _build_of_folder(folder, family) == build


def wanted(names: Sequence[str]) -> list[str]:
    """Of the files of a repository, those that are lent."""
    parts = {name.partition("/")[0] for name in names if name.count("/") == 1} - {*ASIDE}
    inside = {part: [name.partition("/")[2] for name in names if name.startswith(f"{part}/")] for part in sorted(parts)}
    return [INDEX, *(f"{part}/{name}" for part, files in inside.items() for name in texts(files) if "/" not in name)]


def files_of(family: str) -> list[str]:
    """The files that are lent, in words: of folders of tokenizers, all."""
    parts = PARTS[family]
    return [INDEX, *(f"{part}/*" if part.startswith("tokenizer") else f"{part}/*.json" for part in parts)]


def _build_of_folder(folder: Path, family: str) -> Build:
    if family not in ("flux", "sd3"):
        return None
    config = next((read_json(path) for name in DENOISERS if (path := folder / name / "config.json").is_file()), {})
    if family == "flux":
        return (config.get("guidance_embeds") is True,)
    return config.get("num_layers"), bool(config.get("dual_attention_layers"))


def _has_texts(part: Path, *, network: bool) -> bool:
    if network:
        return (part / "config.json").is_file()
    return part.is_dir() and bool(texts([path.name for path in part.iterdir()]))
