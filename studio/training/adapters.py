"""LoRA adapters on a stock denoiser: put on, counted, and written as diffusers and kohya read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save
from torch import Tensor, nn

from studio.atomic_files import AtomicFolder

Reach = Literal["attention", "everything"]

# Modules by the end of their name. What is learned about a style's texture sits in the convolutions.
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
EVERYTHING = (
    *ATTENTION,
    *("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
    *("conv1", "conv2", "conv_shortcut", "time_emb_proj", "conv"),
)
ADAPTER = "default"
# What trainers of the kohya school call the families, for readers of a file's header.
KOHYA_FAMILIES = {"sd15": "sd_v1", "sd21": "sd_v2_v", "sdxl": "sdxl_base_v1-0"}


def attach(unet: UNet2DConditionModel, rank: int, alpha: float, reach: Reach) -> None:
    """Freeze the network and give it an adapter that changes nothing yet."""
    unet.requires_grad_(requires_grad=False)
    targets = ATTENTION if reach == "attention" else EVERYTHING
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(targets)), ADAPTER)


def adapter_of(unet: UNet2DConditionModel) -> nn.ParameterList:
    """The adapter's own tensors, as a module that can be trained and stored without the network."""
    return nn.ParameterList(parameter for name, parameter in unet.named_parameters() if ".lora_" in name)


def save_lora(unet: UNet2DConditionModel, path: Path, header: Mapping[str, str]) -> None:
    """Write the adapter in half precision in the format of diffusers and PEFT; `header` joins its metadata."""
    config = unet.peft_config[ADAPTER].to_dict()
    facts = {f"unet.{key}": sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    metadata = {**_sized(unet, header), "lora_adapter_metadata": json.dumps(facts, sort_keys=True)}

    def keep(tensors: Mapping[str, Tensor], _: str) -> None:
        write_tensors(tensors, path, metadata)

    StableDiffusionPipeline.save_lora_weights(path.parent, _tensors(unet), save_function=keep)


def save_kohya(unet: UNet2DConditionModel, path: Path, header: Mapping[str, str]) -> None:
    """Write the adapter in half precision in kohya's format, which most other tools read."""
    config = unet.peft_config[ADAPTER]
    tensors: dict[str, Tensor] = {}
    for key, value in _tensors(unet).items():
        module, part = key.removesuffix(".weight").rsplit(".", 1)
        name = f"lora_unet_{module.replace('.', '_')}"
        tensors[f"{name}.{'lora_down' if part == 'lora_A' else 'lora_up'}.weight"] = value
        tensors[f"{name}.alpha"] = torch.tensor(float(config.lora_alpha)).half()
    write_tensors(tensors, path, {**_sized(unet, header), "ss_network_module": "networks.lora"})


def header_of(family: str, trigger: str, captions: Mapping[str, int], steps: int, rate: float) -> dict[str, str]:
    """What a file says about itself in the words of kohya's trainer; `captions` counts the pictures of each caption."""
    base = KOHYA_FAMILIES.get(family, family)
    return {
        "ss_base_model_version": base,
        "modelspec.architecture": f"{base}/lora",
        "modelspec.trigger_phrase": trigger,
        "ss_tag_frequency": json.dumps({"pictures": dict(captions)}),
        "ss_steps": str(steps),
        "ss_learning_rate": str(rate),
    }


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a .safetensors file, whole or not at all. Raises StorageError."""
    content = save(dict(tensors), metadata={**metadata, "format": "pt"})

    def fill(file: BinaryIO) -> None:
        file.write(content)

    AtomicFolder(path.parent).write(path, fill)


def _sized(unet: UNet2DConditionModel, header: Mapping[str, str]) -> dict[str, str]:
    config = unet.peft_config[ADAPTER]
    return {**header, "ss_network_dim": str(config.r), "ss_network_alpha": str(config.lora_alpha)}


def _tensors(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    state = get_peft_model_state_dict(unet, adapter_name=ADAPTER)
    return {key: value.detach().half().cpu().contiguous() for key, value in state.items()}
