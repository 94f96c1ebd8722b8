"""A VAE of its own from its files, to stand in for a model's."""

from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from safetensors.torch import load_file

from studio.catalogue.vaes import PREFIXES, Vae
from studio.engine.faults import unloadable
from studio.engine.loading import FOREIGN, load_part
from studio.errors import IncompatibleModel

# Only the first layout has it.
FIRST = "decoder.mid.block_1.conv1.weight"


def load(vae: Vae, own: Any, dtype: torch.dtype) -> torch.nn.Module:
    """The VAE on the CPU, every weight of it from its files; a single file is built as the model's `own` is.

    Raises ModelError where it does not fit.
    """
    if vae.folder:
        return load_part(vae, vae.folder.parent, vae.folder.name, AutoencoderKL, dtype)
    cure = "Choose one that was made for this model, or leave it out: a model brings its own."
    try:
        tensors = _plain(load_file(vae.path), own.config)
        with init_empty_weights():
            network = AutoencoderKL.from_config(own.config)
        network.load_state_dict(tensors, strict=True, assign=True)
    except FOREIGN as error:
        raise IncompatibleModel(f"{vae.path.name} does not fit the model ({unloadable(error)}).", cure) from error
    module: torch.nn.Module = network.to(dtype).eval()
    return module


def _plain(tensors: dict[str, torch.Tensor], config: Any) -> dict[str, torch.Tensor]:
    """The tensors under the names of diffusers."""
    for prefix in PREFIXES:
        if prefix + FIRST in tensors:
            return dict(convert_ldm_vae_checkpoint(_without(tensors, prefix), config))
    prefix = next(prefix for prefix in PREFIXES[::-1] if any(name.startswith(prefix) for name in tensors))
    return _without(tensors, prefix)


def _without(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
