"""Stable Diffusion 1.x: 512 pixels, CLIP ViT-L, and thousands of fine-tunes."""

from studio.families.base import Family, LatentColours, Signature, block_layouts, unet_control_networks

# The scheduler's config as it was published. Without an offset the last step would be at no noise at all.
NOISE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}

FAMILY = Family(
    name="Stable Diffusion 1.5",
    pipelines={
        "text2img": "StableDiffusionPipeline",
        "img2img": "StableDiffusionImg2ImgPipeline",
        "inpaint": "StableDiffusionInpaintPipeline",
    },
    control_pipelines={
        "text2img": "StableDiffusionControlNetPipeline",
        "img2img": "StableDiffusionControlNetImg2ImgPipeline",
        "inpaint": "StableDiffusionControlNetInpaintPipeline",
    },
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={"in_channels": 4, "cross_attention_dim": 768},
        keys={
            "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
            "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
            "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": None,
            "first_stage_model.decoder.conv_in.weight": None,
        },
    ),
    native_side=512,
    scheduler="DPM++ 2M Karras",
    steps=25,
    guidance_scale=7.5,
    prompt_tokens=75,
    preview=LatentColours(
        factors=(
            (0.3512, 0.2297, 0.3227),
            (0.3250, 0.4974, 0.2350),
            (-0.2829, 0.1762, 0.2721),
            (-0.2120, -0.2616, -0.7177),
        ),
    ),
    lora_blocks=block_layouts(12, (1, 2, 4, 5, 7, 8), tuple(range(3, 12))),
    noise=NOISE,
    vae_scale=0.18215,
    embedding_widths=(768,),
    architecture=r"^(sd_v1|stable-diffusion-v1)",
    control_networks=unet_control_networks({"cross_attention_dim": 768}),
    has_ip_adapters=True,
)
