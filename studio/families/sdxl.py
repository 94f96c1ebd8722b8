"""Stable Diffusion XL: 1024 pixels, two CLIP encoders; Turbo, Lightning and the illustration fine-tunes with it."""

from studio.families import sd15
from studio.families.base import (
    HINT,
    READS_WORDS,
    ControlNetwork,
    Family,
    LatentColours,
    Signature,
    block_layouts,
)

_CONTROL_CONFIG = {
    "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20],
    "use_linear_projection": True,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
_CONTROL_KEYS = {HINT: None, READS_WORDS.format(1): (640, 2048)}
# The kinds of map in the order that the networks which serve several learned them.
_CONTROL_MODES = {"pose": 0, "depth": 1, "scribble": 2, "canny": 3, "lineart": 3, "tile": 6}

FAMILY = Family(
    name="Stable Diffusion XL",
    pipelines={
        "text2img": "StableDiffusionXLPipeline",
        "img2img": "StableDiffusionXLImg2ImgPipeline",
        "inpaint": "StableDiffusionXLInpaintPipeline",
    },
    control_pipelines={
        "text2img": "StableDiffusionXLControlNetPipeline",
        "img2img": "StableDiffusionXLControlNetImg2ImgPipeline",
        "inpaint": "StableDiffusionXLControlNetInpaintPipeline",
    },
    # The size of the added embedding tells the base from the refiner (2560) and from Kolors (5632).
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={
            "in_channels": 4,
            "cross_attention_dim": 2048,
            "addition_embed_type": "text_time",
            "projection_class_embeddings_input_dim": 2816,
        },
        keys={
            "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
            "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
            "conditioner.embedders.1.model.token_embedding.weight": None,
            "first_stage_model.decoder.conv_in.weight": None,
        },
    ),
    native_side=1024,
    scheduler="DPM++ 2M Karras",
    steps=30,
    guidance_scale=6.0,
    prompt_tokens=75,
    clip_skip=2,
    vae_overflows=True,
    preview=LatentColours(
        factors=(
            (0.3651, 0.4232, 0.4341),
            (-0.2533, -0.0042, 0.1068),
            (0.1076, 0.1111, -0.0362),
            (-0.3165, -0.2492, -0.2188),
        ),
        bias=(0.1084, -0.0175, -0.0011),
    ),
    lora_blocks=block_layouts(9, (4, 5, 7, 8), tuple(range(6))),
    noise=sd15.NOISE | {"timestep_spacing": "leading"},
    vae_scale=0.13025,
    embedding_widths=(768, 1280),
    architecture=r"^(sdxl|stable-diffusion-xl)",
    control_networks=(
        ControlNetwork(Signature("ControlNetModel", {"cross_attention_dim": 2048}, _CONTROL_KEYS), _CONTROL_CONFIG),
        ControlNetwork(
            Signature("ControlNetUnionModel", {"cross_attention_dim": 2048}, {**_CONTROL_KEYS, "task_embedding": None}),
            _CONTROL_CONFIG,
            _CONTROL_MODES,
        ),
    ),
    has_ip_adapters=True,
)
