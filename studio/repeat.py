"""The way that a picture went, for other pictures or other prompts: all as one job."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from studio.errors import InvalidRecipe, InvalidRequest, ModelError, NotFound, StudioError, Unreadable
from studio.events import Done
from studio.gate.identity import Identity
from studio.inputs import Input
from studio.jobs.job import Job
from studio.library.entry import Tree
from studio.metadata import own
from studio.recipe import ControlUnit, Recipe
from studio.resolve.sizes import open_size
from studio.studio import Studio

KIND = "repeat"
log = logging.getLogger(__name__)


def repeat(studio: Studio, recipes: Sequence[Recipe], who: Identity) -> Job:
    """The job of these recipes; StudioError as of `Studio.submit`, InvalidRequest where they are too many."""
    most = studio.settings.max_cells
    if len(recipes) > most:
        raise InvalidRequest(
            f"That makes {len(recipes)} pictures; one job of this kind may make {most}.",
            "Give fewer, or start the studio with STUDIO_MAX_CELLS set higher.",
        )
    return studio.submit(recipes, who, kind=KIND)


@dataclass(frozen=True)
class Plan:
    """What is to be done: the recipes of the first step, those after it, and the prompts that were and that are now."""

    recipes: Sequence[Recipe]
    later: Sequence[Recipe]
    before: str
    prompts: Sequence[str]

    def step(self, studio: Studio, number: int, made: Mapping[int, Path], who: Identity) -> dict[int, Recipe]:
        """The recipes of a later step, by the place of what each goes on from."""
        words = {place: (self.before, self.prompts[place]) for place in made}
        return {place: next_step(studio, self.later[number], path, words[place], who) for place, path in made.items()}


def plan(
    studio: Studio, steps: Sequence[Recipe], who: Identity, *, paths: Sequence[Path] = (), prompts: Sequence[str] = ()
) -> Plan:
    """The steps of a picture's way for other prompts, or else for these pictures; errors as of these two."""
    if prompts:
        return Plan(for_prompts(steps[0], prompts), steps[1:], steps[0].prompt, prompts)
    # Pictures take the place of what words alone made.
    steps = steps[1:] if is_of_words(steps[0]) and len(steps) > 1 else steps
    recipes = for_pictures(studio, steps[0], paths, who)
    return Plan(recipes, steps[1:], steps[0].prompt, [recipe.prompt for recipe in recipes])


def begin(studio: Studio, planned: Plan, who: Identity) -> Job:
    """The job of the first step; those of later steps follow it by themselves, each when the one before has ended."""
    job = repeat(studio, planned.recipes, who)
    if planned.later:
        threading.Thread(target=_go_on, args=(studio, planned, job, who), name="repeat", daemon=True).start()
    return job


def _go_on(studio: Studio, planned: Plan, job: Job, who: Identity) -> None:
    places = [*range(len(planned.recipes))]
    for number in range(len(planned.later)):
        *_, end = job.follow()
        made = {places[image.image]: image.path for image in job.results}
        if not isinstance(end, Done) or not made:
            return
        try:
            recipes = planned.step(studio, number, made, who)
            job = repeat(studio, [*recipes.values()], who)
        except StudioError as error:
            log.warning("The next step of a picture's way cannot be done: %s", error.sentence)
            return
        places = [*recipes]


def way(studio: Studio, path: Path, who: Identity) -> list[Recipe]:
    """The recipes of a picture of who asks and of those that it came from, the first of them first.

    As far as these are in the library; of any other picture, its own recipe alone. Unreadable where it has none.
    """
    steps = [own.read(path)]
    entry = studio.index.at(path.absolute(), who)
    trees = studio.index.lineage.came_from(entry.id, who) if entry else ()
    while start := next((tree for tree in trees if tree.link.role == "init_image" and _file(tree)), None):
        try:
            steps.insert(0, own.read(Path(str(_file(start)))))
        except (NotFound, Unreadable):  # what somebody brought says nothing of how it was made here
            break
        trees = start.below
    return steps


def next_step(studio: Studio, recipe: Recipe, made: Path, words: tuple[str, str], who: Identity) -> Recipe:
    """A later step of the way, from what the step before made; `words` are the prompt that was, and that of now."""
    (found,) = for_pictures(studio, recipe, [made], who)
    before, now = words
    return found.replace(prompt=now) if recipe.denoises and recipe.prompt == before else found


def _file(tree: Tree) -> Path | None:
    return tree.link.entry.path if tree.link.entry else None


def for_prompts(recipe: Recipe, prompts: Iterable[str]) -> list[Recipe]:
    """The recipe with each of these prompts; InvalidRequest where it has none, or there are none."""
    if not recipe.denoises:
        raise InvalidRequest("This picture was enlarged, and no prompt had a part in it.", "Give pictures instead.")
    found = [recipe.replace(prompt=prompt, count=1) for prompt in prompts]
    if not found:
        raise InvalidRequest("There is no prompt in there.", "Write one a line.")
    return found


def for_pictures(studio: Studio, recipe: Recipe, paths: Iterable[Path], who: Identity) -> list[Recipe]:
    """The recipe from each of these pictures, in place of the one that it started from, or that it followed.

    InvalidRequest where it did neither, InvalidRecipe where one cannot be read.
    """
    if is_of_words(recipe):
        raise InvalidRequest("This picture was made of words alone.", "Give prompts instead of pictures.")
    free = _opened(studio, recipe)
    return [_from(free, studio.inputs.add(path, who=who)) for path in paths]


def is_of_words(recipe: Recipe) -> bool:
    """Whether no picture had a part in it."""
    return recipe.init_image is None and not any(unit.image for unit in recipe.controls)


def _from(recipe: Recipe, picture: Input) -> Recipe:
    """The recipe from another picture; what followed the old one follows the new one."""
    old = recipe.init_image
    if old is None:
        units = list(recipe.controls)
        first = next(number for number, unit in enumerate(units) if unit.image)
        old = units[first].image
        return recipe.replace(controls=[_following(unit, old, picture.id) for unit in units], count=1)
    units = [_following(unit, old, picture.id) for unit in recipe.controls]
    return recipe.replace(init_image=picture.id, controls=units, count=1)


def _following(unit: ControlUnit, old: str | None, new: str) -> ControlUnit:
    return unit.changed(image=new, map=None) if unit.image == old else unit


def _opened(studio: Studio, recipe: Recipe) -> Recipe:
    """The recipe without its size, where that is what its own picture's came to, or nobody can say any more."""
    if recipe.init_image is None or recipe.model is None or not recipe.denoises:
        return recipe
    free = recipe.replace(width=None, height=None)
    with suppress(InvalidRecipe, ModelError):
        try:
            size = open_size(free, studio.catalogue[recipe.model], studio.inputs)
        except NotFound:
            return free
        return free if size == (recipe.width, recipe.height) else recipe
    return recipe
