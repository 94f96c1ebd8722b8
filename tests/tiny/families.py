"""A tiny pipeline of every family, with the config values that it is told by."""

from typing import Any

from tests.tiny import parts


def _starter() -> Any:
    from studio.families.starter import FAMILY

    return stable_diffusion(FAMILY.signature.facts["cross_attention_dim"], prediction_type="v_prediction")


def _sd15() -> Any:
    return stable_diffusion(768)


def _sd21() -> Any:
    return stable_diffusion(1024, prediction_type="v_prediction")


def _lcm() -> Any:
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    return LatentConsistencyModelPipeline(
        unet=parts.unet(cross_attention_dim=768, time_cond_proj_dim=256),
        vae=parts.vae(),
        text_encoder=parts.clip_encoder(768),
        tokenizer=parts.clip_tokenizer(),
        scheduler=LCMScheduler(**parts.noise()),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion(cross: Any, prediction_type: str = "epsilon") -> Any:
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    return StableDiffusionPipeline(
        unet=parts.unet(cross_attention_dim=cross),
        vae=parts.vae(),
        text_encoder=parts.clip_encoder(cross),
        tokenizer=parts.clip_tokenizer(),
        scheduler=PNDMScheduler(skip_prk_steps=True, prediction_type=prediction_type, **parts.noise()),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sd15_inpaint() -> Any:
    from diffusers import StableDiffusionInpaintPipeline

    return _widened(StableDiffusionInpaintPipeline, 9)


def _sd15_instruct() -> Any:
    from diffusers import StableDiffusionInstructPix2PixPipeline

    return _widened(StableDiffusionInstructPix2PixPipeline, 8)


def _widened(pipeline: Any, channels: int) -> Any:
    """Stable Diffusion 1.5 whose UNet sees more than the latents."""
    unet = parts.unet(cross_attention_dim=768, in_channels=channels)
    return pipeline(**stable_diffusion(768).components | {"unet": unet}, requires_safety_checker=False)


def _sdxl_inpaint() -> Any:
    from diffusers import StableDiffusionXLInpaintPipeline

    components = {name: part for name, part in _sdxl(in_channels=9).components.items() if part is not None}
    return StableDiffusionXLInpaintPipeline(**components, add_watermarker=False)


def _sdxl(**facts: Any) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    return StableDiffusionXLPipeline(
        unet=parts.unet(
            **facts,
            cross_attention_dim=2048,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
            use_linear_projection=True,
        ),
        vae=parts.vae(scaling_factor=0.13025, force_upcast=True),
        text_encoder=parts.clip_encoder(768),
        text_encoder_2=parts.clip_encoder(1280, projection=True),
        tokenizer=parts.clip_tokenizer(),
        tokenizer_2=parts.clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(**parts.noise()),
        add_watermarker=False,
    )


def _sdxl_refiner() -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline

    return StableDiffusionXLImg2ImgPipeline(
        unet=parts.unet(
            cross_attention_dim=1280,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2560,
            use_linear_projection=True,
        ),
        vae=parts.vae(scaling_factor=0.13025, force_upcast=True),
        text_encoder=None,
        text_encoder_2=parts.clip_encoder(1280, projection=True),
        tokenizer=None,
        tokenizer_2=parts.clip_tokenizer(),
        scheduler=EulerDiscreteScheduler(**parts.noise()),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )


def _sd3() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        out_channels=16,
        pos_embed_max_size=64,
    )
    return StableDiffusion3Pipeline(
        transformer=transformer,
        vae=parts.flow_vae(),
        text_encoder=parts.clip_encoder(32, projection=True),
        text_encoder_2=parts.clip_encoder(32, projection=True),
        text_encoder_3=parts.t5_encoder(64),
        tokenizer=parts.clip_tokenizer(),
        tokenizer_2=parts.clip_tokenizer(),
        tokenizer_3=parts.t5_tokenizer(256),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux(*, guidance_embeds: bool = True) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=64,
        pooled_projection_dim=32,
        guidance_embeds=guidance_embeds,
        axes_dims_rope=(4, 4, 8),
    )
    return FluxPipeline(
        transformer=transformer,
        vae=parts.flow_vae(),
        text_encoder=parts.clip_encoder(32),
        text_encoder_2=parts.t5_encoder(64),
        tokenizer=parts.clip_tokenizer(),
        tokenizer_2=parts.t5_tokenizer(512),
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=3.0, use_dynamic_shifting=True, base_image_seq_len=256, max_image_seq_len=4096
        ),
    )


BUILDERS = {
    "starter": _starter,
    "sd15": _sd15,
    "sd21": _sd21,
    "sdxl": _sdxl,
    "lcm": _lcm,
    "sd3": _sd3,
    "flux": _flux,
    "sd15_inpaint": _sd15_inpaint,
    "sd15_instruct": _sd15_instruct,
    "sdxl_inpaint": _sdxl_inpaint,
    "sdxl_refiner": _sdxl_refiner,
}
