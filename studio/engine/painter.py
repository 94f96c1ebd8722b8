"""What every task paints with: batches through the denoiser and back to pixels, and the way out when memory ends."""

import inspect
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import diffusers
import numpy as np
import torch
from PIL import Image

from studio.backends.base import Rendered, Wanted, always
from studio.catalogue.models import Model
from studio.engine import memory, safety
from studio.engine.compose import Size
from studio.engine.decode import Pixels, decode, unpack
from studio.engine.denoise import denoise
from studio.engine.loading import pipeline_class
from studio.engine.loan import Loan
from studio.engine.manager import PipelineManager
from studio.engine.maps import fitted
from studio.engine.noise import Noise
from studio.engine.progress import Begun, Numbered, Piece, Progress, Stage
from studio.errors import DeviceError, NumericOverflow, OutOfMemory
from studio.events import Loading
from studio.families.base import Family
from studio.inputs import Inputs
from studio.recipe import Task

T = TypeVar("T")
# As many steps a distilled model has learned, where it does not say so: diffusers' own number.
LEARNED = 50


class Painter:
    """Paints the images of `numbered`: recipes of one model that differ in their noise only.

    Where `wanted` says no between two batches, images that were not begun are left.
    """

    def __init__(
        self,
        manager: PipelineManager,
        loan: Loan,
        inputs: Inputs,
        progress: Progress,
        numbered: Sequence[Numbered],
        wanted: Wanted = always,
    ) -> None:
        self.manager = manager
        self.loan = loan
        self.inputs = inputs
        self.numbered = numbered
        self.recipe = numbered[0][1]
        self.progress = progress
        self._wanted = wanted
        self._begun: set[int] = set()
        self._plan = memory.Plan(loan.resident.offload)
        self._most: dict[tuple[int, int], int] = {}
        self._seconds: defaultdict[int, float] = defaultdict(float)
        self._batches: Counter[int] = Counter()
        self._changes: list[str] = []
        self._notes: list[str] = []
        self._earlier: dict[int, Begun] = {}

    @property
    def model(self) -> Model:
        """The model that paints."""
        return self.loan.resident.model

    @property
    def family(self) -> Family:
        """The facts of the model's family."""
        return self.model.family_facts()

    @property
    def native(self) -> tuple[int, int]:
        """The width and height that the model was made for."""
        return int(self.model.default("width")), int(self.model.default("height"))

    def stage(self, task: Task, size: tuple[int, int], steps: int, strength: float | None = None) -> Stage:
        """A stage of this model; at full strength nothing of an image is left, which is text to image where it can."""
        learned = self.loan.resident.pipe.scheduler.config.get("original_inference_steps") or LEARNED
        return stage_of(self.family, task, size, steps, strength, learned)

    def pieces(self, maps: Sequence[Image.Image] = (), **inputs: object) -> list[Piece]:
        """A piece for each image, all starting from the same and along the same maps."""
        return [Piece(index, Noise.of(recipe), dict(inputs), maps) for index, recipe in self.numbered]

    def maps(self, size: tuple[int, int]) -> list[Image.Image]:
        """The map of each control unit, over a picture of this size."""
        return [fitted(self.inputs.open(str(unit.map)), size, unit) for unit in self.recipe.map_units]

    def paint(self, stage: Stage, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, torch.Tensor]]:
        """Each piece with its latents (1, channels, height, width), batch by batch."""
        for batch in self.batches(stage, pieces):
            yield from batch

    def batches(self, stage: Stage, pieces: Sequence[Piece]) -> Iterator[list[tuple[Piece, torch.Tensor]]]:
        """The pieces with their latents, as many at once as memory lets be denoised."""
        waiting = list(pieces)
        kind: memory.Stage = "denoise" if stage.task == "text2img" else "edit"
        while waiting:
            if self._begun and waiting[0].image not in self._begun and not self._wanted():
                return
            started = time.perf_counter()
            batch, latents = self._with_relief(kind, stage, partial(self._batch, stage, waiting))
            share = (time.perf_counter() - started) / len(batch)
            for piece in batch:
                self._begun.add(piece.image)
                self._seconds[piece.image] += share
                self._batches[piece.image] = len(batch)
            waiting = waiting[len(batch) :]
            rows = torch.split(unpack(self.loan.pipe, latents, stage.width, stage.height), 1)
            if not latents.isfinite().all():
                raise _overflowed(batch[0])
            yield list(zip(batch, rows, strict=True))

    def picture(self, stage: Stage, piece: Piece, latents: torch.Tensor) -> Image.Image:
        """The decoded picture of latents (1, channels, height, width)."""
        started = time.perf_counter()
        image: Image.Image = self.loan.pipe.image_processor.numpy_to_pil(self._pixels(stage, piece, latents))[0]
        self._seconds[piece.image] += time.perf_counter() - started
        return image

    def enlarged(self, picture: Image.Image, upscaler: str, size: tuple[int, int]) -> Image.Image:
        """The picture at `size` by an upscaler; each of its tiles is told, and may be the last."""

        def told(tile: int, tiles: int) -> None:
            self.progress.report(Loading(f"Enlarging: {tile} of {tiles} parts ..."))

        return self.manager.upscalers.enlarge(upscaler, picture, size, told)

    def note(self, words: str) -> None:
        """Something that the creator should know about these images; it is told and kept with them."""
        if words not in self._notes:
            self._notes.append(words)
            self.progress.report(Loading(words))

    def begun(self, index: int, start: Image.Image | torch.Tensor) -> Begun:
        """What has been made of an image, for another model to go on with."""
        recipe = dict(self.numbered)[index]
        return Begun(index, start, recipe, self._seconds[index], (*self._notes,), (*self._changes,), self._worn)

    def go_on(self, begun: Begun) -> None:
        """One of the images was begun by another model."""
        self._earlier[begun.index] = begun
        self._seconds[begun.index] += begun.seconds
        self._notes += [words for words in begun.notes if words not in self._notes]
        self._changes += begun.changes

    def rendered(self, index: int, image: Image.Image) -> Rendered:
        """A finished image with what is worth knowing about how it was made; checked, where the studio wants that."""
        guard, facts = self.loan.resident.guard, self._facts(index)
        if guard:
            started = time.perf_counter()
            image, verdict = guard.checked(image)
            self._seconds[index] += time.perf_counter() - started
            facts["output check"] = verdict
            if words := safety.WORDS[verdict]:
                self.progress.report(Loading(words))
        recipe = self._earlier[index].recipe if index in self._earlier else dict(self.numbered)[index]
        return Rendered(index, image, self._seconds[index], facts, recipe)

    def _batch(self, stage: Stage, waiting: Sequence[Piece]) -> tuple[Sequence[Piece], torch.Tensor]:
        size = (stage.width, stage.height)
        if size not in self._most:
            device, itemsize = self.loan.device, self.loan.pipe.vae.dtype.itemsize
            free = device.free_bytes() - self.loan.arriving_bytes()
            self._most[size] = memory.batch_size(*size, itemsize, free, device.kind)
        self._plan = replace(self._plan, batch=min(self._most[size], len(waiting)))
        batch = waiting[: self._plan.batch]
        return batch, denoise(self.loan, self.recipe, stage, batch, self.progress, tile=self._plan.tile)

    def _pixels(self, stage: Stage, piece: Piece, latents: torch.Tensor) -> Pixels:
        pixels = self._decoded(stage, latents, exact=self.loan.upcasts)
        if not pixels.any() and self.manager.dtype(self.model) != torch.float32:
            raise _overflowed(piece)  # some cards make black of what they cannot compute in half precision
        if np.isfinite(pixels).all():
            return pixels
        self._change("The decoder overflowed; decoding again in float32.")
        pixels = self._decoded(stage, latents, exact=True)
        if not np.isfinite(pixels).all():
            raise _overflowed(piece)
        return pixels

    def _decoded(self, stage: Stage, latents: torch.Tensor, *, exact: bool) -> Pixels:
        return self._with_relief(
            "decode", stage, lambda: decode(self.loan.pipe, latents, tile=self._plan.tile, exact=exact)
        )

    def _with_relief(self, what: memory.Stage, stage: Stage, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, with less and less asked of the device while its memory runs out."""
        return memory.relieved(attempt, lambda: self._relieve(what, stage))

    def _relieve(self, what: memory.Stage, stage: Stage) -> None:
        self.loan.recover()
        self.manager.make_room()
        easier = memory.relieve(self._plan, self.loan.device.kind, what, max(stage.width, stage.height))
        if easier is None:
            raise _exhausted(self.loan, stage)
        self._plan, words = easier
        self._most[stage.width, stage.height] = self._plan.batch
        if self._plan.offload != self.loan.resident.offload and not self.loan.retreat():
            raise _exhausted(self.loan, stage)
        self._plan = replace(self._plan, offload=self.loan.resident.offload)
        self._change(words)

    def _change(self, words: str) -> None:
        self._changes.append(words)
        self.progress.report(Loading(words))

    @property
    def _worn(self) -> dict[str, str]:
        return {"loras": self.loan.loras.facts} if self.loan.loras else {}

    def _facts(self, index: int) -> dict[str, str]:
        facts = {
            "device": self.loan.device.name,
            "dtype": str(self.manager.dtype(self.model)).removeprefix("torch."),
            "memory": self.loan.resident.words,
            **({"threads": str(torch.get_num_threads())} if self.loan.device.kind == "cpu" else {}),
            "batch": str(self._batches[index]),
            **(self._earlier[index].facts if index in self._earlier else self._worn),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        }
        said = {"changed": self._changes, "notes": self._notes}
        return facts | {name: " ".join(dict.fromkeys(words)) for name, words in said.items() if words}


def stage_of(
    family: Family, task: Task, size: Size, steps: int, strength: float | None, learned: int = LEARNED
) -> Stage:
    """A stage of a model of this family; `learned` is how many steps a distilled one has learned."""
    if task == "img2img" and strength is not None and strength >= 1 and "text2img" in family.pipelines:
        return Stage("text2img", *size, steps, steps)
    if strength is None:
        return Stage(task, *size, steps, steps)
    pipeline = pipeline_class(family.pipelines[task])
    if "original_inference_steps" in inspect.signature(pipeline.__call__).parameters:
        # Distilled: the strength cuts the schedule that was learned, and all the steps lie in what is left of it.
        steps = min(steps, int(learned * strength))
        return Stage(task, *size, steps, steps, strength)
    if family.process == "flow":  # its pipelines round the steps that are left out, not those that are made
        return Stage(task, *size, steps, steps - int(steps - steps * strength), strength)
    return Stage(task, *size, steps, int(steps * strength), strength)


def _overflowed(piece: Piece) -> NumericOverflow:
    return NumericOverflow(
        f"The image of seed {piece.noise.seed} came out as no numbers (NaN): the denoiser overflowed.",
        "Try another scheduler or a lower guidance; if it stays, the weights are damaged or the device must be cpu.",
    )


def _exhausted(loan: Loan, stage: Stage) -> DeviceError:
    device, weights = loan.device, loan.resident.bytes / memory.GIGABYTE
    working = loan.working_bytes(stage.width, stage.height) / memory.GIGABYTE
    return OutOfMemory(
        f"{device.name} ran out of memory at {stage.width}x{stage.height}: the model takes {weights:.1f} GB and the "
        f"image about {working:.1f} GB, {device.free_bytes() / memory.GIGABYTE:.1f} GB are free.",
        "Make the image smaller, close other programs that use the device, or choose a smaller model.",
    )
