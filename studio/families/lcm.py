"""Latent consistency models: Stable Diffusion 1.x distilled to a few steps, with guidance as an input of the UNet."""

from studio.families import sd15
from studio.families.base import Family, Signature

FAMILY = Family(
    name="Latent consistency",
    pipelines={
        "text2img": "LatentConsistencyModelPipeline",
        "img2img": "LatentConsistencyModelImg2ImgPipeline",
    },
    # What the embedded guidance is projected from sets it apart from Stable Diffusion 1.x. No single files: diffusers
    # does not convert that projection from them.
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={"in_channels": 4, "cross_attention_dim": 768, "time_cond_proj_dim": 256},
    ),
    native_side=512,
    scheduler="LCM",
    steps=4,
    guidance_scale=8.5,
    prompt_tokens=75,
    embeds_guidance=True,
    abilities=frozenset({"guidance", "strength", "clip_skip"}),
    preview=sd15.FAMILY.preview,
    # Its pipelines read from the scheduler's step what only this one returns.
    bound=("LCM",),
    lora_blocks=sd15.FAMILY.lora_blocks,
    noise=sd15.NOISE | {"set_alpha_to_one": True},
    kin="sd15",
    vae_kin="sd15",
)
