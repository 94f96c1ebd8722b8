"""What training of any Stable Diffusion shares: its networks from a folder, and the loss of one batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, DiffusionPipeline, UNet2DConditionModel
from diffusers.utils.logging import disable_progress_bar
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from studio.catalogue.checkpoints import family_of_folder
from studio.errors import UnsupportedModel
from studio.families import FAMILIES
from studio.training.loop import Batch, autocast

TRAINABLE = ("starter", "sd15", "sd21", "sdxl")
HIGHEST_SNR_WEIGHT = 5.0

Conditions = dict[str, Any]


@dataclass(frozen=True)
class Networks:
    """A model's parts in single precision, frozen; `encoders` go with `tokenizers`, two of each in SDXL."""

    family: str
    unet: UNet2DConditionModel
    autoencoder: AutoencoderKL
    tokenizers: Sequence[CLIPTokenizer]
    encoders: Sequence[CLIPTextModel | CLIPTextModelWithProjection]
    scheduler: DDPMScheduler

    @property
    def side(self) -> int:
        """What its pictures measure, in pixels."""
        return FAMILIES[self.family].native_side

    def ids(self, text: str) -> Tensor:
        """The token ids of a text, (encoders, tokens)."""
        return torch.tensor(
            [
                tokenizer(text, padding="max_length", truncation=True, max_length=tokenizer.model_max_length).input_ids
                for tokenizer in self.tokenizers
            ]
        )

    def conditions(self, ids: Tensor, side: int) -> Conditions:
        """What the denoiser is told, from ids (batch, encoders, tokens)."""
        if len(self.encoders) == 1:
            return {"encoder_hidden_states": self.encoders[0](ids[:, 0]).last_hidden_state}
        answers = [encoder(ids[:, number], output_hidden_states=True) for number, encoder in enumerate(self.encoders)]
        sizes = torch.tensor([side, side, 0, 0, side, side], device=ids.device).expand(len(ids), -1)
        return {
            "encoder_hidden_states": torch.cat([answer.hidden_states[-2] for answer in answers], dim=-1),
            "added_cond_kwargs": {"text_embeds": answers[-1].text_embeds, "time_ids": sizes},
        }


def networks_of(folder: Path, device: torch.device) -> Networks:
    """The model in a diffusers folder; ModelError where its family cannot be trained here."""
    family = family_of_folder(folder)
    if family not in TRAINABLE:
        known = ", ".join(FAMILIES[name].name for name in TRAINABLE)
        raise UnsupportedModel(
            f"{folder} cannot be trained on: it is {FAMILIES[family].name if family else 'of no known family'}.",
            f"What can be is a folder in the format of diffusers of {known}.",
        )
    disable_progress_bar()
    pipeline = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    seconds = [name for name in ("", "_2") if getattr(pipeline, f"text_encoder{name}", None) is not None]
    networks = Networks(
        family=family,
        unet=pipeline.unet.to(device, memory_format=torch.channels_last),
        autoencoder=pipeline.vae.to(device),
        tokenizers=[getattr(pipeline, f"tokenizer{name}") for name in seconds],
        encoders=[getattr(pipeline, f"text_encoder{name}").to(device) for name in seconds],
        scheduler=DDPMScheduler.from_config(pipeline.scheduler.config),
    )
    for network in (networks.unet, networks.autoencoder, *networks.encoders):
        network.requires_grad_(requires_grad=False).eval()
    return networks


class NoiseLoss:
    """The loss of one batch of images (batch, 3, h, w) and ids (batch, encoders, tokens), weighed by min-SNR.

    Each picture is encoded once and noised `noises` times.
    """

    def __init__(self, networks: Networks, device: torch.device, noises: int = 1) -> None:
        self.networks, self.device, self.noises = networks, device, noises
        self.kind = networks.scheduler.config.prediction_type
        alphas = networks.scheduler.alphas_cumprod
        snr = alphas / (1 - alphas)
        scale = {"epsilon": snr, "v_prediction": snr + 1, "sample": torch.ones_like(snr)}[self.kind]
        self.weights = (snr.clamp(max=HIGHEST_SNR_WEIGHT) / scale).to(device)

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        networks = self.networks
        with torch.no_grad(), autocast(self.device):
            latents = networks.autoencoder.encode(batch["images"]).latent_dist.mean.float()
            latents = latents.repeat_interleave(self.noises, dim=0) * networks.autoencoder.config.scaling_factor
        with autocast(self.device):
            ids = batch["ids"].repeat_interleave(self.noises, dim=0)
            conditions = networks.conditions(ids, batch["images"].shape[-1])
        place = randomness.device
        times = torch.randint(0, len(self.weights), (len(latents),), generator=randomness, device=place).to(self.device)
        noise = torch.randn(latents.shape, generator=randomness, device=place).to(latents)
        noisy = networks.scheduler.add_noise(latents, noise, times)
        with autocast(self.device):
            predicted = networks.unet(noisy, times, **conditions).sample.float()
        error = (predicted - self._target(latents, noise, times)).square().mean(dim=(1, 2, 3))
        loss: Tensor = (error * self.weights[times]).mean()
        return loss

    def _target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        match self.kind:
            case "v_prediction":
                velocity: Tensor = self.networks.scheduler.get_velocity(latents, noise, times)
                return velocity
            case "sample":
                return latents
            case _:
                return noise
