"""One batch through diffusers' own pipeline: its loop as it is, its steps told, its progress looked at."""

import inspect
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from PIL.Image import Image

from studio.catalogue.models import Model
from studio.engine import preview, schedulers
from studio.engine.conditioning import Conditioning
from studio.engine.decode import Pixels, decode, in_tiles, unpack
from studio.engine.lease import PipelineLease
from studio.engine.noise import drawn
from studio.engine.requests import Denoise, LatentRow, Listener, Pass, Racer
from studio.engine.sampling import planned_on_host, resampled, sampled, sped_up
from studio.engine.text import repeated
from studio.errors import InvalidRecipe
from studio.events import Preview
from studio.recipe import PaintedRecipe, setting_specs


def denoise(
    lease: PipelineLease, request: Denoise, rows: Sequence[LatentRow], listener: Listener, *, tile: int | None = None
) -> torch.Tensor:
    """The latents of these rows as the pipeline leaves them; what they share is as `asked`.

    Equal to the bare pipeline's bit by bit at one row; `listener` is called with each step, and may raise to end it.
    Pictures larger than `tile` pixels are read in pieces.
    """
    recipe, pass_ = request.recipe, request.pass_
    pipe, learned = lease.turn_to(pass_.task), lease.loaded.pipe.scheduler.config
    pipe.scheduler = schedulers.build(recipe.scheduler, learned, lease.loaded.model.family_facts())
    if lease.seat and lease.device.kind == "cuda":  # transformers want them beside their latents
        planned_on_host(pipe.scheduler)
    resampled(pipe.scheduler, recipe.mask.resample)
    noises, place = [row.noise for row in rows], lease.device.kind if recipe.rng == "device" else "cpu"
    with _dtype_kept(pipe.vae), in_tiles(pipe.vae, tile), _networks(lease, pipe), drawn(noises, place) as generators:
        conditioning = lease.aside(partial(conditioning_of, lease, pipe, request))
        with conditioning.applied(pipe, len(rows), pass_.made), sampled(pipe, recipe), sped_up(pipe, recipe, len(rows)):
            result = pipe(
                **repeated(conditioning.arguments, len(rows)),
                **_arguments(lease, pipe, request, rows),
                generator=generators,
                output_type="latent",
                callback_on_step_end=_Steps(lease, pass_, rows, listener),
                callback_on_step_end_tensor_inputs=["latents"],
            )
    listener.finished(pass_, rows)
    latents: torch.Tensor = result.images
    return latents


def conditioning_of(lease: PipelineLease, pipe: Any, request: Denoise) -> Conditioning:
    """What the pipeline is told of the recipe's words, read with its LoRAs."""
    recipe, pass_, loras = request.recipe, request.pass_, lease.loras
    with loras.reading(pipe) if loras else nullcontext():
        changed = loras.reads if loras else ()
        return lease.loaded.prompts.conditioning(pipe, recipe, pass_.steps, pass_.done, changed)


@contextmanager
def _networks(lease: PipelineLease, pipe: Any) -> Iterator[None]:
    """While this lasts, the networks that stand beside the model count."""
    with (
        lease.controlnets.reading(pipe.vae) if lease.controlnets else nullcontext(),
        lease.image_prompts.attached(pipe) if lease.image_prompts else nullcontext(),
        lease.loras.denoising(pipe) if lease.loras else nullcontext(),
    ):
        yield


def _arguments(lease: PipelineLease, pipe: Any, request: Denoise, rows: Sequence[LatentRow]) -> dict[str, Any]:
    """What the pipeline's call takes beside the words and the noise."""
    return {
        **taken(pipe, request.pass_, request.recipe),
        **_inputs(rows),
        **(lease.controlnets.arguments(pipe, request.pass_, rows) if lease.controlnets else {}),
        **(lease.image_prompts.arguments() if lease.image_prompts else {}),
        **schedule(request.pass_, request.recipe),
        "guidance_scale": guidance_of(request.model, request.recipe),
    }


def schedule(pass_: Pass, recipe: PaintedRecipe) -> dict[str, Any]:
    """How many steps the pipeline is to plan, and where it begins; one that makes each several times has more."""
    if recipe.mask.resample == 1:
        return {"num_inference_steps": pass_.steps}
    # The pipeline rounds steps times strength down, which must not fall within the repeats of a step.
    share = 1.0 if pass_.made == pass_.steps else pass_.made / pass_.steps + 1e-9
    return {"num_inference_steps": pass_.steps * recipe.mask.resample, "strength": share}


