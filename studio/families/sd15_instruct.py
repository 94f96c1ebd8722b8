"""InstructPix2Pix: Stable Diffusion 1.x that changes a picture as the prompt tells it to, and sees it all the while."""

from dataclasses import replace

from studio.families import sd15
from studio.families.base import Signature

_SIGNATURE = sd15.FAMILY.signature

FAMILY = replace(
    sd15.FAMILY,
    name="InstructPix2Pix",
    pipelines={"img2img": "StableDiffusionInstructPix2PixPipeline"},
    control_pipelines={},
    # The latents of the picture come beside those of the result.
    signature=Signature(
        denoiser=_SIGNATURE.denoiser,
        facts={**_SIGNATURE.facts, "in_channels": 8},
        keys={**_SIGNATURE.keys, "model.diffusion_model.input_blocks.0.0.weight": (320, 8, 3, 3)},
    ),
    # It starts from noise alone: how much changes is between the two guidances.
    abilities=frozenset({"negative_prompt", "guidance", "image_guidance", "clip_skip"}),
    kin="sd15",
    vae_kin="sd15",
)
