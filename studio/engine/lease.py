"""A loaded model and its lease: one pipeline at a time for each task, all with the same modules."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch

from studio.backends.base import Held
from studio.catalogue.models import Model
from studio.engine import memory, safety
from studio.engine.controlnets import ControlNetConditioning
from studio.engine.device import Device
from studio.engine.ip_adapters import ImagePrompts
from studio.engine.lora import LoraSet
from studio.engine.numerics import Trail
from studio.engine.placement import modules, place, place_part, sibling
from studio.engine.shared import Seat
from studio.engine.text import Prompts
from studio.families.base import Family, LatentColours
from studio.recipe import Task

T = TypeVar("T")
# The parts that are on the device during denoising.
DENOISING = ("unet", "transformer", "controlnet")


class Aside(Protocol):
    """Does work on the thread that has the device, and returns or raises what that does."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def at_once(work: Callable[[], T]) -> T:
    """Here and now, where nobody shares the device."""
    return work()


@dataclass(eq=False)
class LoadedModel:
    """A loaded model: its family's first pipeline, the bytes of each part, and facts found while it was loaded.

    `safety_checker` checks what comes out, where the studio wants that; `validated_steps` are the schedulers and
    numbers of steps that are known to work.
    """

    model: Model
    pipe: Any
    parts: dict[str, int]
    colours: LatentColours
    offload: memory.Offload
    words: str
    safety_checker: safety.SafetyChecker | None
    prompts: Prompts
    validated_steps: set[tuple[str, int]] = field(default_factory=set)

    @property
    def bytes(self) -> int:
        """The bytes of all its weights."""
        return sum(self.parts.values()) + self._checker_bytes

    @property
    def device_bytes(self) -> int:
        """The bytes that stay on the device between leases."""
        if self.offload == "none":
            return sum(self.parts.values())
        return self.parts.get("vae", 0) if self.offload == "sequential" else 0

    @property
    def ram_bytes(self) -> int:
        """The bytes that stay in RAM between leases, where the device has memory of its own."""
        return self.bytes - self.device_bytes

    def held(self, *, in_use: bool) -> Held:
        """What it is to whoever asks where memory went."""
        how = "" if self.offload == "none" else self.words
        return Held("model", self.model.name, self.device_bytes, self.ram_bytes, in_use, how)

    @property
    def _checker_bytes(self) -> int:
        return self.safety_checker.bytes if self.safety_checker else 0


