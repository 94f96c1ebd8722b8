"""What one picture asks of diffusers, without making it: each pipeline, its scheduler, all that its call is given."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file

from studio.catalogue.lora_names import DENOISER
from studio.catalogue.models import Model
from studio.engine import masking, schedulers, tasks
from studio.engine.changes import Change
from studio.engine.checks import check, check_second
from studio.engine.conditioning import Conditioning
from studio.engine.denoise import conditioning_of, guidance_of, schedule, taken
from studio.engine.layer_names import component_of
from studio.engine.lease import PipelineLease
from studio.engine.manager import PipelineManager
from studio.engine.maps import with_maps
from studio.engine.noise import Noise
from studio.engine.requests import Decode, Denoise, Enlarge, LatentRow, Pass, RenderRow, Request, Work
from studio.engine.running import Running
from studio.engine.tasks import inpaint
from studio.engine.tasks.context import TaskContext
from studio.errors import InvalidRecipe
from studio.events import Event, Loading
from studio.inputs import InputStore
from studio.recipe import LATENT, InpaintRecipe, PaintedRecipe, TwoPassRecipe
from studio.resolve.prompts import read

# Which of a recipe's LoRAs with steps of their own are on: a sign for each, "1" or "0".
Active = str
Layers = Mapping[str, Sequence[Change]]


@dataclass(frozen=True, eq=False)
class Call:
    """One pass through diffusers: a call of a pipeline, or one for each of several `rows`, which are tiles.

    `arguments` are plain values. `conditioning` is what text encoders made of the prompts, None where the pipeline
    reads them itself. `looks` are what it is given of the image prompts' pictures. `layers` are the changes of LoRAs
    by layer of the denoiser, for each state of those that are on for a part of the steps. A side of a latent is that of
    the picture by `latent_scale`.
    """

    model: Model
    recipe: PaintedRecipe
    pass_: Pass
    pipeline: str
    scheduler: Mapping[str, Any]
    dtype: str
    arguments: Mapping[str, Any]
    conditioning: Conditioning | None
    rows: Sequence[LatentRow]
    looks: Sequence[torch.Tensor]
    layers: Mapping[Active, Layers]
    latent_scale: int

    def save_words(self, path: Path) -> None:
        """Write the tensors of the prompts: the call's arguments, and what replaces them at later steps."""
        if self.conditioning:
            tensors = {name: one for name, one in self.conditioning.arguments.items() if one is not None}
            if not self.conditioning.is_plain:
                tensors |= dict(_stages(self.conditioning))
            save_file({name: value.contiguous().clone().cpu() for name, value in tensors.items()}, path)

    def save_looks(self, path: Path) -> None:
        """Write what the image prompts are, by their numbers."""
        save_file({str(number): one.contiguous().cpu() for number, one in enumerate(self.looks)}, path)

    def save_layers(self, path: Path) -> None:
        """Write what LoRAs add: `active/layer/number/kind/tensor` and `scale` for each change, in their order."""
        tensors: dict[str, torch.Tensor] = {}
        for active, layers in self.layers.items():
            for layer, changes in layers.items():
                for number, change in enumerate(changes):
                    parts = {one.name: torch.as_tensor(getattr(change, one.name)) for one in fields(change)}
                    parts["scale"] = torch.tensor(change.scale, dtype=torch.float64)
                    place = f"{active}/{layer}/{number}/{type(change).__name__}"
                    tensors |= {f"{place}/{name}": value.contiguous().clone().cpu() for name, value in parts.items()}
        save_file(tensors, path)


@dataclass(frozen=True)
class Enlarged:
    """What was made so far, brought to a size (width, height) by an upscaler."""

    upscaler: str
    size: masking.Size


