"""Model files that have everything but their numbers: real headers and configs over sparse data."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from studio.families import FAMILIES

Shapes = Mapping[str, tuple[int, ...]]
SMALL: Shapes = {"weight": (2, 3)}


def write_safetensors(path: Path, shapes: Shapes = SMALL, metadata: Mapping[str, str] | None = None) -> Path:
    """A .safetensors file of half-precision zeros that take no room on the disk."""
    header, end = {"__metadata__": {"format": "pt", **(metadata or {})}}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def write_single_file(path: Path, family: str) -> Path:
    """A whole model as one file, with the tensors that the family is told by."""
    keys = FAMILIES[family].signature.keys
    return write_safetensors(path, {name: shape or (2, 3) for name, shape in keys.items()})


def write_configs(folder: Path, family: str) -> Path:
    """A diffusers folder of the family without weights."""
    facts = FAMILIES[family]
    denoiser = "unet" if facts.signature.denoiser.startswith("UNet") else "transformer"
    write_json(folder / denoiser / "config.json", {"_class_name": facts.signature.denoiser, **facts.signature.facts})
    parts = {
        denoiser: ["diffusers", facts.signature.denoiser],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "safety_checker": [None, None],
    }
    write_json(folder / "model_index.json", {"_class_name": next(iter(facts.pipelines.values())), **parts})
    return folder


def write_model(folder: Path, family: str) -> Path:
    """A diffusers folder of the family with small weights."""
    write_configs(folder, family)
    for part in ("unet", "transformer", "vae"):
        if (folder / part).is_dir() or part == "vae":
            write_safetensors(folder / part / "diffusion_pytorch_model.safetensors")
    write_safetensors(folder / "text_encoder" / "model.safetensors")
    return folder


def write_home(home: Path, starter: str) -> Path:
    """A data folder with a model of the starter's family and one of Flux, which counts words as tokens."""
    write_model(home / "models" / starter, "starter")
    folder = write_model(home / "models" / "tiny-flux", "flux") / FAMILIES["flux"].tokenizer
    folder.mkdir()
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return home


def write_json(path: Path, values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")
    return path