@dataclass(eq=False)
class PipelineLease:
    """A borrowed model: `pipe` does `task` with the loaded modules and a scheduler of its own.

    `controlnets` condition its pipelines on maps, `image_prompts` on pictures; `loras` are applied to its modules, and
    `vae` replaces the model's own. None where the recipe has none. With a `seat` others
    have borrowed the model too: its networks are asked in their steps, and `aside` does what else uses the device.
    """

    loaded: LoadedModel
    task: Task
    pipe: Any
    device: Device
    seat: Seat | None = None
    aside: Aside = at_once
    # Gives it back before the borrower leaves.
    end: Callable[[], None] = lambda: None
    # What of the networks beside the model it uses, by the keys of the shelf.
    beside: frozenset[str] = frozenset()
    controlnets: ControlNetConditioning | None = None
    image_prompts: ImagePrompts | None = None
    loras: LoraSet | None = None
    vae: Any = None
    # What may be withheld is not shown in the making either.
    shows: bool = True
    _controlled_by: ControlNetConditioning | None = None
    _decoded: Any = None

    @property
    def facts(self) -> dict[str, str]:
        """How repeatable what is made since `begin` is, where steps are shared."""
        return self.seat.participant.facts if self.seat else {}

    @property
    def company(self) -> int:
        """How many pictures share the device now, this one among them."""
        return max(1, self.seat.batcher.company) if self.seat else 1

    def beside_steps(self, work: Callable[[torch.Tensor], T], given: torch.Tensor) -> T:
        """What `work` makes of a tensor, off the thread of the steps where others make theirs meanwhile on a card."""
        return self.seat.beside_steps(work, given) if self.seat else self.aside(lambda: work(given))

    def begun(self, work: Callable[[torch.Tensor], T], given: torch.Tensor) -> "Future[T]":
        """The same without waiting for it, where it need not be done at once; errors are the future's."""
        if self.seat and self.seat.side:
            return self.seat.side.begun(work, given)
        done: Future[T] = Future()
        try:
            done.set_result(work(given))
        except Exception as error:  # noqa: BLE001 - whoever asks for the answer gets it
            done.set_exception(error)
        return done

    def clock(self) -> float:
        """The seconds on a clock that stands still while the steps are others': differences are its own share."""
        return time.perf_counter() - (self.seat.participant.others_seconds if self.seat else 0.0)

    def begin(self) -> None:
        """From now on another picture is made."""
        if self.seat:
            self.seat.participant.trail = Trail()

    def turn_to(self, task: Task) -> Any:
        """Return the pipeline for `task`, with the same modules; the previous one is not used any more."""
        if (task, self.controlnets, self.vae) != (self.task, self._controlled_by, self._decoded):
            self.pipe = self.aside(
                lambda: pipe_for(self.loaded, task, self.device, self.controlnets, self.vae, self.seat)
            )
            self.task, self._controlled_by, self._decoded = task, self.controlnets, self.vae
        return self.pipe

    def offload(self, offload: memory.Offload) -> None:
        """Offload more of the model, until it is unloaded."""
        self.loaded.offload = offload
        place(self.pipe, offload, self.device)
        self.loaded.words = memory.words(offload, self.loaded.parts, self.device.free_bytes())

    def recover(self) -> None:
        """Return half-moved parts to RAM after running out of memory."""
        # The offload hook only looks where a part's first weight is, and would believe that all of it has moved.
        self.pipe.maybe_free_model_hooks()

    def retreat(self) -> bool:
        """Offload more of the model than now; False where nothing more can be, or others use it too."""
        farther = memory.farther(self.loaded.offload, self.device.kind)
        if farther is None or self.seat:
            return False
        try:
            self.offload(farther)
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
        else:
            return True
        return self.retreat()

    @property
    def upcasts(self) -> bool:
        """Whether pictures are decoded in float32 from the start."""
        return upcasts(self.pipe.vae, self.loaded.model.family_facts())

    def arriving_bytes(self) -> int:
        """The bytes of the parts that denoising is about to move onto the device."""
        if self.loaded.offload != "model":
            return 0
        parts = (part for name, part in modules(self.pipe).items() if name in DENOISING)
        return sum(memory.bytes_of(part) for part in parts if not self.device.holds(part))

    def working_bytes(self, width: int, height: int) -> int:
        """The bytes that one image needs besides the weights: the larger of denoising and decoding."""
        vae = self.pipe.vae.dtype.itemsize
        decoded = memory.decoding_bytes(width, height, 4 if self.upcasts else vae)
        return max(memory.denoising_bytes(width, height, vae), decoded)


def pipe_for(
    loaded: LoadedModel,
    task: Task,
    device: Device,
    controlnets: ControlNetConditioning | None = None,
    vae: Any = None,
    seat: Seat | None = None,
) -> Any:
    """Build a pipeline for `task` from the loaded modules, placed as the model is offloaded."""
    family = loaded.model.family_facts()
    own = {} if vae is None else {"vae": vae}
    if seat:
        own = {
            "unet": seat.unet(loaded.pipe.unet),
            "vae": seat.vae(own.get("vae", loaded.pipe.vae), loaded.pipe.unet.dtype),
        }
    if controlnets is None:
        pipe = sibling(loaded.pipe, family.pipelines[task], **own)
    else:
        pipe = sibling(loaded.pipe, family.control_pipelines[task], controlnet=controlnets.network, **own)
    if loaded.offload == "model":
        place(pipe, "model", device)
        return pipe
    # ControlNets and VAEs are shared between models: another one may have placed them elsewhere.
    if controlnets:
        place_part(controlnets.network, loaded.offload, device)
    if vae is not None:
        place_part(vae, "none", device)
    return pipe


def upcasts(vae: Any, family: Family) -> bool:
    """Whether a VAE overflows float16, in which it is, so that it decodes in float32.

    A config that says nothing of it says yes, because that is diffusers' default: only families that need it count.
    """
    return bool(family.vae_overflows and getattr(vae.config, "force_upcast", False) and vae.dtype == torch.float16)
