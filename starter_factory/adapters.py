"""LoRA adapters on the stored denoiser, by the code that creators train their own with."""

from collections.abc import Mapping

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor

from starter_factory.store import Stored
from studio.training.denoising import Networks


def networks_of(stored: Stored, device: torch.device) -> Networks:
    """The stored model's parts in single precision, frozen."""
    return Networks(
        family="starter",
        unet=stored.unet().to(device, memory_format=torch.channels_last),
        autoencoder=stored.vae().to(device),
        tokenizers=[stored.tokenizer()],
        encoders=[stored.text_encoder().to(device)],
        scheduler=DDPMScheduler.from_pretrained(stored.folder / "scheduler"),
    )


def begin_adapter(unet: UNet2DConditionModel, known: Mapping[str, Tensor]) -> int:
    """Give the denoiser's adapter the tensors of a LoRA in PEFT's format that have a place in it; how many have."""
    own = {name: part for name, part in unet.named_parameters() if ".lora_" in name}
    begun = 0
    for key, value in known.items():
        part = own.get(key.removeprefix("unet.").replace(".weight", ".default.weight"))
        if part is not None and part.shape == value.shape:
            part.data.copy_(value)
            begun += 1
    return begun
