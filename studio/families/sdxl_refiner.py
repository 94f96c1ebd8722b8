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
    # No single files: the studio has no configs for them.
    signature=Signature(
        denoiser="UNet2DConditionModel",
        facts={
            "in_channels": 4,
            "cross_attention_dim": 1280,
            "addition_embed_type": "text_time",
            "projection_class_embeddings_input_dim": 2560,
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
