"""The refiner of Stable Diffusion XL: it paints over pictures, reads words with the second encoder alone, and is told
how well liked the pictures are that it should paint as.
"""

from dataclasses import replace

from studio.families import sdxl
from studio.families.base import Signature

FAMILY = replace(
    sdxl.FAMILY,
    name="Stable Diffusion XL refiner",
    pipelines={"img2img": "StableDiffusionXLImg2ImgPipeline"},
    control_pipelines={},
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={
            "in_channels": 4,
            "cross_attention_dim": 1280,
            "addition_embed_type": "text_time",
            "projection_class_embeddings_input_dim": 2560,
        },
        # Its UNet is wider than that of the base, and has the second text encoder first.
        keys={
            "model.diffusion_model.input_blocks.0.0.weight": (384, 4, 3, 3),
            "model.diffusion_model.label_emb.0.0.weight": (1536, 2560),
            "conditioner.embedders.0.model.token_embedding.weight": None,
            "first_stage_model.decoder.conv_in.weight": None,
        },
    ),
    tokenizer="tokenizer_2",
    lora_blocks=(),
    embedding_widths=(),
    architecture="",
    control_networks=(),
    has_ip_adapters=False,
    vae_kin="sdxl",
)
