"""Answers what tasks ask of a borrowed model, by diffusers' own pipelines; asks less where memory runs out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import diffusers
import numpy as np
import torch
from PIL.Image import Image

from studio.catalogue.models import Model
from studio.engine import memory, safety
from studio.engine.decode import Pixels, decode, unpack
from studio.engine.denoise import denoise
from studio.engine.loan import Loan
from studio.engine.manager import PipelineManager
from studio.engine.requests import Decode, Denoise, Enlarge, LatentRow, Listener, Pass
from studio.errors import DeviceError, NumericOverflow, OutOfMemory
from studio.events import Loading
from studio.recipe import Recipe

T = TypeVar("T")


class Renderer:
    """Answers requests for one recipe, whose networks are on the borrowed model; `listener` hears of the steps.

    `changed` hears, in words, whatever is done otherwise than asked.
    """

    def __init__(
        self,
        manager: PipelineManager,
        loan: Loan,
        recipe: Recipe,
        listener: Listener,
        changed: Callable[[str], None],
    ) -> None:
        self.recipe = recipe
        self._manager = manager
        self._loan = loan
        self._listener = listener
        self._changed = changed
        self._plan = memory.Plan(loan.resident.offload)
        # How many pictures of a size are denoised at once, at most.
        self._most: dict[tuple[int, int], int] = {}

    @property
    def model(self) -> Model:
        """The borrowed model."""
        return self._loan.resident.model

    @property
    def batch(self) -> int:
        """How many rows the last batch had."""
        return self._plan.batch

    def denoise(self, asked: Sequence[Denoise]) -> list[list[torch.Tensor]]:
        """The latents of the first of these requests, which are alike: of as many as memory lets be denoised at once.

        The rows of one request may take several batches.
        """
        rows = [row for one in asked for row in one.rows]
        made = self._batch(asked[0], rows)
        if len(asked) > 1:  # of one row each
            return [[latents] for latents in made]
        while len(made) < len(rows):
            made += self._batch(asked[0], rows[len(made) :])
        return [made]

    def decode(self, asked: Decode) -> Image:
        """The picture of latents; in float32 where the decoder overflows in less."""
        image: Image = self._loan.pipe.image_processor.numpy_to_pil(self._pixels(asked))[0]
        return image

    def enlarge(self, asked: Enlarge) -> Image:
        """The enlarged picture; each of its tiles is told, and may be the last."""

        def told(tile: int, tiles: int) -> None:
            self._listener.report(Loading(f"Enlarging: {tile} of {tiles} parts ..."))

        return self._manager.upscalers.enlarge(asked.upscaler, asked.picture, asked.size, told)

    def checked(self, image: Image) -> tuple[Image, dict[str, str]]:
        """A finished picture as it may be shown, and what the check found, where the studio wants one."""
        guard = self._loan.resident.guard
        if guard is None:
            return image, {}
        image, verdict = guard.checked(image)
        if words := safety.WORDS[verdict]:
            self._listener.report(Loading(words))
        return image, {"output check": verdict}

    def facts(self, batch: int, loras: str) -> dict[str, str]:
        """What is worth knowing about how a picture was made, in a batch of so many rows and with these LoRAs."""
        loan = self._loan
        return {
            "device": loan.device.name,
            "dtype": str(self._manager.dtype(loan.resident.model)).removeprefix("torch."),
            "memory": loan.resident.words,
            **({"threads": str(torch.get_num_threads())} if loan.device.kind == "cpu" else {}),
            "batch": str(batch),
            **({"loras": loras} if loras else {}),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        }

    def _batch(self, asked: Denoise, waiting: Sequence[LatentRow]) -> list[torch.Tensor]:
        """The latents of the first rows, as many as go at once, each (1, channels, height / 8, width / 8)."""
        pass_ = asked.pass_
        what: memory.Stage = "denoise" if pass_.task == "text2img" else "edit"
        rows, latents = self._with_relief(what, pass_, partial(self._denoised, asked, waiting))
        if not latents.isfinite().all():
            raise _overflowed(rows[0])
        return list(torch.split(unpack(self._loan.pipe, latents, pass_.width, pass_.height), 1))

    def _denoised(self, asked: Denoise, waiting: Sequence[LatentRow]) -> tuple[Sequence[LatentRow], torch.Tensor]:
        self._plan = replace(self._plan, batch=min(self._most_at_once(asked.pass_), len(waiting)))
        rows = waiting[: self._plan.batch]
        return rows, denoise(self._loan, asked, rows, self._listener, tile=self._plan.tile)

    def _most_at_once(self, pass_: Pass) -> int:
        size = (pass_.width, pass_.height)
        if size not in self._most:
            device, itemsize = self._loan.device, self._loan.pipe.vae.dtype.itemsize
            free = device.free_bytes() - self._loan.arriving_bytes()
            self._most[size] = memory.batch_size(*size, itemsize, free, device.kind)
        return self._most[size]

    def _pixels(self, asked: Decode) -> Pixels:
        pixels = self._decoded(asked, exact=self._loan.upcasts)
        if not pixels.any() and self._manager.dtype(self._loan.resident.model) != torch.float32:
            raise _overflowed(asked.row)  # some cards make black of what they cannot compute in half precision
        if np.isfinite(pixels).all():
            return pixels
        self._change("The decoder overflowed; decoding again in float32.")
        pixels = self._decoded(asked, exact=True)
        if not np.isfinite(pixels).all():
            raise _overflowed(asked.row)
        return pixels

    def _decoded(self, asked: Decode, *, exact: bool) -> Pixels:
        loan = self._loan
        return self._with_relief(
            "decode",
            asked.pass_,
            lambda: decode(loan.pipe, asked.latents.to(loan.device.torch_device), tile=self._plan.tile, exact=exact),
        )

    def _with_relief(self, what: memory.Stage, pass_: Pass, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, with less and less asked of the device while its memory runs out."""
        return memory.relieved(attempt, lambda: self._relieve(what, pass_))

    def _relieve(self, what: memory.Stage, pass_: Pass) -> None:
        self._loan.recover()
        self._manager.make_room()
        easier = memory.relieve(self._plan, self._loan.device.kind, what, max(pass_.width, pass_.height))
        if easier is None:
            raise _exhausted(self._loan, pass_)
        self._plan, words = easier
        self._most[pass_.width, pass_.height] = self._plan.batch
        if self._plan.offload != self._loan.resident.offload and not self._loan.retreat():
            raise _exhausted(self._loan, pass_)
        self._plan = replace(self._plan, offload=self._loan.resident.offload)
        self._change(words)

    def _change(self, words: str) -> None:
        self._changed(words)
        self._listener.report(Loading(words))


def _overflowed(row: LatentRow) -> NumericOverflow:
    return NumericOverflow(
        f"The image of seed {row.noise.seed} came out as no numbers (NaN): the denoiser overflowed.",
        "Try another scheduler or a lower guidance; if it stays, the weights are damaged or the device must be cpu.",
    )


def _exhausted(loan: Loan, pass_: Pass) -> DeviceError:
    device, weights = loan.device, loan.resident.bytes / memory.GIGABYTE
    working = loan.working_bytes(pass_.width, pass_.height) / memory.GIGABYTE
    return OutOfMemory(
        f"{device.name} ran out of memory at {pass_.width}x{pass_.height}: the model takes {weights:.1f} GB and the "
        f"image about {working:.1f} GB, {device.free_bytes() / memory.GIGABYTE:.1f} GB are free.",
        "Make the image smaller, close other programs that use the device, or choose a smaller model.",
    )