@dataclass(frozen=True, eq=False)
class Recording:
    """One picture as what diffusers is asked for in order; `size` is cut out of what comes.

    `tiled` is what tiles cover. With a `canvas`, what comes is laid over that, at `view`.
    """

    device: str
    steps: Sequence[Call | Enlarged]
    size: masking.Size
    tiled: masking.Size = (0, 0)
    canvas: inpaint.Canvas | None = None
    view: inpaint.View | None = None


def record(manager: PipelineManager, recipe: PaintedRecipe, inputs: InputStore) -> Recording:
    """What the recipe asks of its models, which are loaded for it; InvalidRecipe where it asks nothing of them."""
    recorder = _Recorder(manager, inputs)
    picture = recorder.run(recipe)
    calls = sum(isinstance(step, Call) for step in recorder.steps)
    if not calls:
        raise InvalidRecipe("strength", "The strength is too low for a single step.", "Raise it.")
    if calls == 1 and isinstance(recipe, TwoPassRecipe) and recipe.hires.upscaler == LATENT:
        raise InvalidRecipe("hires_strength", "The second strength is too low for a single step.", "Raise it.")
    canvas, view = recorder.laid(recipe)
    facts = manager.assets.catalogue[recipe.model].family_facts()
    tiled = masking.divisible_size(picture.size, facts.multiple, facts.min_side)
    return Recording(manager.device.kind, recorder.steps, view.size if view else picture.size, tiled, canvas, view)


