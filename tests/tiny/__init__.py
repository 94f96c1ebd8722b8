"""Tiny models of every family: random weights in the real classes, with the config values a family is told by.

`build(family, folder)` writes a diffusers folder of a few megabytes; `single_file(folder, path)` rewrites one in the
layout that creators share checkpoints in. Torch is imported when they are called, not before.
"""

from pathlib import Path
from typing import Any

from tests.tiny.beside import UNIONS, checker, controlnet, image_encoder, ip_adapter, lora, upscaler
from tests.tiny.families import BUILDERS
from tests.tiny.original import configs_only, single_file
from tests.tiny.parts import SIDE

__all__ = [
    "FAMILIES",
    "INPAINTERS",
    "INSTRUCTED",
    "PROMPT",
    "REFINERS",
    "SIDE",
    "UNIONS",
    "build",
    "checker",
    "configs_only",
    "controlnet",
    "image_encoder",
    "ip_adapter",
    "lora",
    "single_file",
    "upscaler",
]

FAMILIES = ("starter", "sd15", "sd21", "sdxl", "lcm", "sd3", "flux")
# Those that paint into a picture only.
INPAINTERS = ("sd15_inpaint", "sdxl_inpaint")
# Those that change a picture as they are told.
INSTRUCTED = ("sd15_instruct",)
# Those that paint over a picture only.
REFINERS = ("sdxl_refiner",)
PROMPT = "a red house by the sea"


def build(family: str, folder: Path, seed: int = 0, **facts: Any) -> Path:
    """Write a tiny model of `family` into `folder`; the same seed gives the same weights. `facts` are its builder's."""
    import torch
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = BUILDERS[family](**facts)
    pipeline.save_pretrained(folder)
    return folder
