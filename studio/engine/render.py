"""From settled recipes of one model to images: batches, and the way out when memory ends or numbers overflow."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import diffusers
import numpy as np
import torch

from studio.backends.base import Rendered, Report
from studio.engine import memory, schedulers
from studio.engine.decode import Pixels, decode, unpack
from studio.engine.denoise import Clock, Numbered, denoise
from studio.engine.manager import Loan, PipelineManager
from studio.engine.text import check_length
from studio.errors import DeviceError, RecipeError
from studio.events import Loading
from studio.models import Model
from studio.recipe import Recipe

T = TypeVar("T")


def render(manager: PipelineManager, model: Model, recipes: Sequence[Numbered], report: Report) -> Iterator[Rendered]:
    """Yield the image of each numbered recipe; all are settled and of `model`.

    Raises RecipeError before the first step for what the model cannot do, DeviceError where memory does not suffice
    or the numbers overflow, and whatever `report` raises; the device is free afterwards.
    """
    with manager.lend(model, "text2img", report) as loan:
        for _, recipe in recipes:
            check_length(loan.pipe, model, recipe)
            _check_scheduler(loan, recipe)
        clock = Clock([recipe for _, recipe in recipes])
        for _, run in itertools.groupby(recipes, lambda numbered: numbered[1].model_copy(update={"seed": None})):
            yield from _Run(manager, loan, report, clock, list(run)).images()


class _Run:
    """Recipes that differ in their seeds only, made in batches."""

    def __init__(
        self, manager: PipelineManager, loan: Loan, report: Report, clock: Clock, waiting: list[Numbered]
    ) -> None:
        self.manager = manager
        self.loan = loan
        self.report = report
        self.clock = clock
        self.waiting = waiting
        self.width, self.height = int(waiting[0][1].width or 0), int(waiting[0][1].height or 0)
        self.changes: list[str] = []
        self.plan = self._plan()

    def images(self) -> Iterator[Rendered]:
        """Each image as soon as it is decoded."""
        while self.waiting:
            started = time.perf_counter()
            batch, latents = self._with_relief("denoise", self._next_batch)
            share = (time.perf_counter() - started) / len(batch)
            self.waiting = self.waiting[len(batch) :]
            for (index, recipe), row in zip(batch, torch.split(latents, 1), strict=True):
                started = time.perf_counter()
                image = self.loan.pipe.image_processor.numpy_to_pil(self._decoded(row, recipe))[0]
                seconds = share + time.perf_counter() - started
                yield Rendered(index, image, seconds, self._facts(len(batch)))

    def _plan(self) -> memory.Plan:
        device = self.loan.device
        itemsize = self.loan.pipe.vae.dtype.itemsize
        count = memory.batch_size(self.width, self.height, itemsize, device.free_bytes(), device.kind)
        return memory.Plan(self.loan.resident.offload, min(count, len(self.waiting)))

    def _next_batch(self) -> tuple[list[Numbered], torch.Tensor]:
        batch = self.waiting[: self.plan.batch]
        return batch, denoise(self.loan, batch, self.report, self.clock)

    def _decoded(self, row: torch.Tensor, recipe: Recipe) -> Pixels:
        latents = unpack(self.loan.pipe, row, self.width, self.height)
        if not latents.isfinite().all():
            raise _overflowed(recipe)
        pixels = self._with_relief("decode", lambda: decode(self.loan.pipe, latents, tiling=self.plan.tiling))
        if np.isfinite(pixels).all():
            return pixels
        self._tell("The decoder overflowed; decoding again in float32.")
        pixels = self._with_relief(
            "decode", lambda: decode(self.loan.pipe, latents, tiling=self.plan.tiling, exact=True)
        )
        if not np.isfinite(pixels).all():
            raise _overflowed(recipe)
        return pixels

    def _with_relief(self, stage: memory.Stage, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, with less and less asked of the device while its memory runs out."""
        while True:
            try:
                return attempt()
            except (RuntimeError, MemoryError) as error:
                if not memory.ran_out(error):
                    raise
            # Behind the handler, where the error no longer holds the frames that hold the tensors.
            self._relieve(stage)

    def _relieve(self, stage: memory.Stage) -> None:
        self.manager.make_room(self.loan.resident)
        easier = memory.relieve(self.plan, self.loan.device.kind, stage)
        if easier is None:
            raise _exhausted(self.loan, self.width, self.height)
        self.plan, words = easier
        if self.plan.offload != self.loan.resident.offload:
            self.loan.offload(self.plan.offload)
        self._tell(words)

    def _tell(self, words: str) -> None:
        self.changes.append(words)
        self.report(Loading(words))

    def _facts(self, batch: int) -> Mapping[str, str]:
        facts = {
            "device": self.loan.device.name,
            "dtype": str(self.loan.device.dtype(self.loan.resident.model.family_facts())).removeprefix("torch."),
            "memory": self.loan.resident.words,
            "batch": str(batch),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        }
        return facts | ({"changed": " ".join(dict.fromkeys(self.changes))} if self.changes else {})


def _check_scheduler(loan: Loan, recipe: Recipe) -> None:
    resident, sampling = loan.resident, (str(recipe.scheduler), int(recipe.steps or 0))
    usable = resident.model.family_facts().schedulers()
    if sampling[0] not in usable:
        raise RecipeError("scheduler", f"{sampling[0]} cannot sample this model.", f"Choose {' or '.join(usable)}.")
    if sampling not in resident.rehearsed:
        schedulers.check(resident.pipe.scheduler.config, *sampling)
        resident.rehearsed.add(sampling)


def _overflowed(recipe: Recipe) -> DeviceError:
    return DeviceError(
        f"The image of seed {recipe.seed} came out as no numbers (NaN): the denoiser overflowed.",
        "Try another scheduler or a lower guidance; if it stays, the weights are damaged or the device must be cpu.",
    )


def _exhausted(loan: Loan, width: int, height: int) -> DeviceError:
    device, weights = loan.device, loan.resident.bytes / memory.GIGABYTE
    working = memory.working_bytes(width, height, loan.pipe.vae.dtype.itemsize) / memory.GIGABYTE
    return DeviceError(
        f"{device.name} ran out of memory at {width}x{height}: the model takes {weights:.1f} GB and the image about "
        f"{working:.1f} GB, {device.free_bytes() / memory.GIGABYTE:.1f} GB are free.",
        "Make the image smaller, close other programs that use the device, or choose a smaller model.",
    )