class _Recorder:
    """Runs a task by answering what it asks for with blank pictures, and notes what it asked."""

    def __init__(self, manager: PipelineManager, inputs: InputStore) -> None:
        self.steps: list[Call | Enlarged] = []
        self._manager = manager
        self._inputs = inputs
        self._context: TaskContext | None = None

    def run(self, recipe: PaintedRecipe) -> Image.Image:
        """The blank picture that comes of it."""
        with self._manager.borrow(self._manager.assets.catalogue[recipe.model]) as lease:
            check(lease, recipe, self._manager.prompt_assets)
            mapped = with_maps(recipe, self._inputs, self._manager.estimator_context(lease.loaded.model))
            context = self._context = TaskContext.of(mapped, self._manager.assets, self._inputs)
            self._put_on(lease, context)
            render: RenderRow = self._done(tasks.of(context))
            picture = Running(partial(render, LatentRow(0, Noise.of(context.recipe))))
            self._go_on(picture, lease)
        if not picture.done and context.second:
            with self._manager.borrow(context.second.model) as lease:
                check_second(lease, context.second.recipe, self._manager.prompt_assets)
                self._put_on(lease, context.second)
                self._go_on(picture, lease)
        return picture.result

    def laid(self, recipe: PaintedRecipe) -> tuple[inpaint.Canvas | None, inpaint.View | None]:
        """What of the canvas an inpainting changes."""
        if not (isinstance(recipe, InpaintRecipe) and self._context):
            return None, None
        found: tuple[inpaint.Canvas, inpaint.View] = self._done(inpaint.layout(self._context, recipe))
        return found

    def _put_on(self, lease: PipelineLease, context: TaskContext) -> None:
        self._manager.attach_controls(lease, context.recipe, _nobody, context.looks)
        self._manager.apply_loras(lease, context.recipe, _nobody)
        self._manager.decode_by(lease, context.recipe, _nobody)

    def _done(self, work: Work[Any]) -> Any:
        """What a task returns that makes no picture yet; what it enlarges is enlarged."""
        running: Running[Any] = Running(lambda: work)
        while running.request is not None:
            running.answer(self._enlarged(running.request) if isinstance(running.request, Enlarge) else None)
        return running.result

    def _enlarged(self, request: Enlarge) -> Image.Image:
        return self._manager.upscalers.enlarge(request.upscaler, request.picture, request.size, lambda *_: None)

    def _go_on(self, picture: Running[Image.Image], lease: PipelineLease) -> None:
        while picture.request is not None and picture.model in (None, lease.loaded.model):
            picture.answer(self._answer(picture.request, lease))

    def _answer(self, request: Request, lease: PipelineLease) -> object:
        match request:
            case Denoise():
                self.steps.append(_call(self._manager, lease, request))
                scale, pass_ = lease.pipe.vae_scale_factor, request.pass_
                return [torch.zeros(1, 1, pass_.height // scale, pass_.width // scale)] * len(request.rows)
            case Decode():
                return Image.new("RGB", (request.pass_.width, request.pass_.height))
            case Enlarge():
                self.steps.append(Enlarged(request.upscaler, request.size))
                return Image.new("RGB", request.size)
        return None


def _call(manager: PipelineManager, lease: PipelineLease, request: Denoise) -> Call:
    recipe, pass_ = request.recipe, request.pass_
    pipe = lease.turn_to(pass_.task)
    pipe.scheduler = schedulers.build(
        recipe.scheduler, lease.loaded.pipe.scheduler.config, request.model.family_facts()
    )
    conditioning = conditioning_of(lease, pipe, request)
    plain = not conditioning.lines and not (lease.loras and lease.loras.reads)
    return Call(
        model=request.model,
        recipe=recipe,
        pass_=pass_,
        pipeline=type(pipe).__name__,
        scheduler=schedulers.described(pipe.scheduler),
        dtype=str(manager.dtype(request.model)).removeprefix("torch."),
        arguments={
            **taken(pipe, pass_, recipe),
            **schedule(pass_, recipe),
            "guidance_scale": guidance_of(request.model, recipe),
            **(_prompts(manager, pipe, request) if plain else {}),
        },
        conditioning=None if plain else conditioning,
        rows=request.rows,
        looks=lease.image_prompts.arguments()["ip_adapter_image_embeds"] if lease.image_prompts else (),
        layers=_layers(lease, pipe, pass_),
        latent_scale=pipe.vae_scale_factor,
    )


def _prompts(manager: PipelineManager, pipe: Any, request: Denoise) -> dict[str, Any]:
    """The prompts as the pipeline reads them by itself."""
    model, pass_ = request.model, request.pass_
    _, plans = read(request.recipe, model, manager.prompt_assets, pass_.steps, pass_.done)
    prompt, negative = (plan.strands[0].stages[0].text for plan in plans)
    offered: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative or None}
    if not model.family_facts().weighs_words:
        offered["max_sequence_length"] = int(model.default("prompt_tokens")) + 1
    takes = inspect.signature(type(pipe).__call__).parameters
    return {name: value for name, value in offered.items() if name in takes}


def _stages(conditioning: Conditioning) -> Iterator[tuple[str, torch.Tensor]]:
    """What the prompts are at each of their stages: `line/stage/embeds` and `pooled`, of the negative one as well."""
    lines = {str(number): line for number, line in enumerate(conditioning.lines)}
    if conditioning.negative:
        lines["negative"] = conditioning.negative
    for name, line in lines.items():
        for stage, (_, embeds) in enumerate(line.reads):
            yield f"{name}/{stage}/embeds", embeds.embeds
            if embeds.pooled is not None:
                yield f"{name}/{stage}/pooled", embeds.pooled


def _layers(lease: PipelineLease, pipe: Any, pass_: Pass) -> dict[Active, Layers]:
    """What LoRAs add to each layer of the denoiser, at their weights, in each state that a step may have."""
    if lease.loras is None:
        return {}
    like, layers = next(component_of(pipe, DENOISER).parameters()), lease.loras.layers(pipe).get(DENOISER, {})
    found: dict[Active, Layers] = {}
    # Some schedulers ask the denoiser twice a step, except for the last.
    for steps in range(1, 2 * pass_.made + 1):
        for step in range(steps):
            active = lease.loras.weigh(step, steps)
            if active not in found:
                found[active] = {name: added.made(like) for name, added in layers.items()}
    return found


def _nobody(event: Event | Loading) -> None:
    del event
