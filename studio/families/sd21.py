"""Stable Diffusion 2.x: 768 pixels, OpenCLIP ViT-H, v-prediction (which its scheduler's config says)."""

from studio.families import sd15
from studio.families.base import Family, Signature

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
)
