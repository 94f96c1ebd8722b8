"""Pictures by the model as it stands, for a look and for measures."""

import random
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

from starter_factory.base import build_scheduler, trained_unet
from starter_factory.canvas import Image
from starter_factory.captions import describe
from starter_factory.scene import training_scene
from starter_factory.store import Stored
from starter_factory.training import Session
from studio.errors import InvalidSetting, NotWritable

FIRST_UNSEEN = 2**41
STEPS = 20
GUIDANCE = 3.0
AT_ONCE = 8
WEBP_QUALITY = 88
UNSEEN = Path(__file__).with_name("unseen.txt")
# 64 captions of unseen scenes, from the first seed on, not chosen.
FIXED_PROMPTS: tuple[str, ...] = tuple(UNSEEN.read_text("utf-8").splitlines())


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


def write_sheet(pictures: Sequence[Image], path: Path, columns: int = 8) -> None:
    """The pictures side by side, in rows; InvalidSetting or NotWritable where the file cannot be written so."""
    blank = np.full_like(pictures[0], 255)
    filled = [*pictures, *[blank] * (-len(pictures) % columns)]
    rows = [np.hstack(filled[start : start + columns]) for start in range(0, len(filled), columns)]
    quality = [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY] if path.suffix == ".webp" else []
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR), quality)
    except cv2.error as error:
        raise InvalidSetting(
            f"{path} is of no kind of picture that can be written.", "Name a .webp or .png."
        ) from error
    if not written:
        raise NotWritable(f"{path} cannot be written.", "Name a file in a folder that is there and yours.")
