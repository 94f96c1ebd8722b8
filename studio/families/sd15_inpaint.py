"""Stable Diffusion 1.x for inpainting: its UNet sees the mask and what is around it, in five more channels."""

from dataclasses import replace

from studio.families import sd15
from studio.families.base import Signature

_SIGNATURE = sd15.FAMILY.signature

FAMILY = replace(
    sd15.FAMILY,
    name="Stable Diffusion 1.5 inpainting",
    pipelines={"inpaint": "StableDiffusionInpaintPipeline"},
    control_pipelines={"inpaint": sd15.FAMILY.control_pipelines["inpaint"]},
    signature=Signature(
        denoiser=_SIGNATURE.denoiser,
        facts={**_SIGNATURE.facts, "in_channels": 9},
        keys={**_SIGNATURE.keys, "model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3)},
    ),
    kin="sd15",
    vae_kin="sd15",
)
