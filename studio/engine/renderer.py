"""Answers what tasks ask of a borrowed model, by diffusers' own pipelines; asks less where memory runs out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from PIL.Image import Image

from studio.catalogue.models import Model
from studio.engine import memory, ram, schedulers
from studio.engine.decode import Pixels, decode, unpack
from studio.engine.denoise import denoise
from studio.engine.lease import PipelineLease
from studio.engine.manager import PipelineManager
from studio.engine.numerics import versions, wanted_numerics
from studio.engine.requests import Decode, Denoise, Enlarge, LatentRow, Listener, Pass
from studio.errors import DeviceError, NumericOverflow, OutOfMemory
from studio.events import Loading
from studio.recipe import PaintedRecipe
from studio.safety.layer import OWN_CHECK

T = TypeVar("T")


class Renderer:
    """Answers requests for one recipe, whose networks are on the borrowed model; `listener` is called with each step.

    `changed` is called, in words, with whatever is done otherwise than asked.
    """

    def __init__(
        self,
        manager: PipelineManager,
        lease: PipelineLease,
        recipe: PaintedRecipe,
        listener: Listener,
        changed: Callable[[str], None],
    ) -> None:
        self.recipe = recipe
        self._manager = manager
        self._lease = lease
        self.clock = lease.clock
        self._listener = listener
        self._changed = changed
        self._plan = memory.Plan(lease.loaded.offload)
        self._rows = 0
        # How many pictures of a size are denoised at once, at most.
        self._most: dict[tuple[int, int], int] = {}

    @property
    def model(self) -> Model:
        """The borrowed model."""
        return self._lease.loaded.model

    @property
    def batch(self) -> int:
        """How many rows the largest batch had that was denoised last; of tiles there are several."""
        return self._rows

    def denoise(self, requests: Sequence[Denoise]) -> list[list[torch.Tensor]]:
        """The latents of the first of these requests, which are alike: of as many as memory lets be denoised at once.

        The rows of one request may take several batches.
        """
        rows = [row for one in requests for row in one.rows]
        self._rows = 0
        made = self._batch(requests[0], rows)
        if len(requests) > 1:  # of one row each
            return [[latents] for latents in made]
        while len(made) < len(rows):
            made += self._batch(requests[0], rows[len(made) :])
        return [made]

    def decode(self, request: Decode) -> Image:
        """The picture of latents; in float32 where the decoder overflows in less."""
        image: Image = self._lease.pipe.image_processor.numpy_to_pil(self._pixels(request))[0]
        return image

    def enlarge(self, request: Enlarge) -> Image:
        """The enlarged picture; each of its tiles is told, and may be the last."""

        def report_tile(tile: int, tiles: int) -> None:
            self._listener.report(Loading(f"Enlarging: {tile} of {tiles} parts ..."))

        return self._lease.aside(
            lambda: self._manager.upscalers.enlarge(request.upscaler, request.picture, request.size, report_tile)
        )

    def checked(self, image: Image) -> dict[str, str]:
        """What the model's own checker says of a finished picture, where it has one and the studio asks it."""
        safety_checker = self._lease.loaded.safety_checker
        if safety_checker is None:
            return {}
        flagged = self._lease.aside(partial(safety_checker.flags, image))
        return {OWN_CHECK: "flagged" if flagged else "passed"}

    def facts(self, batch: int, loras: str) -> dict[str, Any]:
        """What is worth knowing about how a picture was made, in a batch of so many rows and with these LoRAs."""
        lease = self._lease
        return {
            "device": lease.device.name,
            "dtype": str(self._manager.dtype(lease.loaded.model)).removeprefix("torch."),
            "memory": lease.loaded.words,
            **({"threads": str(torch.get_num_threads())} if lease.device.kind == "cpu" else {}),
            "batch": str(batch),
            "numerics": "solo" if batch < 2 else "free",
            **lease.facts,
            **({"loras": loras} if loras else {}),
            **({"scheduler": schedulers.described(lease.pipe.scheduler)} if batch else {}),
            **versions(),
        }

    def _batch(self, request: Denoise, waiting: Sequence[LatentRow]) -> list[torch.Tensor]:
        """The latents of the first rows, as many as go at once, each (1, channels, height / 8, width / 8)."""
        pass_ = request.pass_
        what: memory.Phase = "denoise" if pass_.task == "text2img" else "edit"
        rows, latents = self._with_relief(what, pass_, partial(self._denoised, request, waiting))
        self._rows = max(self._rows, len(rows))
        if not self._lease.beside_steps(_are_numbers, latents):
            raise _overflowed(rows[0])
        return list(torch.split(unpack(self._lease.pipe, latents, pass_.width, pass_.height), 1))

    def _denoised(self, request: Denoise, waiting: Sequence[LatentRow]) -> tuple[Sequence[LatentRow], torch.Tensor]:
        self._plan = replace(self._plan, batch=min(self._most_at_once(request.pass_), len(waiting)))
        rows = waiting[: self._plan.batch]
        made = partial(denoise, self._lease, request, rows, self._listener, tile=self._plan.tile)
        # In steps that others share, the pipeline's loop is its own thread's, and only its networks' work is not.
        return rows, made() if self._lease.seat else self._lease.aside(made)

    def _most_at_once(self, pass_: Pass) -> int:
        if wanted_numerics(self.recipe, self._manager.settings) == "solo":
            return 1
        size = (pass_.width, pass_.height)
        if size not in self._most:
            device, itemsize = self._lease.device, self._lease.pipe.vae.dtype.itemsize
            free = device.free_bytes() - self._lease.arriving_bytes()
            self._most[size] = memory.batch_size(*size, itemsize, free, device.kind)
        return self._most[size]

    def _pixels(self, request: Decode) -> Pixels:
        pixels = self._decoded(request, exact=self._lease.upcasts)
        if not pixels.any() and self._manager.dtype(self._lease.loaded.model) != torch.float32:
            raise _overflowed(request.row)  # some cards make black of what they cannot compute in half precision
        if np.isfinite(pixels).all():
            return pixels
        self._change("The decoder overflowed; decoding again in float32.")
        pixels = self._decoded(request, exact=True)
        if not np.isfinite(pixels).all():
            raise _overflowed(request.row)
        return pixels

    def _decoded(self, request: Decode, *, exact: bool) -> Pixels:
        lease = self._lease

        def work(latents: torch.Tensor) -> Pixels:
            latents = latents.to(lease.device.torch_device)
            return decode(lease.pipe, latents, tile=self._plan.tile, exact=exact)

        return self._with_relief("decode", request.pass_, partial(lease.beside_steps, work, request.latents))

    def _with_relief(self, what: memory.Phase, pass_: Pass, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, with less and less asked of the device while its memory runs out."""
        return memory.relieved(attempt, lambda: self._lease.aside(lambda: self._relieve(what, pass_)))

    def _relieve(self, what: memory.Phase, pass_: Pass) -> None:
        self._lease.recover()
        self._manager.make_room()
        easier = memory.relieve(self._plan, self._lease.device.kind, what, max(pass_.width, pass_.height))
        if easier is None:
            raise _exhausted(self._lease, pass_)
        self._plan, words = easier
        self._most[pass_.width, pass_.height] = self._plan.batch
        if self._plan.offload != self._lease.loaded.offload and not self._lease.retreat():
            raise _exhausted(self._lease, pass_)
        self._plan = replace(self._plan, offload=self._lease.loaded.offload)
        self._change(words)

    def _change(self, words: str) -> None:
        self._changed(words)
        self._listener.report(Loading(words))


def _are_numbers(latents: torch.Tensor) -> bool:
    return bool(latents.isfinite().all())


def _overflowed(row: LatentRow) -> NumericOverflow:
    return NumericOverflow(
        f"The image of seed {row.noise.seed} came out as NaN, not as numbers: the denoiser overflowed.",
        "Try another scheduler or a lower guidance; else the weights are damaged, or only the device cpu works.",
    )


def _exhausted(lease: PipelineLease, pass_: Pass) -> DeviceError:
    device, weights = lease.device, lease.loaded.bytes / ram.GIGABYTE
    working = lease.working_bytes(pass_.width, pass_.height) / ram.GIGABYTE
    return OutOfMemory(
        f"{device.name} ran out of memory at {pass_.width}x{pass_.height}: the model takes {weights:.1f} GB and the "
        f"image about {working:.1f} GB, {device.free_bytes() / ram.GIGABYTE:.1f} GB are free.",
        "Make the image smaller, close other programs that use the device, or choose a smaller model.",
    )
