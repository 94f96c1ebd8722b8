"""The sole owner of weights and device: loads each model once and leases it, to one borrower or to several at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from PIL.Image import Image

from studio.backends.base import MemoryUse, Turn
from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.named_files import stamp_of
from studio.catalogue.prompt_assets import PromptAssets
from studio.catalogue.vaes import Vaes
from studio.controls.base import EstimatorContext
from studio.engine import controlnets as nets
from studio.engine import ip_adapters, memory, ram, safety, vaes
from studio.engine.controlnets import ControlNetConditioning
from studio.engine.device import Device
from studio.engine.door import Door
from studio.engine.graphs import CudaGraphs
from studio.engine.ip_adapters import ImagePrompts, IpAdapter
from studio.engine.lease import LoadedModel, PipelineLease, pipe_for, upcasts
from studio.engine.loading import load
from studio.engine.lora import LoraSet
from studio.engine.placement import modules, place
from studio.engine.pools import Participant
from studio.engine.preview import fit_colours
from studio.engine.room import Room
from studio.engine.shared import Seat
from studio.engine.sharing import Sharing
from studio.engine.text import Prompts
from studio.engine.upscale import Upscaler
from studio.errors import InUse, InvalidRecipe
from studio.events import Loading
from studio.recipe import PaintedRecipe, Task
from studio.resolve.second_pass import Assets
from studio.settings import Settings

T = TypeVar("T")
Say = Callable[[Loading], None]
# Leases one model to each of several participants.
Together = Callable[[Participant], AbstractContextManager[PipelineLease]]


class PipelineManager:
    """Loads models and leases pipelines. The least recently used model is evicted first."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        controlnets: ControlNets | None = None,
        prompt_assets: PromptAssets | None = None,
        *,
        device: Device | None = None,
    ) -> None:
        self.device = device or Device.of(settings)
        self._catalogue = catalogue
        self._controlnets = controlnets or ControlNets(settings)
        self.prompt_assets = prompt_assets or PromptAssets.of(settings)
        self.settings = settings
        graphs = CudaGraphs() if self.device.has_graphs and settings.cuda_graphs == "auto" else None
        self._room = Room(self.device, settings, graphs)
        self._door = Door()
        self._sharing = Sharing(settings, self.device, graphs)
        # The ids of models that overflowed in half precision.
        self._exact: set[str] = set()

    @contextmanager
    def borrow_pipeline(self, model: Model, task: Task | None = None, say: Say | None = None) -> Iterator[Any]:
        """Borrow a diffusers pipeline for `task`; see `borrow`."""
        with self.borrow(model, task, say) as lease:
            yield lease.pipe

    def dtype(self, model: Model) -> torch.dtype:
        """The dtype that the model runs in."""
        return torch.float32 if model.id in self._exact else self.device.dtype(model.family_facts())

    def make_exact(self, model: Model) -> None:
        """Run the model in float32 until this process ends; nothing may be borrowed."""
        with self._door.entered():
            self._exact.add(model.id)
            self._room.loaded_models.pop(model, None)
            self._room.clear()

    def participant(self, recipe: PaintedRecipe, turn: Turn) -> Participant | None:
        """Who asks for the steps of this recipe's picture; None where nothing is to be had from sharing them."""
        return self._sharing.participant(recipe, turn)

    @property
    def sharing(self) -> Sharing:
        """The steps that pictures share."""
        return self._sharing

    def aside(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises; where pictures share steps, it is done between two of them.

        Whatever uses the device or what is kept on it, and is no forward of a step, goes this way.
        """
        return self._sharing.aside(work)

    @contextmanager
    def borrow(
        self, model: Model, task: Task | None = None, say: Say | None = None, *, participant: Participant | None = None
    ) -> Iterator[PipelineLease]:
        """Borrow the model, first for `task` or its family's first task; `say` is called while it loads.

        For this borrower alone, or as a `participant` in steps that others share, where all of it is on the device.
        Raises InvalidRecipe where the family cannot do the task, ModelError or DeviceError where it cannot be loaded.
        """
        first = _first(model) if task is None else task
        _check_task(model, first)
        say = say or _silent
        if not self.loaded(model):  # said before waiting, because it may be another thread that loads it
            say(Loading(f"Loading {model.name} ..."))
        with ExitStack() as inside:
            loaded = self._enter(inside, model, say, beside=participant is not None)
            yield inside.enter_context(self._leased(loaded, first, participant))

    @contextmanager
    def borrow_together(self, model: Model, say: Say) -> Iterator[Together]:
        """Borrow the model for several participants who wait for one another, so that none of them is kept outside.

        InvalidRecipe where not all of it is on the device.
        """
        if not self.loaded(model):
            say(Loading(f"Loading {model.name} ..."))
        with ExitStack() as inside:
            loaded = self._enter(inside, model, say, beside=True)
            if loaded.offload != "none":
                raise InvalidRecipe(
                    "race",
                    f"{model.name} does not fit onto the device as a whole, so its candidates cannot be raced.",
                    "Make them without racing.",
                )
            yield partial(self._leased, loaded, _first(model))

    @contextmanager
    def _leased(self, loaded: LoadedModel, first: Task, participant: Participant | None) -> Iterator[PipelineLease]:
        with ExitStack() as until:
            seat = self._sharing.seat(participant, until) if participant and loaded.offload == "none" else None
            aside = seat.aside if seat else self.aside
            lease = aside(lambda: self._lease(loaded, first, seat))
            try:
                yield lease
            finally:
                if lease in self._room.leases:
                    aside(lease.end)

    def attach_controls(
        self, lease: PipelineLease, recipe: PaintedRecipe, say: Say, pictures: Sequence[Image] = ()
    ) -> None:
        """Attach the ControlNets and IP-Adapters of this resolved recipe to the lease's pipelines.

        `pictures` are those of its image prompts, in their order. Raises InvalidRecipe where a ControlNet or IP-Adapter
        is for another family, ModelError where it cannot be loaded.
        """
        followed, prompted = (
            [self._controlnets[unit.model] for unit in units] for units in (recipe.mapped_units, recipe.image_prompts)
        )
        self._keep(lease, frozenset(_aux_key(one) for one in (*followed, *prompted)))
        networks = [self._network(one, lease.loaded, say) for one in followed]
        if lease.seat:
            networks = [lease.seat.beside(network) for network in networks]
        numbers = [one.mode(unit.kind) for one, unit in zip(followed, recipe.mapped_units, strict=True)]
        ranges = [one.reads for one in followed]
        lease.controlnets = ControlNetConditioning(recipe, networks, numbers, ranges) if networks else None
        adapters = [self._network(one, lease.loaded, say) for one in prompted]
        seen = [
            self._seen(one, adapter, picture, lease.loaded, say)
            for one, adapter, picture in zip(prompted, adapters, pictures, strict=True)
        ]
        lease.image_prompts = ImagePrompts(recipe, adapters, seen, self.device.torch_device) if adapters else None

    def apply_loras(self, lease: PipelineLease, recipe: PaintedRecipe, say: Say) -> None:
        """Apply the recipe's LoRAs to the lease's pipelines; ModelError where one does not fit."""
        model, dtype = lease.loaded.model, self.dtype(lease.loaded.model)
        files = [self.prompt_assets.loras.for_model(lora.name, model) for lora in recipe.loras]
        adapters = [
            self._room.lora_cache.adapter(file, model, lease.loaded.pipe, dtype, lambda words: say(Loading(words)))
            for file in files
        ]
        lease.loras = LoraSet(recipe, adapters, model.family_facts().lora_blocks) if adapters else None

    def decode_by(self, lease: PipelineLease, recipe: PaintedRecipe, say: Say) -> None:
        """Use the recipe's VAE in the lease's pipelines; ModelError where it cannot be loaded.

        Call it after `attach_controls`, which resets what is in use.
        """
        if recipe.vae is None:
            lease.vae = None
            return
        vae, own = Vaes(self.settings)[recipe.vae], lease.loaded.pipe.vae

        def loader() -> Any:
            say(Loading(f"Loading the VAE {vae.name} ..."))
            return vaes.load(vae, own, own.dtype).to(self.device.torch_device)

        key = f"vae: {stamp_of(vae.path)} for {lease.loaded.model.id} in {own.dtype}"
        lease.vae = self._room.aux_models.load(key, f"the VAE {vae.name}", loader, vae.path.stat().st_size)
        self._keep(lease, lease.beside | {key})

    @property
    def assets(self) -> Assets:
        """The catalogues of everything that a recipe combines with its model."""
        return Assets(self._catalogue, self._controlnets, self.prompt_assets, Vaes(self.settings))

    def estimator_context(self, model: Model | None) -> EstimatorContext:
        """The context that estimators and metrics run in, for pictures of this model; the caller holds the device."""
        return EstimatorContext(
            self.settings,
            starter=model is not None and model.family_facts().embedded,
            device=str(self.device.torch_device),
            load=self._room.aux_models.load,
        )

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the device exclusively, for work without a diffusion model."""
        with self._door.entered():
            yield

    def loaded(self, model: Model) -> bool:
        """Whether the model is loaded, so that it can be borrowed at once."""
        return model in self._room.loaded_models

    def warm(self, model: Model) -> None:
        """Load the model ahead of its first use, unless the device is busy."""
        with self._door.entered_if_free() as is_free:
            if is_free:
                self.aside(lambda: self._loaded_model(model, _silent))

    @property
    def upscalers(self) -> Upscaler:
        """The upscaler models."""
        return self._room.upscalers

    def within(self, what: str, attempt: Callable[[], T]) -> T:
        """Call `attempt`; unload what is not borrowed and retry where memory runs out. See `Room.within`."""
        return self.aside(lambda: self._room.within(what, attempt))

    def unload(self, model: Model) -> bool:
        """Unload the model, where it is loaded; False where the device is at work."""
        if model not in self._room.loaded_models:
            return True
        with self._door.entered_if_free() as is_free:
            if is_free:
                self._room.loaded_models.pop(model, None)
                self.device.release()
            return is_free

    def make_room(self) -> None:
        """Unload everything that is not borrowed."""
        self._room.clear()

    def memory_use(self) -> MemoryUse:
        """Where memory went; may be asked from any thread."""
        return self._room.use()

    def free_memory(self) -> int:
        """Unload everything; returns the bytes that it took. InUse where something is being made."""
        with self._door.entered_if_free() as is_free:
            if not is_free:
                raise InUse("A picture is being made.", "Free memory when it is done, or stop it first.")
            taken = sum(one.device_bytes + one.ram_bytes for one in self._room.held())
            self.aside(self._room.clear)
            return taken

    def describe(self) -> str:
        """Device and memory in one line, such as "NVIDIA A10, 6.1 of 24.0 GB used"."""
        total, free = self.device.total_bytes(), self._room.free()
        used = (total - free) / ram.GIGABYTE
        text = f"{self.device.name}, {used:.1f} of {total / ram.GIGABYTE:.1f} GB used"
        return f"{text}. {self.device.note}" if self.device.note else text

    def close(self) -> None:
        """Unload everything; waits for the borrower."""
        with self._door.entered():
            self._room.close()
            self._sharing.close()

    def _enter(self, inside: ExitStack, model: Model, say: Say, *, beside: bool) -> LoadedModel:
        """Come in and have the model loaded: beside others where all of it is on the device, else alone.

        A model is loaded by one who is alone, so that whatever makes room for it can go. Where it has to be offloaded,
        its parts come and go, for one borrower at a time.
        """
        place = inside.enter_context(self._door.entered(lambda: beside and self._resident(model)))
        loaded = self._room.loaded_models.get(model) if place.is_shared else None
        if loaded is not None:  # nothing has to be waited for
            return loaded
        loaded = self.aside(lambda: self._loaded_model(model, say))
        if beside and loaded.offload == "none":
            self._door.share(place)
        elif place.is_shared:  # it was unloaded and loaded again meanwhile
            inside.close()
            return self._enter(inside, model, say, beside=False)
        return loaded

    def _resident(self, model: Model) -> bool:
        """Whether all of the model is on the device."""
        loaded = self._room.loaded_models.get(model)
        return loaded is not None and loaded.offload == "none"

    def _lease(self, loaded: LoadedModel, first: Task, seat: Seat | None) -> PipelineLease:
        self._room.loaded_models.pop(loaded.model, None)  # the last one is the most recently used
        self._room.loaded_models[loaded.model] = loaded
        pipe = self.within(loaded.model.name, lambda: pipe_for(loaded, first, self.device, seat=seat))
        aside = seat.aside if seat else self.aside
        shows = self.settings.output_check != "strict"
        lease = PipelineLease(loaded, first, pipe, self.device, seat=seat, aside=aside, shows=shows)
        lease.end = partial(self._take_back, lease)
        self._room.leases.append(lease)
        return lease

    def _take_back(self, lease: PipelineLease) -> None:
        self._room.leases.remove(lease)
        self._keep(lease, frozenset())
        # A pipeline does this at its natural end only; an error or a stop in a step passes it by.
        lease.pipe.maybe_free_model_hooks()

    def _keep(self, lease: PipelineLease, beside: frozenset[str]) -> None:
        """Let nothing of what a lease, or another one, uses beside the model be unloaded."""
        lease.beside = beside
        self._room.aux_models.in_use = beside.union(*(one.beside for one in self._room.leases))

    def _loaded_model(self, model: Model, say: Say) -> LoadedModel:
        loaded = self._room.loaded_models.pop(model, None) or self._load(model, say)
        self._room.loaded_models[model] = loaded
        return loaded

    def _network(self, controlnet: ControlNet, loaded: LoadedModel, say: Say) -> Any:
        """Return the ControlNet or IP-Adapter on the device, loading it first; ModelError where it does not fit."""
        model, dtype = loaded.model, self.dtype(loaded.model)
        self._controlnets.check_fit(controlnet, model, self._catalogue.location(model))

        def loader() -> Any:
            say(Loading(f"Loading {controlnet.name} ..."))
            load = ip_adapters.load if controlnet.is_prompt else nets.load
            loaded = load(controlnet, self._controlnets, dtype)
            return loaded.to(self.device.torch_device)

        numbers = self._controlnets.numbers(controlnet) - self._controlnets.encoder_numbers(controlnet)
        network = self._room.aux_models.load(_aux_key(controlnet), controlnet.name, loader, numbers * dtype.itemsize)
        if isinstance(network, IpAdapter):
            network.check_fit(controlnet, loaded.pipe.unet)
        else:
            nets.check_sides(controlnet, network, loaded.model, loaded.pipe)
        return network

    def _encoder(self, adapter: ControlNet, loaded: LoadedModel, say: Say) -> Any:
        """Return the image encoder of a loaded IP-Adapter, on the device."""
        folder, dtype = self._controlnets.encoder(adapter), self.dtype(loaded.model)

        def loader() -> Any:
            say(Loading(f"Loading the image encoder of {adapter.name} ..."))
            return ip_adapters.load_encoder(adapter, folder, dtype).to(self.device.torch_device)

        needed = self._controlnets.encoder_numbers(adapter) * dtype.itemsize
        return self._room.aux_models.load(
            f"image encoder: {folder}", f"the image encoder of {adapter.name}", loader, needed
        )

    def _seen(self, adapter: ControlNet, network: IpAdapter, picture: Image, loaded: LoadedModel, say: Say) -> Any:
        """Encode a picture for an IP-Adapter."""
        encoder = self._encoder(adapter, loaded, say)
        return self.within(adapter.name, lambda: network.sees(encoder, picture))

    def _load(self, model: Model, say: Say) -> LoadedModel:
        family, dtype = model.family_facts(), self.dtype(model)
        weights = self._catalogue.numbers(model) * dtype.itemsize
        # All of it passes through the computer's memory, and stays there as far as the device is too small.
        self._room.evict(weights + max(_working(model, dtype.itemsize, dtype.itemsize)), weights)
        pipe = self.within(model.name, lambda: load(model, self._catalogue, dtype))
        safety_checker = safety.load(model, self._catalogue, self.settings)
        parts = {name: memory.bytes_of(part) for name, part in modules(pipe).items()}
        colours = family.preview or fit_colours(pipe.vae)
        loaded = LoadedModel(
            model, pipe, parts, colours, "none", "", safety_checker, Prompts(model, self.prompt_assets)
        )
        self._place_loaded(loaded, say)
        return loaded

    def _place_loaded(self, loaded: LoadedModel, say: Say) -> None:
        """Place a loaded model on the device, or offload it where memory or the settings ask for it."""
        model, pipe, parts, free = loaded.model, loaded.pipe, loaded.parts, self._room.free()
        loaded.offload = self._offload(loaded, free)
        loaded.words = memory.words(loaded.offload, parts, free)
        lease = PipelineLease(loaded, _first(model), pipe, self.device)
        self._room.leases.append(lease)
        try:
            self.within(model.name, lambda: place(pipe, loaded.offload, self.device))
        finally:
            self._room.leases.remove(lease)
        if loaded.offload != "none":
            say(Loading(f"{model.name} {loaded.words}."))

    def _offload(self, loaded: LoadedModel, free: int) -> memory.Offload:
        if self.settings.offload != "auto" and self.device.kind != "cpu":
            return self.settings.offload
        numbers = loaded.pipe.vae.dtype.itemsize
        working = _working(
            loaded.model, numbers, 4 if upcasts(loaded.pipe.vae, loaded.model.family_facts()) else numbers
        )
        return memory.choose_offload(loaded.parts, *working, free, self.device.kind)


def _working(model: Model, denoised: int, decoded: int) -> tuple[int, int]:
    """The bytes that denoising and decoding an image of the model's native size need, at so many bytes a number."""
    size = int(model.default("width")), int(model.default("height"))
    return memory.denoising_bytes(*size, denoised), memory.decoding_bytes(*size, decoded)


def _aux_key(controlnet: ControlNet) -> str:
    return f"controlnet: {controlnet.id}"


def _first(model: Model) -> Task:
    return next(iter(model.family_facts().pipelines))


def _check_task(model: Model, task: Task) -> None:
    pipelines = model.family_facts().pipelines
    if task not in pipelines:
        raise InvalidRecipe("model", f"{model.name} cannot do {task}.", f"It can do {', '.join(pipelines)}.")


def _silent(event: Loading) -> None:
    del event
