"""A look at an image while it is made: latents as a small JPEG, in colours that are a linear mix of their channels.

Whatever goes wrong about a look, the image is made all the same.
"""

import functools
import io
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio.engine.decode import Pixels
from studio.families.base import LatentColours

SIDE = 256
FRAME_SIDE = 512
QUALITY = 80
SECONDS_BETWEEN = 0.25
# Looking costs at most this share of the time: what a look took decides when the next is due.
SHARE = 0.02
FIT_SIDE = 64
FIT_IMAGES = 8
# Of a VAE whose colours cannot be fitted; nothing of it is shown.
UNKNOWN = LatentColours(factors=(), bias=(0.0, 0.0, 0.0))
log = logging.getLogger(__name__)


@contextmanager
def spared(otherwise: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Nothing that a look raises in this block ends a job: it is logged, and `otherwise` is called."""
    try:
        yield
    except Exception:
        log.exception("This image has no preview; it is still being made.")
        otherwise()


class Watch:
    """Sees each step of a scheduler and keeps, where a look is due, the image that the denoiser is heading for.

    That is clear long before the noisy latents are, and is the same formula for every scheduler. With `every`, a look
    is due at each step; with `keep`, what each step predicts is kept until the next, whether or not a look is due.
    """

    def __init__(self, scheduler: Any, *, every: bool = False, keep: bool = False) -> None:
        self._every = every
        self._due = 0.0
        self._heading_for: torch.Tensor | None = None
        step = scheduler.step

        @functools.wraps(step)  # pipelines read the signature to know whether it takes a generator
        def watched(prediction: torch.Tensor, timestep: Any, sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if keep or time.monotonic() >= self._due:
                with spared(self.end):
                    self._heading_for = denoised(scheduler, prediction, timestep, sample)
            return step(prediction, timestep, sample, *args, **kwargs)

        scheduler.step = watched

    @property
    def predicted(self) -> torch.Tensor | None:
        """The latents that the last step predicts, as far as they are kept."""
        return self._heading_for

    def take(self) -> torch.Tensor | None:
        """The predicted latents since the last look, or None where none is due."""
        latents, self._heading_for = self._heading_for, None
        return latents if time.monotonic() >= self._due else None

    def end(self) -> None:
        """Look no more."""
        self._due, self._heading_for = math.inf, None

    def looked(self, seconds: float) -> None:
        """A look took `seconds`."""
        if not self._every:
            self._due = time.monotonic() + max(SECONDS_BETWEEN, seconds / SHARE)


def denoised(scheduler: Any, prediction: torch.Tensor, timestep: Any, sample: torch.Tensor) -> torch.Tensor:
    """The latents without noise that a prediction at `timestep` points to."""
    image: torch.Tensor
    if hasattr(scheduler, "precondition_outputs"):  # EDM's
        image = scheduler.precondition_outputs(sample, prediction, scheduler.sigmas[scheduler.step_index])
        return image
    if not hasattr(scheduler, "alphas_cumprod"):  # a straight flow: its time is its noise level
        image = sample - prediction * (float(timestep) / scheduler.config.num_train_timesteps)
        return image
    # Scaled for the denoiser, every scheduler's sample is sqrt(a) image + sqrt(1 - a) noise.
    sample = scheduler.scale_model_input(sample, timestep)
    # Between two steps a scheduler may ask a hair beyond its last one.
    place = min(max(round(float(timestep)), 0), len(scheduler.alphas_cumprod) - 1)
    alpha = max(float(scheduler.alphas_cumprod[place]), 1e-5)
    kind = scheduler.config.prediction_type
    if kind == "sample":
        image = prediction
    elif kind == "v_prediction":
        image = alpha**0.5 * sample - (1 - alpha) ** 0.5 * prediction
    else:
        image = (sample - (1 - alpha) ** 0.5 * prediction) / alpha**0.5
    return image


def jpeg(latents: torch.Tensor, colours: LatentColours) -> bytes:
    """Latents (channels, height, width) as a JPEG whose longer side is `SIDE` pixels."""
    factors = torch.tensor(colours.factors, device=latents.device, dtype=torch.float32)
    bias = torch.tensor(colours.bias, device=latents.device, dtype=torch.float32)
    rgb = torch.einsum("chw,cr->hwr", latents.float(), factors) + bias
    pixels = ((rgb + 1) * 127.5).nan_to_num().clamp(0, 255).byte().cpu().numpy()
    image = Image.fromarray(pixels)
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    target = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


def small(pixels: Pixels) -> Image.Image:
    """A decoded picture (height, width, 3) in 0..1 as one frame of several: no side is longer than `FRAME_SIDE`."""
    image = Image.fromarray((np.nan_to_num(pixels) * 255).round().clip(0, 255).astype(np.uint8))
    image.thumbnail((FRAME_SIDE, FRAME_SIDE), Image.Resampling.LANCZOS)
    return image


def fit_colours(vae: Any) -> LatentColours:
    """The linear colours of a VAE whose are not known; `UNKNOWN` where they cannot be found."""
    colours = UNKNOWN
    with spared():
        colours = _fitted(vae)
    return colours  # noqa: RET504 - where that failed, they are unknown


@torch.no_grad()
def _fitted(vae: Any) -> LatentColours:
    """By least squares, what a VAE paints for latents of colour blobs.

    Blobs and not noise, because noise decodes to grey texture. It costs a few small images through the VAE.
    """
    generator = torch.Generator().manual_seed(0)
    # Mostly light and dark with some hue, as pictures are: pure colours would bend the fit at the ends.
    light = torch.rand(FIT_IMAGES, 1, 5, 5, generator=generator)
    coarse = light + torch.rand(FIT_IMAGES, 3, 5, 5, generator=generator) - 1
    images = torch.nn.functional.interpolate(coarse, FIT_SIDE, mode="bicubic").clamp(-1, 1).to(vae.device, vae.dtype)
    encoded = vae.encode(images)
    raw = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    painted = vae.decode(raw).sample.float().cpu()
    latents = (raw * vae.config.scaling_factor).float().cpu()
    seen = torch.nn.functional.interpolate(painted, latents.shape[-2:], mode="area")
    channels = latents.shape[1]
    known = torch.cat([latents, torch.ones_like(latents[:, :1])], dim=1).movedim(1, -1).reshape(-1, channels + 1)
    mix = torch.linalg.lstsq(known, seen.movedim(1, -1).reshape(-1, 3)).solution.tolist()
    return LatentColours(factors=tuple(map(tuple, mix[:-1])), bias=tuple(mix[-1]))
