"""Pictures by the model as it stands, for a look and for measures."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

from starter_factory.base import build_scheduler, trained_unet
from starter_factory.canvas import Image
from starter_factory.captions import describe
from starter_factory.scene import training_scene
from starter_factory.store import Stored
from starter_factory.training import Session

FIRST_UNSEEN = 2**41
STEPS = 20
GUIDANCE = 3.0
AT_ONCE = 8


def pipeline_of(stored: Stored, live: Session | None = None) -> StableDiffusionPipeline:
    """The stock pipeline of the stored model; with the denoiser of a checkpoint where a session is given."""
    unet = stored.unet() if live is None else trained_unet(live)
    scheduler = DPMSolverMultistepScheduler.from_config(
        build_scheduler().config, algorithm_type="dpmsolver++", use_karras_sigmas=True
    )
    pipeline = StableDiffusionPipeline(
        vae=stored.vae(),
        text_encoder=stored.text_encoder(),
        tokenizer=stored.tokenizer(),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def unseen_captions(count: int) -> list[str]:
    """Captions of scenes that no training has drawn."""
    seeds = range(FIRST_UNSEEN, FIRST_UNSEEN + count)
    return [describe(training_scene(seed), random.Random(seed)).text for seed in seeds]


def paint(
    pipeline: StableDiffusionPipeline,
    prompts: Sequence[str],
    *,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    seed: int = 0,
    size: tuple[int, int] | None = None,
) -> list[Image]:
    """One picture for each prompt, the k-th from noise of `seed` + k; `size` is (width, height) in pixels."""
    shape = {"width": size[0], "height": size[1]} if size else {}
    pictures: list[Image] = []
    for start in range(0, len(prompts), AT_ONCE):
        part = list(prompts[start : start + AT_ONCE])
        noise = [torch.Generator().manual_seed(seed + start + number) for number in range(len(part))]
        output = pipeline(
            part, num_inference_steps=steps, guidance_scale=guidance, generator=noise, output_type="np", **shape
        )
        pictures.extend(np.round(output.images * 255).astype(np.uint8))
    return pictures
