"""Stable Diffusion XL for inpainting: its UNet sees the mask and what is around it, in five more channels."""

from dataclasses import replace

from studio.families import sdxl
from studio.families.base import Signature

_SIGNATURE = sdxl.FAMILY.signature

FAMILY = replace(
    sdxl.FAMILY,
    name="Stable Diffusion XL inpainting",
    pipelines={"inpaint": "StableDiffusionXLInpaintPipeline"},
    control_pipelines={"inpaint": sdxl.FAMILY.control_pipelines["inpaint"]},
    signature=Signature(
        denoiser=_SIGNATURE.denoiser,
        facts={**_SIGNATURE.facts, "in_channels": 9},
        keys={**_SIGNATURE.keys, "model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3)},
    ),
    kin="sdxl",
    vae_kin="sdxl",
)