class _Steps:
    """What a pipeline calls after each step."""

    def __init__(self, lease: PipelineLease, pass_: Pass, rows: Sequence[LatentRow], listener: Listener) -> None:
        self.lease = lease
        self.colours = lease.loaded.colours
        self.pass_ = pass_
        self.rows = rows
        self.listener = listener
        # Of a second pass nothing is raced: what has come so far is among the best.
        self.racer = None if pass_.done else listener.racer
        self.shows = lease.shows and self.colours != preview.UNKNOWN
        self.watch = preview.Watch(lease.pipe.scheduler, every=listener.each_step, keep=self.racer is not None)
        # Looks that are being made, by the images that they are of.
        self.coming: list[tuple[int, Future[bytes]]] = []
        if not (self.shows or self.racer):
            self.watch.end()

    def __call__(self, pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        del timestep
        share = (index + 1) / pipe.num_timesteps
        self.listener.step(self.pass_, self.rows, share)
        if self.racer and self.racer.is_due(share):
            self._race(pipe, self.racer, share)
        if self.shows:
            self._look(pipe, self.watch)
        return tensors

    def _race(self, pipe: Any, racer: Racer, share: float) -> None:
        """Go on where what this step predicts is among the best; else Behind is raised."""
        latents = self.watch.predicted
        if latents is None:
            raise InvalidRecipe("race", "What its steps predict cannot be seen.", "Make them without a race.")
        (picture,) = unpack(pipe, latents, self.pass_.width, self.pass_.height)
        racer.arrive(self._decoded(pipe, picture), round(share * self.pass_.made), self.pass_.made)

    def _look(self, pipe: Any, watch: preview.Watch) -> None:
        if (latents := watch.take()) is not None:
            started = time.perf_counter()
            with preview.spared(watch.end):
                pictures = unpack(pipe, latents, self.pass_.width, self.pass_.height)
                for row, picture in zip(self.rows, pictures, strict=True):
                    look = partial(preview.jpeg, colours=self.colours)
                    self.coming.append((row.image, self.lease.begun(look, picture)))
                    if self.listener.each_step and len(self.rows) == 1:  # of a tile there is nothing to see
                        self.listener.frame(row.image, self._decoded(pipe, picture))
                # Each of those that share the device has its part of what looks may cost.
                watch.looked(self.lease.company * (time.perf_counter() - started))
        self._tell_looks(watch)

    def _tell_looks(self, watch: preview.Watch) -> None:
        """Tell of the looks that have come; on a card that is a step or two later."""
        looks = list[Preview]()
        with preview.spared(watch.end):
            while self.coming and self.coming[0][1].done():
                image, look = self.coming.pop(0)
                looks.append(Preview(image, look.result()))
        for each in looks:
            self.listener.report(each)

    def _decoded(self, pipe: Any, latents: torch.Tensor) -> Image:
        """What latents come to, as the finished ones do."""

        def work(latents: torch.Tensor) -> Pixels:
            return decode(pipe, latents[None].to(pipe.vae.dtype), exact=self.lease.upcasts)

        return preview.small(self.lease.beside_steps(work, latents))


def guidance_of(model: Model, recipe: PaintedRecipe) -> float:
    """The guidance that the pipeline is called with; where none can be set, the denoiser's own or no second look."""
    if recipe.guidance_scale is not None:
        return recipe.guidance_scale
    return float(model.default("guidance_scale")) if model.family_facts().embeds_guidance else 1.0


def taken(pipe: Any, pass_: Pass, recipe: PaintedRecipe) -> dict[str, Any]:
    """What the pipeline asks for; some read the size from their image, and text needs no strength."""
    offered = {
        "width": pass_.width,
        "height": pass_.height,
        "strength": pass_.strength,
        **{setting.argument: recipe.get(name) for name, setting in setting_specs().items() if setting.argument},
    }
    takes = inspect.signature(type(pipe).__call__).parameters
    return {name: value for name, value in offered.items() if name in takes}


def _inputs(rows: Sequence[LatentRow]) -> dict[str, Any]:
    """One entry a row, also where all are the same: each is then encoded with the noise of its own seed."""
    inputs: dict[str, Any] = {}
    starts = [row.start for row in rows if row.start is not None]
    if starts:
        tensors = [start for start in starts if isinstance(start, torch.Tensor)]
        inputs["image"] = torch.cat(tensors) if tensors else starts
    if masks := [row.mask for row in rows if row.mask is not None]:
        inputs["mask_image"] = masks
    return inputs


@contextmanager
def _dtype_kept(vae: torch.nn.Module) -> Iterator[None]:
    """A pipeline that encodes in float32 and fails there leaves the shared VAE so."""
    before = next(vae.parameters()).dtype
    try:
        yield
    finally:
        if next(vae.parameters()).dtype != before:
            vae.to(dtype=before)
