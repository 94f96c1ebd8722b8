"""The sole owner of weights and device: loads a model once and lends it, one borrower at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from PIL.Image import Image

from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.named_files import stamp_of
from studio.catalogue.vaes import Vaes
from studio.catalogue.wordbook import Wordbook
from studio.controls.base import Workshop
from studio.engine import controlnets as nets
from studio.engine import ipadapters, memory, safety, vaes
from studio.engine.adapters import Stack, Wardrobe
from studio.engine.controlnets import Steering
from studio.engine.device import Device
from studio.engine.ipadapters import Adapter, ImagePrompts
from studio.engine.loading import load
from studio.engine.placement import modules, place, place_part, sibling
from studio.engine.preview import fit_colours
from studio.engine.shelf import Shelf
from studio.engine.text import Prompts
from studio.engine.upscale import Enlarger
from studio.errors import ModelError, RecipeError
from studio.events import Loading
from studio.families.base import LatentColours
from studio.recipe import Recipe, Task
from studio.settings import Settings

Say = Callable[[Loading], None]


@dataclass(eq=False)
class Resident:
    """A loaded model: its family's first pipeline, the bytes of its parts, and what was learned about it.

    `guard` checks what comes out, where the studio wants that; `rehearsed` are the schedulers and numbers of steps
    that are known to work.
    """

    model: Model
    pipe: Any
    parts: dict[str, int]
    colours: LatentColours
    offload: memory.Offload
    words: str
    guard: safety.Guard | None
    prompts: Prompts
    rehearsed: set[tuple[str, int]] = field(default_factory=set)

    @property
    def bytes(self) -> int:
        """What all its weights take."""
        return sum(self.parts.values()) + (self.guard.bytes if self.guard else 0)


@dataclass(eq=False)
class Loan:
    """A borrowed model: `pipe` does `task` with the resident's own modules and a scheduler of its own.

    `steering` is what the pipelines that it turns to follow; None for those that follow no maps. `image_prompts` are
    the pictures that they hear beside the words, `loras` what is put on their modules, `vae` what stands in for the
    model's own.
    """

    resident: Resident
    task: Task
    pipe: Any
    device: Device
    steering: Steering | None = None
    image_prompts: ImagePrompts | None = None
    loras: Stack | None = None
    vae: Any = None
    _steered: Steering | None = None
    _decoded: Any = None

    def turn_to(self, task: Task) -> Any:
        """The pipeline for `task`, with the same modules; the one before it is not used any more."""
        if (task, self.steering, self.vae) != (self.task, self._steered, self._decoded):
            self.pipe = _pipe_for(self.resident, task, self.device, self.steering, self.vae)
            self.task, self._steered, self._decoded = task, self.steering, self.vae
        return self.pipe

    def offload(self, offload: memory.Offload) -> None:
        """Keep more of the model off the device, from now until it is unloaded."""
        place(self.pipe, offload, self.device)
        self.resident.offload = offload
        free = self.device.free_bytes()
        self.resident.words = memory.words(offload, self.resident.parts, free)


class PipelineManager:
    """Loads models and lends pipelines. Models stay loaded while memory allows; the longest unused goes first."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        controlnets: ControlNets | None = None,
        book: Wordbook | None = None,
        *,
        device: Device | None = None,
    ) -> None:
        self.device = device or Device.choose(settings.device)
        self._catalogue = catalogue
        self._controlnets = controlnets or ControlNets(settings)
        self.book = book or Wordbook.of(settings)
        self._settings = settings
        self._residents: dict[Model, Resident] = {}  # the longest unused first
        self._lent: Model | None = None
        self._shelf = Shelf(self._evict)
        self._wardrobe = Wardrobe()
        self.upscalers = Enlarger(settings, self.device, self._evict)
        self._lock = Lock()

    @contextmanager
    def borrow(self, model: Model, task: Task | None = None, say: Say | None = None) -> Iterator[Any]:
        """A diffusers pipeline for `task`, for this borrower alone; see `lend`."""
        with self.lend(model, task, say) as loan:
            yield loan.pipe

    @contextmanager
    def lend(self, model: Model, task: Task | None = None, say: Say | None = None) -> Iterator[Loan]:
        """The model, exclusively, at first for `task` or for what its family does first; `say` hears of its loading.

        Raises RecipeError where the family cannot do the task, ModelError or DeviceError where it cannot be loaded.
        """
        first = _first(model) if task is None else task
        _check_task(model, first)
        say = say or _silent
        if not self.loaded(model):  # said before waiting, because it may be another thread that loads it
            say(Loading(f"Loading {model.name} ..."))
        with self._lock:
            resident = self._resident(model, say)
            loan = Loan(resident, first, _pipe_for(resident, first, self.device), self.device)
            self._lent = model
            try:
                yield loan
            finally:
                self._lent = None
                self._shelf.lent = frozenset()
                # A pipeline does this at its natural end only; an error or a stop in a step passes it by.
                loan.pipe.maybe_free_model_hooks()

    def steer(self, loan: Loan, recipe: Recipe, say: Say, pictures: Sequence[Image] = ()) -> None:
        """From now on the loan's pipelines follow the maps of this settled recipe, and hear its image prompts.

        `pictures` are those of its image prompts, in their order. Raises RecipeError where a ControlNet or IP-Adapter
        is for another family, ModelError where it cannot be loaded.
        """
        followed, heard = (
            [self._controlnets[str(unit.model)] for unit in units] for units in (recipe.map_units, recipe.prompt_units)
        )
        self._shelf.lent = frozenset(_key(one) for one in (*followed, *heard))
        networks = [self._network(one, loan.resident, say) for one in followed]
        numbers = [one.mode(unit.kind) for one, unit in zip(followed, recipe.map_units, strict=True)]
        loan.steering = Steering(recipe, networks, numbers) if networks else None
        adapters = [self._network(one, loan.resident, say) for one in heard]
        seen = [
            adapter.sees(self._encoder(one, loan.resident, say), picture)
            for one, adapter, picture in zip(heard, adapters, pictures, strict=True)
        ]
        loan.image_prompts = ImagePrompts(recipe, adapters, seen, self.device.torch_device) if adapters else None

    def dress(self, loan: Loan, recipe: Recipe, say: Say) -> None:
        """From now on the loan's pipelines wear the LoRAs of this settled recipe; ModelError where one does not fit."""
        model, dtype = loan.resident.model, self.device.dtype(loan.resident.model.family_facts())
        files = [self.book.loras.for_model(lora.name, model) for lora in recipe.loras]
        adapters = [
            self._wardrobe.adapter(file, model, loan.resident.pipe, dtype, lambda words: say(Loading(words)))
            for file in files
        ]
        loan.loras = Stack(recipe, adapters, model.family_facts().lora_blocks) if adapters else None

    def decode_by(self, loan: Loan, recipe: Recipe, say: Say) -> None:
        """From now on the loan's pipelines have the VAE of this settled recipe; ModelError where it cannot be loaded.

        It counts as lent with what steers, so this follows `steer`.
        """
        if recipe.vae is None:
            loan.vae = None
            return
        vae, own = Vaes(self._settings)[recipe.vae], loan.resident.pipe.vae

        def loader() -> Any:
            say(Loading(f"Loading the VAE {vae.name} ..."))
            return vaes.load(vae, own, own.dtype).to(self.device.torch_device)

        key = f"vae: {stamp_of(vae.path)} for {loan.resident.model.id} in {own.dtype}"
        loan.vae = self._shelf.load(key, loader, vae.path.stat().st_size)
        self._shelf.lent |= {key}

    def workshop(self, model: Model | None) -> Workshop:
        """What maps are made with, for pictures of this model, and what measures pictures; whoever lets networks work
        has the device.
        """
        return Workshop(
            self._settings,
            starter=model is not None and model.family == "starter",
            device=str(self.device.torch_device),
            load=self._shelf.load,
        )

    @contextmanager
    def hold(self) -> Iterator[None]:
        """The device, exclusively, for work without a model of pictures."""
        with self._lock:
            yield

    def loaded(self, model: Model) -> bool:
        """Whether the model can be lent at once."""
        return model in self._residents

    def warm(self, model: Model) -> None:
        """Load the model ahead of its first use; where the device is busy, that use is the better moment."""
        if self._lock.acquire(blocking=False):
            try:
                self._resident(model, _silent)
            finally:
                self._lock.release()

    def unload(self, model: Model) -> bool:
        """Let go of the model, where it is loaded; False where the device is at work."""
        if model not in self._residents:
            return True
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._residents.pop(model, None)
            self.device.release()
        finally:
            self._lock.release()
        return True

    def make_room(self) -> None:
        """Unload all but the model that is lent."""
        self._evict(math.inf)
        self._wardrobe.clear()
        self.upscalers.clear()
        self.device.release()

    def describe(self) -> str:
        """Device and memory in one line, such as "NVIDIA A10, 6.1 of 24.0 GB used"."""
        total, free = self.device.total_bytes(), self._free()
        used = (total - free) / memory.GIGABYTE
        said = f"{self.device.name}, {used:.1f} of {total / memory.GIGABYTE:.1f} GB used"
        return f"{said}. {self.device.note}" if self.device.note else said

    def close(self) -> None:
        """Unload everything; waits for the borrower."""
        with self._lock:
            self._residents.clear()
            while self._shelf.drop():
                pass
            self._wardrobe.clear()
            self.upscalers.clear()
            self.device.release()

    def _resident(self, model: Model, say: Say) -> Resident:
        resident = self._residents.pop(model, None) or self._load(model, say)
        self._residents[model] = resident
        return resident

    def _network(self, controlnet: ControlNet, resident: Resident, say: Say) -> Any:
        """The ControlNet or IP-Adapter on the device, loaded where it is not; ModelError where it does not fit."""
        model, dtype = resident.model, self.device.dtype(resident.model.family_facts())
        self._controlnets.check_fit(controlnet, model, self._catalogue.location(model))

        def loader() -> Any:
            say(Loading(f"Loading {controlnet.name} ..."))
            load = ipadapters.load if controlnet.is_prompt else nets.load
            loaded = load(controlnet, self._controlnets, dtype)
            return loaded.to(self.device.torch_device)

        size = self._controlnets.size_bytes(controlnet) or controlnet.download_bytes or 0
        size -= self._controlnets.encoder_bytes(controlnet)
        network = self._shelf.load(_key(controlnet), loader, size * memory.LOADING_FACTOR)
        if isinstance(network, Adapter):
            network.check_fit(controlnet, resident.pipe.unet)
        else:
            _check_sides(controlnet, network, resident)
        return network

    def _encoder(self, adapter: ControlNet, resident: Resident, say: Say) -> Any:
        """The image encoder of an IP-Adapter that was loaded, on the device."""
        folder, dtype = self._controlnets.encoder(adapter), self.device.dtype(resident.model.family_facts())

        def loader() -> Any:
            say(Loading(f"Loading the image encoder of {adapter.name} ..."))
            return ipadapters.load_encoder(adapter, folder, dtype).to(self.device.torch_device)

        needed = self._controlnets.encoder_bytes(adapter) * memory.LOADING_FACTOR
        return self._shelf.load(f"image encoder: {folder}", loader, needed)

    def _load(self, model: Model, say: Say) -> Resident:
        needed = (self._catalogue.size_bytes(model) or model.download_bytes or 0) * memory.LOADING_FACTOR
        if self._free() < needed:
            self.upscalers.clear()
        self._evict(needed)
        dtype = self.device.dtype(model.family_facts())
        pipe = load(model, self._catalogue, dtype)
        guard = safety.load(model, self._catalogue, self._settings)
        parts = {name: memory.bytes_of(part) for name, part in modules(pipe).items()}
        colours = model.family_facts().preview or fit_colours(pipe.vae)
        free = self._free()
        offload = self._offload(model, parts, dtype, free)
        words = memory.words(offload, parts, free)
        if offload != "none":
            say(Loading(f"{model.name} {words}."))
        place(pipe, offload, self.device)
        return Resident(model, pipe, parts, colours, offload, words, guard, Prompts(model, self.book))

    def _offload(self, model: Model, parts: dict[str, int], dtype: Any, free: int) -> memory.Offload:
        if self._settings.offload != "auto" and self.device.kind != "cpu":
            return self._settings.offload
        working = memory.working_bytes(model.default("width"), model.default("height"), dtype.itemsize)
        return memory.choose_offload(parts, working, free, self.device.kind)

    def _evict(self, needed: float) -> None:
        """Unload until `needed` bytes are free or only what is lent is left: what stands beside the models first, of
        either the longest unused.
        """
        while self._free() < needed and self._shelf.drop():
            self.device.release()
        for model in [model for model in self._residents if model != self._lent]:
            if self._free() >= needed:
                break
            del self._residents[model]
            self.device.release()

    def _free(self) -> int:
        free = self.device.free_bytes()
        if self.device.limit_bytes is None:
            return free
        held = sum(resident.bytes for resident in self._residents.values()) + self._shelf.bytes + self.upscalers.bytes
        return max(0, min(free, self.device.limit_bytes - held))


