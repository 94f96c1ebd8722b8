"""What is made by both sides: a picture for each task that a model can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageDraw

from studio.catalogue.controlnets import ControlNet
from studio.catalogue.models import Model
from studio.controls import CONTROLS
from studio.controls.base import EstimatorContext
from studio.errors import InvalidRecipe, NotDownloaded
from studio.recipe import Recipe
from studio.resolve.controls import READY
from studio.schedulers import SCHEDULERS
from studio.studio import Studio

Sort = Literal["text2img", "img2img", "inpaint", "control"]
TASKS: tuple[Sort, ...] = ("text2img", "img2img", "inpaint")
PROMPT = "a red house by the sea"
SEED = 7
NO_CONTROLNET = "There is no ControlNet for it here that can be compared: name one by --controlnet."


@dataclass(frozen=True)
class Case:
    """One picture to be made twice: the studio's recipe, and what bare diffusers is told for the same.

    `pictures` and `arguments` are of the pipeline's call; `ours` and `bare` are where the two pictures go. The task
    "control" is text to image along a map, by the ControlNet `network`: its class, folder and variant.
    """

    task: Sort
    recipe: Recipe
    pipeline: str
    scheduler: str
    scheduler_options: dict[str, Any]
    arguments: dict[str, Any]
    pictures: dict[str, str]
    seed: int
    ours: str
    bare: str
    network: dict[str, Any] | None = None


@dataclass(frozen=True)
class Along:
    """A ControlNet to follow, and a ready-made map; without one, the map is the edges of a picture."""

    network: ControlNet
    map: Path | None = None


def along(studio: Studio, model: Model, name: str | None = None, map: Path | None = None) -> Along | None:  # noqa: A002
    """The ControlNet of this name, else the first that fits the model and is here; None where there is none.

    InvalidRecipe, ModelError where the one that is named cannot be held against bare diffusers.
    """
    known, place = studio.controlnets, studio.catalogue.location(model)
    if name is None:
        fitting = (known[one] for one in known.fitting(model.family, place=place))
        found = next((one for one in fitting if known.present(one) and not _not_by_itself(one)), None)
    else:
        found = known[name]
        if why := _not_by_itself(found):
            raise InvalidRecipe("controls", f"{found.name} cannot be compared: {why}.", "Name another ControlNet.")
        known.check_fit(found, model, place)
    return Along(found, map) if found and "text2img" in model.family_facts().control_pipelines else None


def _not_by_itself(network: ControlNet) -> str:
    """Why bare diffusers, as anybody calls it, does not do the same by a network; empty where it does."""
    if network.is_prompt:
        return "it reads pictures, and follows no map"
    if network.single_file:
        return "diffusers asks the hub for the configs of a single file"
    return "it is told more of a map than diffusers tells it" if network.modes or network.reads else ""


def tasks_of(model: Model, wanted: Sequence[Sort] = (), follow: Along | None = None) -> tuple[Sort, ...]:
    """What the model can do, or of that what is wanted; InvalidRecipe where it cannot do one."""
    can = tuple(task for task in TASKS if task in model.family_facts().pipelines)
    if follow:
        can = (*can, "control")
    for task in wanted:
        if task not in can:
            cure = f"It can do {', '.join(can)}."
            raise InvalidRecipe("tasks", f"{model.name} cannot do {task}.", cure if task in TASKS else NO_CONTROLNET)
    return tuple(wanted) or can


def cases(
    studio: Studio,
    model: Model,
    out: Path,
    offload: str,
    wanted: Sequence[Sort],
    follow: Along | None = None,
    **given: Any,
) -> list[Case]:
    """The cases of one offload; `given` are settings of the recipe, such as steps, for all of them."""
    tasks = tasks_of(model, wanted, follow)
    return [_case(studio, model, out, f"{offload}-{task}", task, follow, given) for task in tasks]


def _case(
    studio: Studio, model: Model, out: Path, name: str, task: Sort, follow: Along | None, given: dict[str, Any]
) -> Case:
    values = {"prompt": PROMPT, "model": model.id, "seed": SEED, **given}
    pictures: dict[str, str] = {}
    controlled = follow if task == "control" else None
    size = tuple(int(given.get(name) or model.default(name)) for name in ("width", "height"))
    if controlled:
        pictures = {"map": _map(studio, out, size, controlled.map)}
        values |= {"controls": [_unit(studio, controlled.network, Path(pictures["map"]))]}
    elif task != "text2img":
        pictures = _pictures(out, size, masked=task == "inpaint")
        values |= {"init_image": studio.inputs.add(Path(pictures["image"])).id, "resize": "crop"}
    if task == "inpaint":
        # Whole and hard-edged, because bare diffusers knows nothing else.
        values |= {"mask_image": studio.inputs.add_mask(Path(pictures["mask_image"])).id, "mask_area": "whole"}
        values |= {"mask_fill": "original", "mask_blur": 0, "mask_grow": 0}
    (recipe,) = studio.resolve(Recipe.make(**values))
    row = SCHEDULERS[str(recipe.scheduler)]
    family = model.family_facts()
    return Case(
        task=task,
        recipe=recipe,
        pipeline=family.control_pipelines["text2img"] if task == "control" else family.pipelines[task],
        scheduler=row.diffusers,
        scheduler_options=dict(row.options),
        arguments=_arguments(model, recipe),
        pictures=pictures,
        seed=SEED,
        ours=str(out / f"{name}-studio.png"),
        bare=str(out / f"{name}-diffusers.png"),
        network=None if controlled is None else {"class": controlled.network.network, "id": controlled.network.id},
    )


def network_source(studio: Studio, case: Case) -> dict[str, Any] | None:
    """Where bare diffusers finds a case's ControlNet, and its class; ModelError where it is not here."""
    if case.network is None:
        return None
    network = studio.controlnets[case.network["id"]]
    place = studio.controlnets.place(network)
    return {"class": case.network["class"], "folder": str(place), "variant": network.variant}


def _map(studio: Studio, out: Path, size: tuple[int, ...], given: Path | None) -> str:
    """The map to follow, of this size, as a file in `out`."""
    if given:
        made = studio.inputs.open(studio.inputs.add(given).id).resize((size[0], size[1]))
    else:
        with Image.open(_pictures(out, size, masked=False)["image"]) as picture:
            made = CONTROLS["canny"].map(picture, {}, EstimatorContext(studio.settings))
    made.save(out / "map.png")
    return str(out / "map.png")


def _unit(studio: Studio, network: ControlNet, place: Path) -> dict[str, Any]:
    kind = "canny" if network.follows("canny") else READY
    return {"kind": kind, "map": studio.inputs.add(place).id, "model": network.id}


def _arguments(model: Model, recipe: Recipe) -> dict[str, Any]:
    family = model.family_facts()
    guidance = recipe.guidance_scale
    arguments: dict[str, Any] = {
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
        arguments["max_sequence_length"] = model.default("prompt_tokens") + 1
    return {name: value for name, value in arguments.items() if value is not None}


def _pictures(out: Path, size: tuple[int, ...], *, masked: bool) -> dict[str, str]:
    """A picture to start from, and the middle of it as a mask, as files in `out`."""
    width, height = size
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height * 2 // 3, width, height), "#3a7d44")
    draw.ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), "#c0392b")
    places = {"image": out / "given.png"}
    picture.save(places["image"])
    if masked:
        mask = Image.new("L", (width, height))
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
        return {"file": str(model.file), "config": str(studio.catalogue.config(model))}
    return {"folder": str(place), "variant": model.variant}
