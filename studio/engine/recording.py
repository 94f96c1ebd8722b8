"""What one picture asks of diffusers, without making it: the pipeline, its scheduler, all that its call is given."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from safetensors.torch import save_file

from studio.catalogue.lora_names import DENOISER
from studio.catalogue.models import Model
from studio.engine import schedulers, tasks
from studio.engine.changes import Change
from studio.engine.checks import check
from studio.engine.denoise import conditioning_of, guidance_of, taken
from studio.engine.layer_names import component_of
from studio.engine.lease import PipelineLease
from studio.engine.manager import PipelineManager
from studio.engine.maps import with_maps
from studio.engine.noise import Noise
from studio.engine.requests import Denoise, Expect, LatentRow, Note, Pass, Work
from studio.engine.running import Running
from studio.engine.tasks import inpaint
from studio.engine.tasks.context import TaskContext
from studio.errors import InvalidRecipe
from studio.events import Event
from studio.inputs import InputStore
from studio.recipe import InpaintRecipe, PaintedRecipe
from studio.resolve.prompts import read

CURE = "Only what one call of a pipeline does can be written as a script."


@dataclass(frozen=True, eq=False)
class Recording:
    """One picture as one call of diffusers.

    `arguments` are plain values, `words` the tensors of prompts that the pipeline does not read itself, None where it
    does. `start`, `mask` and `maps` are what it is shown. `layers` are the changes of LoRAs by layer of the
    denoiser. `size` is cut out of what comes; with a `canvas`, what comes is laid over that, at `view`.
    """

    model: Model
    recipe: PaintedRecipe
    pipeline: str
    scheduler: Mapping[str, Any]
    dtype: str
    device: str
    arguments: Mapping[str, Any]
    words: Mapping[str, torch.Tensor] | None
    start: Image | None
    mask: Image | None
    maps: Sequence[Image]
    layers: Mapping[str, Sequence[Change]]
    size: tuple[int, int]
    canvas: inpaint.Canvas | None = None
    view: inpaint.View | None = None

    def save_words(self, path: Path) -> None:
        """Write the tensors of the prompts."""
        save_file({name: value.contiguous().cpu() for name, value in (self.words or {}).items()}, path)

    def save_layers(self, path: Path) -> None:
        """Write what LoRAs add: `layer/number/kind/tensor` and `scale` for each change, in their order."""
        tensors: dict[str, torch.Tensor] = {}
        for layer, changes in self.layers.items():
            for number, change in enumerate(changes):
                parts = {one.name: torch.as_tensor(getattr(change, one.name)) for one in fields(change)}
                parts["scale"] = torch.tensor(change.scale, dtype=torch.float64)
                place = f"{layer}/{number}/{type(change).__name__}"
                tensors |= {f"{place}/{name}": value.contiguous().cpu() for name, value in parts.items()}
        save_file(tensors, path)


def record(manager: PipelineManager, recipe: PaintedRecipe, inputs: InputStore) -> Recording:
    """What the recipe asks of its model, which is loaded for it; InvalidRecipe where one call cannot say it."""
    model = manager.assets.catalogue[recipe.model]
    with manager.borrow(model) as lease:
        check(lease, recipe, manager.prompt_assets)
        mapped = with_maps(recipe, inputs, manager.estimator_context(model))
        context = TaskContext.of(mapped, manager.assets, inputs)
        manager.attach_controls(lease, mapped, _nobody, context.looks)
        manager.apply_loras(lease, mapped, _nobody)
        manager.decode_by(lease, mapped, _nobody)
        return _recorded(manager, lease, context)


def _recorded(manager: PipelineManager, lease: PipelineLease, context: TaskContext) -> Recording:
    recipe, request = context.recipe, _request(context)
    (row,), pass_ = request.rows, request.pass_
    pipe, family = lease.turn_to(pass_.task), context.family
    pipe.scheduler = schedulers.build(recipe.scheduler, lease.loaded.pipe.scheduler.config, family)
    conditioning = conditioning_of(lease, pipe, request)
    if not conditioning.is_plain:
        raise InvalidRecipe("prompt", "The prompt changes on the way, or mixes several.", CURE)
    words = {name: value for name, value in conditioning.arguments.items() if value is not None}
    plain = not conditioning.lines and not (lease.loras and lease.loras.reads)
    canvas, view = _answered(inpaint.layout(context, recipe)) if isinstance(recipe, InpaintRecipe) else (None, None)
    return Recording(
        model=context.model,
        recipe=recipe,
        pipeline=type(pipe).__name__,
        scheduler=schedulers.described(pipe.scheduler),
        dtype=str(manager.dtype(context.model)).removeprefix("torch."),
        device=lease.device.kind,
        arguments={
            "num_inference_steps": pass_.steps,
            "guidance_scale": guidance_of(request.model, recipe),
            **taken(pipe, pass_, recipe),
            **(_prompts(manager, pipe, context, pass_) if plain else {}),
        },
        words=None if plain else words,
        start=row.start if isinstance(row.start, Image) else None,
        mask=row.mask,
        maps=row.maps,
        layers=_layers(lease, pipe),
        size=(recipe.width or pass_.width, recipe.height or pass_.height),
        canvas=canvas,
        view=view,
    )


def _request(context: TaskContext) -> Denoise:
    """The first thing that the recipe's task asks of the denoiser."""
    render = _answered(tasks.of(context))
    row = Running(partial(render, LatentRow(0, Noise.of(context.recipe))))
    while isinstance(row.request, Note):
        row.answer()
    request = row.request
    row.close()
    if not isinstance(request, Denoise):
        raise InvalidRecipe("strength", "The strength is too low for a single step.", "Raise it.")
    return request


def _prompts(manager: PipelineManager, pipe: Any, context: TaskContext, pass_: Pass) -> dict[str, Any]:
    """The prompts as the pipeline reads them by itself."""
    _, plans = read(context.recipe, context.model, manager.prompt_assets, pass_.steps, pass_.done)
    prompt, negative = (plan.strands[0].stages[0].text for plan in plans)
    offered: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative or None}
    if not context.family.weighs_words:
        offered["max_sequence_length"] = int(context.model.default("prompt_tokens")) + 1
    takes = inspect.signature(type(pipe).__call__).parameters
    return {name: value for name, value in offered.items() if name in takes}


def _answered(work: Work[Any]) -> Any:
    """What a task returns that only says something on its way."""
    running: Running[Any] = Running(lambda: work)
    while isinstance(running.request, Expect | Note):
        running.answer()
    if not running.done:
        running.close()
        raise InvalidRecipe("upscaler", "The picture is enlarged by a network on the way.", CURE)
    return running.result


def _layers(lease: PipelineLease, pipe: Any) -> dict[str, Sequence[Change]]:
    """What LoRAs add to each layer of the denoiser, at their weights."""
    if lease.loras is None:
        return {}
    if any(lora.start > 0 or lora.end < 1 for lora in lease.loras.loras):
        raise InvalidRecipe("loras", "A LoRA is on for a part of the steps alone.", CURE)
    like = next(component_of(pipe, DENOISER).parameters())
    return {name: added.made(like) for name, added in lease.loras.layers(pipe).get(DENOISER, {}).items()}


def _nobody(event: Event) -> None:
    del event
