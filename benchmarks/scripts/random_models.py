"""Models of real size with random weights, and LoRAs for them: `random_models.py NAME FOLDER`.

The numbers are those of the published models' own config files (stable-diffusion-v1-5, stable-diffusion-xl-base-1.0).
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from studio.settings import ASSETS

NOISE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
}
SD15_UNET: dict[str, Any] = {"sample_size": 64, "attention_head_dim": 8, "cross_attention_dim": 768}
SDXL_UNET: dict[str, Any] = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}
LARGE: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
BIG_G: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}
LORAS, RANK = 5, 16


def words() -> CLIPTokenizer:
    """The embedded model's: another number of tokens than the published one's, and the same length."""
    return CLIPTokenizer.from_pretrained(ASSETS / "starter" / "tokenizer")


def encoder(kind: type, facts: dict[str, Any]) -> Any:
    tokenizer = words()
    common = {
        "vocab_size": 49408,
        "num_attention_heads": 12,
        "projection_dim": 768,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return kind(CLIPTextConfig(**common | facts))


def sd15(unet: dict[str, Any] = SD15_UNET, vae: dict[str, Any] = VAE, text: dict[str, Any] = LARGE) -> Any:
    """Stable Diffusion 1.5."""
    return StableDiffusionPipeline(
        unet=UNet2DConditionModel(**unet),
        vae=AutoencoderKL(**vae, sample_size=512, scaling_factor=0.18215),
        text_encoder=encoder(CLIPTextModel, text),
        tokenizer=words(),
        scheduler=DDIMScheduler(**NOISE, clip_sample=False, set_alpha_to_one=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl(
    unet: dict[str, Any] = SDXL_UNET,
    vae: dict[str, Any] = VAE,
    text: dict[str, Any] = LARGE,
    text_2: dict[str, Any] = BIG_G,
) -> Any:
    """Stable Diffusion XL."""
    return StableDiffusionXLPipeline(
        unet=UNet2DConditionModel(**unet),
        vae=AutoencoderKL(**vae, sample_size=1024, scaling_factor=0.13025, force_upcast=True),
        text_encoder=encoder(CLIPTextModel, text),
        text_encoder_2=encoder(CLIPTextModelWithProjection, text_2),
        tokenizer=words(),
        tokenizer_2=words(),
        scheduler=EulerDiscreteScheduler(**NOISE),
        add_watermarker=False,
    )


MODELS = {"sd15": sd15, "sdxl": sdxl}


def lora(unet: Any, seed: int) -> dict[str, torch.Tensor]:
    """A LoRA of the UNet's attentions, as they are mostly shared."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, layer in attentions(unet):
        for side, shape in (("lora_A", (RANK, layer.in_features)), ("lora_B", (layer.out_features, RANK))):
            tensors[f"unet.{name}.{side}.weight"] = (torch.randn(shape, generator=generator) * 0.01).half()
    return tensors


def attentions(unet: Any) -> Iterator[tuple[str, torch.nn.Linear]]:
    """The projections of its attentions."""
    for name, layer in unet.named_modules():
        if isinstance(layer, torch.nn.Linear) and name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            yield name, layer


def write(name: str, folder: Path, **smaller: Any) -> None:
    """The model and LoRAs for it, in 16 bits as people have them; `smaller` facts stand in for the real ones."""
    torch.manual_seed(0)
    pipeline = MODELS[name](**smaller)
    (folder / "loras").mkdir(parents=True, exist_ok=True)
    for number in range(LORAS):
        save_file(lora(pipeline.unet, number), folder / "loras" / f"random-{number}.safetensors")
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.half()
    pipeline.save_pretrained(folder / "models" / name)
    (folder / "complete").touch()


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
