"""Hosted models as the form sees them: which it offers, what of it they take, and what a picture costs at most."""

import time
from collections.abc import Iterator
from datetime import date

from studio.candidates.making import usual
from studio.catalogue.models import Model
from studio.errors import StudioError
from studio.families.base import Family, Signature
from studio.hosted.models import HostedEndpoint, is_hosted, joined, parted
from studio.recipe import Recipe, Setting, Task, setting_specs
from studio.resolve.hosted import TAKEN
from studio.studio import Studio

TASKS: dict[Task, str] = {"text2img": "", "img2img": "edit", "inpaint": "mask"}
# How many pictures a task sends, those that are not chosen yet among them.
PICTURES: dict[Task, int] = {"img2img": 1, "inpaint": 2}


class HostedChoice(Model):
    """A hosted model in the place of one of this machine."""

    endpoint: HostedEndpoint

    @property
    def untaken(self) -> frozenset[str]:
        """The settings of a recipe that mean nothing to it."""
        return frozenset(setting_specs()) - TAKEN - self.endpoint.model.takes

    def family_facts(self) -> Family:
        sides = [side for size in self.endpoint.sizes for side in size] or [256, 4096]
        return Family(
            name="Hosted",
            pipelines=dict.fromkeys(_tasks(self.endpoint), ""),
            signature=Signature(""),
            native_side=1024,
            scheduler="Euler",
            steps=1,
            guidance_scale=1.0,
            prompt_tokens=4000,
            multiple=1,
            min_side=min(sides),
            max_side=max(sides),
            abilities=frozenset(one.ability for one in _taken(self.endpoint) if one.ability),
        )

    def default(self, name: str) -> object:
        if name in ("width", "height") and self.endpoint.sizes:
            return self.endpoint.sizes[0][name == "height"]
        if name in self.endpoint.model.defaults:
            return self.endpoint.model.defaults[name]
        return getattr(self.family_facts(), name) if name not in ("width", "height", "draft_steps") else 1024


def choice(studio: Studio, name: str) -> HostedChoice:
    """The hosted model of this name; StudioError where there is none."""
    model, own = parted(name)
    endpoint = studio.hosted.models[model]
    endpoint.model.chosen(own)
    label = ", ".join([endpoint.label, *own.values()])
    return HostedChoice.model_construct(id=name, name=label, family="hosted", endpoint=endpoint)


def offered(studio: Studio, task: Task | None, chosen: str | None) -> list[tuple[str, str]]:
    """Words and name of each hosted model that can do the task and is not shut down, by quality; and the chosen one."""
    found = {name: choice(studio, name) for name in _names(studio, task)}
    if is_hosted(chosen) and chosen not in found and chosen not in studio.catalogue:
        found[str(chosen)] = choice(studio, str(chosen))
    return [(f"{one.name} · hosted by {one.endpoint.place}", name) for name, one in found.items()]


def price(studio: Studio, recipe: Recipe, task: Task) -> str:
    """What pictures of this recipe cost at most, and what is left for today; empty where the model is not hosted."""
    if not studio.is_hosted(recipe):
        return ""
    try:
        cost = studio.image_usd(recipe, PICTURES.get(task, 0))
    except StudioError:
        cost = None  # what is wrong is said where it is asked for
    left = studio.hosted.budget.left()
    today = "" if left is None else f" ${left:.2f} are left for today."
    if cost is None:
        return f"The price is unknown.{today}"
    several = usual(recipe).count
    also = f", ${cost * several:.3f} for {several} candidates" if several > recipe.count else ""
    return f"At most ${cost * recipe.count:.3f} for {_counted(recipe.count)}{also}.{today}"


def _names(studio: Studio, task: Task | None) -> Iterator[str]:
    today = date.fromtimestamp(time.time())  # noqa: DTZ012 - the creator's own day
    for endpoint in studio.hosted.models.endpoints():
        if endpoint.model.retired(today) or (task and task not in _tasks(endpoint)):
            continue
        qualities = endpoint.model.settings.get("quality", ())
        yield from [joined(endpoint.name, {"quality": one}) for one in qualities] or [endpoint.name]


def _taken(endpoint: HostedEndpoint) -> Iterator[Setting]:
    return (setting for name, setting in setting_specs().items() if name in endpoint.model.takes)


def _tasks(endpoint: HostedEndpoint) -> list[Task]:
    return [task for task, ability in TASKS.items() if not ability or ability in endpoint.model.abilities]


def _counted(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
