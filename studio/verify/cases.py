"""What is made by both sides: a picture for each task that a model can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from studio.catalogue.models import Model
from studio.errors import InvalidRecipe, NotDownloaded
from studio.recipe import Recipe, Task
from studio.schedulers import SCHEDULERS
from studio.studio import Studio

TASKS: tuple[Task, ...] = ("text2img", "img2img", "inpaint")
PROMPT = "a red house by the sea"
SEED = 7


@dataclass(frozen=True)
class Case:
    """One picture to be made twice: the studio's recipe, and what bare diffusers is told for the same.

    `pictures` and `arguments` are of the pipeline's call; `ours` and `bare` are where the two pictures go.
    """

    task: Task
    recipe: Recipe
    pipeline: str
    scheduler: str
    scheduler_options: dict[str, Any]
    arguments: dict[str, Any]
    pictures: dict[str, str]
    seed: int
    ours: str
    bare: str


def tasks_of(model: Model, wanted: Sequence[Task] = ()) -> tuple[Task, ...]:
    """What the model can do, or of that what is wanted; InvalidRecipe where it cannot do one."""
    can = tuple(task for task in TASKS if task in model.family_facts().pipelines)
    for task in wanted:
        if task not in can:
            raise InvalidRecipe("tasks", f"{model.name} cannot do {task}.", f"It can do {', '.join(can)}.")
    return tuple(wanted) or can


def cases(studio: Studio, model: Model, out: Path, offload: str, wanted: Sequence[Task], **given: Any) -> list[Case]:
    """The cases of one offload; `given` are settings of the recipe, such as steps, for all of them."""
    return [_case(studio, model, out, f"{offload}-{task}", task, given) for task in tasks_of(model, wanted)]


def _case(studio: Studio, model: Model, out: Path, name: str, task: Task, given: dict[str, Any]) -> Case:
    asked = {"prompt": PROMPT, "model": model.id, "seed": SEED, **given}
    pictures: dict[str, str] = {}
    if task != "text2img":
        width, height = (int(given.get(name) or model.default(name)) for name in ("width", "height"))
        pictures = _pictures(out, (width, height), masked=task == "inpaint")
        asked |= {"init_image": studio.inputs.add(Path(pictures["image"])).id, "resize": "crop"}
    if task == "inpaint":
        # Whole and hard-edged, because bare diffusers knows nothing else.
        asked |= {"mask_image": studio.inputs.add_mask(Path(pictures["mask_image"])).id, "mask_area": "whole"}
        asked |= {"mask_fill": "original", "mask_blur": 0, "mask_grow": 0}
    (recipe,) = studio.settle(Recipe.make(**asked))
    row = SCHEDULERS[str(recipe.scheduler)]
    return Case(
        task=task,
        recipe=recipe,
        pipeline=model.family_facts().pipelines[task],
        scheduler=row.diffusers,
        scheduler_options=dict(row.options),
        arguments=_arguments(model, recipe),
        pictures=pictures,
        seed=SEED,
        ours=str(out / f"{name}-studio.png"),
        bare=str(out / f"{name}-diffusers.png"),
    )


def _arguments(model: Model, recipe: Recipe) -> dict[str, Any]:
    family = model.family_facts()
    guidance = recipe.guidance_scale
    told: dict[str, Any] = {
        "prompt": recipe.prompt,
        "negative_prompt": recipe.negative_prompt or None,
        "width": recipe.width,
        "height": recipe.height,
        "num_inference_steps": recipe.steps,
        # Left out, a pipeline takes a default that a model without guidance was not made for.
        "guidance_scale": 1.0 if guidance is None else guidance,
        "strength": recipe.strength,
        "image_guidance_scale": recipe.image_guidance_scale,
    }
    if not family.weighs_words:
        told["max_sequence_length"] = model.default("prompt_tokens") + 1
    return {name: value for name, value in told.items() if value is not None}


def _pictures(out: Path, size: tuple[int, int], *, masked: bool) -> dict[str, str]:
    """A picture to start from, and the middle of it as a mask, as files in `out`."""
    width, height = size
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height * 2 // 3, width, height), "#3a7d44")
    draw.ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), "#c0392b")
    places = {"image": out / "given.png"}
    picture.save(places["image"])
    if masked:
        mask = Image.new("L", size)
        mask.paste(255, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
        places["mask_image"] = out / "mask.png"
        mask.save(places["mask_image"])
    return {name: str(place) for name, place in places.items()}


def source(studio: Studio, model: Model) -> dict[str, Any]:
    """Where bare diffusers finds the weights; ModelError where they are not on this disk."""
    place = studio.catalogue.location(model)
    if place is None:
        raise NotDownloaded(f"{model.name} is not on this disk.", "The studio fetches it first: see what it said.")
    if model.file:
        return {"file": str(model.file), "config": str(model.config)}
    return {"folder": str(place), "variant": model.variant}
