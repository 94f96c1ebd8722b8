"""The stored model: a folder of half-precision weights in diffusers' format that training reads and adds to."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.tokenizer import save_tokenizer

WEIGHTS = "diffusion_pytorch_model.safetensors"
PROBE = "probe/model.safetensors"
# What the training of each stage took; no part of what ships.
TRAINING = "training"
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Stored:
    """A folder with `vae`, `text_encoder`, `tokenizer`, `unet` and `scheduler`, as far as they are trained."""

    folder: Path

    def has(self, part: str) -> bool:
        """Whether a part is stored."""
        return (self.folder / part).exists()

    def vae(self) -> AutoencoderKL:
        """The frozen autoencoder in single precision."""
        return _frozen(AutoencoderKL.from_pretrained(self.folder / "vae", torch_dtype=torch.float32))

    def text_encoder(self) -> CLIPTextModel:
        return _frozen(CLIPTextModel.from_pretrained(self.folder / "text_encoder", dtype=torch.float32))

    def tokenizer(self) -> CLIPTokenizer:
        tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(self.folder / "tokenizer")
        return tokenizer

    def unet(self) -> UNet2DConditionModel:
        return _frozen(UNet2DConditionModel.from_pretrained(self.folder / "unet", torch_dtype=torch.float32))

    def put_vae(self, vae: AutoencoderKL) -> None:
        self._put("vae", vae)

    def put_unet(self, unet: UNet2DConditionModel, scheduler: DDIMScheduler) -> None:
        self._put("unet", unet)
        scheduler.save_pretrained(self.folder / "scheduler")
        write_json(self.folder / "model_index.json", INDEX)

    def put_text(self, tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> None:
        folder = self.folder / "text_encoder"
        encoder.save_pretrained(folder)
        halve(folder / "model.safetensors")
        # Without this, transformers loads the text encoder in fp16 beside networks in fp32.
        amend(folder / "config.json", dtype="float32")
        save_tokenizer(tokenizer, self.folder / "tokenizer")
        amend(self.folder / "tokenizer" / "tokenizer_config.json", is_local=None, local_files_only=None)

    def put_probe(self, probe: nn.Module) -> None:
        (self.folder / "probe").mkdir(parents=True, exist_ok=True)
        halve(self.folder / PROBE, probe.state_dict())

    def fill_probe(self, probe: Network) -> Network:
        """Give a new probe its stored weights."""
        probe.load_state_dict({name: part.float() for name, part in load_file(self.folder / PROBE).items()})
        return _frozen(probe)

    def _put(self, name: str, network: AutoencoderKL | UNet2DConditionModel) -> None:
        folder = self.folder / name
        network.save_config(folder)
        amend(folder / "config.json", _name_or_path=None)
        halve(folder / WEIGHTS, network.state_dict())


def _frozen(network: Network) -> Network:
    return network.requires_grad_(requires_grad=False).eval()


def halve(path: Path, tensors: dict[str, Tensor] | None = None) -> None:
    """Write tensors, or those that the file has, in half precision; the file is whole at any time."""
    source = load_file(path) if tensors is None else tensors
    fresh = path.with_suffix(".tmp")
    save_file({name: part.detach().half().contiguous() for name, part in source.items()}, fresh, {"format": "pt"})
    fresh.chmod(0o644)
    fresh.replace(path)


def amend(path: Path, **changes: str | None) -> None:
    """Set keys of a JSON file; None removes one (paths of the machine that trained)."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            settings.pop(key, None)
        else:
            settings[key] = value
    write_json(path, settings)


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
