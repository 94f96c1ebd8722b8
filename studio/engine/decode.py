"""From latents to pixels, one image at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Pixels = npt.NDArray[np.float32]


def unpack(pipe: Any, latents: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Latents as rows of channels and two sides; FLUX keeps them as patches in a row."""
    if latents.ndim == 4:
        return latents
    plain: torch.Tensor = pipe._unpack_latents(latents, height, width, pipe.vae_scale_factor)  # noqa: SLF001
    return plain


@torch.no_grad()
def decode(pipe: Any, latents: torch.Tensor, *, tile: int | None = None, exact: bool = False) -> Pixels:
    """One image (height, width, 3) in 0..1 from its latents (1, channels, height, width).

    Images larger than `tile` pixels are decoded in pieces, in less memory, with slightly other pixels; `exact` decodes
    in float32.
    """
    vae = getattr(pipe.vae, "shared", pipe.vae)
    with in_numbers(vae, torch.float32 if exact else vae.dtype), in_tiles(vae, tile):
        latents = _unscaled(pipe, latents.to(vae.dtype))
        image = vae.decode(latents, return_dict=False)[0]
    pixels: Pixels = pipe.image_processor.postprocess(image, output_type="np")[0]
    return pixels


@contextmanager
def in_tiles(vae: Any, tile: int | None) -> Iterator[None]:
    """While this lasts, images larger than `tile` pixels go through the VAE in tiles of this side; None: all whole.

    By itself it takes tiles as large as the pictures that it was trained with, which is no tile of those.
    """
    if reading_in := getattr(vae, "reading_in", None):  # what stands in for a VAE sees to it itself
        with reading_in(tile):
            yield
        return
    if tile is None:
        yield
        return
    before = vae.tile_sample_min_size, vae.tile_latent_min_size
    vae.tile_sample_min_size = tile
    vae.tile_latent_min_size = tile // 2 ** (len(vae.config.block_out_channels) - 1)
    vae.enable_tiling()
    try:
        yield
    finally:
        vae.disable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = before


def _unscaled(pipe: Any, latents: torch.Tensor) -> torch.Tensor:
    """Latents as the decoder learned them, from the unit variance that the denoiser works in."""
    config = pipe.vae.config
    if getattr(config, "latents_mean", None) and getattr(config, "latents_std", None):
        mean, std = (
            torch.tensor(values).view(1, -1, 1, 1).to(latents.device, latents.dtype)
            for values in (config.latents_mean, config.latents_std)
        )
        return latents * std / float(config.scaling_factor) + mean
    latents = latents / config.scaling_factor
    # The pipelines of UNets pass over a shift that the VAE's config may name.
    shift: float = config.shift_factor if hasattr(pipe, "transformer") else 0.0
    return latents + shift if shift else latents


@contextmanager
def in_numbers(vae: Any, dtype: torch.dtype) -> Iterator[None]:
    """While this lasts, the VAE computes in these numbers."""
    before = vae.dtype
    if before == dtype:
        yield
        return
    _turn(vae, dtype)
    try:
        yield
    finally:
        _turn(vae, before)


def _turn(vae: Any, dtype: torch.dtype) -> None:
    for weight in vae.parameters():
        if weight.is_cuda:  # another stream's memory, which is free again when this one has read it
            weight.record_stream(torch.cuda.current_stream())
    vae.to(dtype=dtype)
