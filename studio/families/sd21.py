"""Stable Diffusion 2.x: 768 pixels, OpenCLIP ViT-H, v-prediction (which its scheduler's config says)."""

from collections.abc import Mapping
from typing import Any

from studio.families import sd15
from studio.families.base import Family, ModelFiles, Signature, unet_control_networks

# Where its two models differ for sure, and by how much; what ComfyUI tells them apart by.
TELLING, SPREAD = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias", 0.09


def _variant(files: ModelFiles) -> Mapping[str, Any]:
    """Of a single file: what it predicts, where its tool did not say it; the one of 512 pixels predicts the noise."""
    predicted = files.prediction
    if predicted is None and (spread := files.spread(TELLING)) is not None:
        predicted = "v_prediction" if spread > SPREAD else "epsilon"
    facts: dict[str, Any] = {"prediction_type": predicted} if predicted else {}
    if predicted == "epsilon" or files.metadata.get("modelspec.resolution") == "512x512":
        facts |= {"width": 512, "height": 512}
    return facts


FAMILY = Family(
    name="Stable Diffusion 2.1",
    pipelines={
        "text2img": "StableDiffusionPipeline",
        "img2img": "StableDiffusionImg2ImgPipeline",
        "inpaint": "StableDiffusionInpaintPipeline",
    },
    control_pipelines=sd15.FAMILY.control_pipelines,
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={"in_channels": 4, "cross_attention_dim": 1024},
        keys={
            "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
            "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024),
            "cond_stage_model.model.token_embedding.weight": None,
            "first_stage_model.decoder.conv_in.weight": None,
        },
    ),
    native_side=768,
    scheduler="DPM++ 2M Karras",
    steps=25,
    guidance_scale=7.5,
    prompt_tokens=75,
    # The layer after it does not even come along.
    clip_skip=2,
    # Its VAE keeps the latent space of 1.x.
    preview=sd15.FAMILY.preview,
    lora_blocks=sd15.FAMILY.lora_blocks,
    noise=sd15.NOISE,
    # Its VAE is that of 1.x, retrained behind the same latents.
    vae_kin="sd15",
    embedding_widths=(1024,),
    architecture=r"^(sd_v2|stable-diffusion-v2)",
    control_networks=unet_control_networks(
        {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True}
    ),
    variant=_variant,
)