def _pipe_for(
    resident: Resident, task: Task, device: Device, steering: Steering | None = None, vae: Any = None
) -> Any:
    """A new pipeline for `task` of a family that can do it."""
    family = resident.model.family_facts()
    own = {} if vae is None else {"vae": vae}
    if steering is None:
        pipe = sibling(resident.pipe, family.pipelines[task], **own)
    else:
        pipe = sibling(resident.pipe, family.control_pipelines[task], controlnet=steering.network, **own)
    if resident.offload == "model":
        place(pipe, "model", device)
    elif steering:  # another model may have kept its networks elsewhere
        place_part(steering.network, resident.offload, device)
    return pipe


def _key(controlnet: ControlNet) -> str:
    return f"controlnet: {controlnet.id}"


def _check_sides(controlnet: ControlNet, network: Any, resident: Resident) -> None:
    """ModelError where the layers of a UNet's network are not as wide as those that they add to."""
    denoiser = getattr(resident.pipe, "unet", None)
    theirs, own = (getattr(getattr(one, "config", None), "block_out_channels", None) for one in (denoiser, network))
    if denoiser is not None and list(theirs or ()) != list(own or ()):
        raise ModelError(
            f"{controlnet.name} does not fit {resident.model.name}: its layers are {own} wide, the model's {theirs}.",
            "Choose a ControlNet that was trained for this model, or for the one that it was made of.",
        )


def _first(model: Model) -> Task:
    return next(iter(model.family_facts().pipelines))


def _check_task(model: Model, task: Task) -> None:
    pipelines = model.family_facts().pipelines
    if task not in pipelines:
        raise RecipeError("model", f"{model.name} cannot do {task}.", f"It can do {', '.join(pipelines)}.")


def _silent(event: Loading) -> None:
    del event
