"""The way that a picture went, for other pictures or other prompts: all as one job."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from studio.errors import InvalidRecipe, InvalidRequest, ModelError, NotFound, Unreadable
from studio.gate.identity import Identity
from studio.inputs import Input
from studio.jobs.job import Job
from studio.library.entry import Tree
from studio.metadata import own
from studio.recipe import ControlUnit, Recipe
from studio.resolve.sizes import open_size
from studio.studio import Studio

KIND = "repeat"


def repeat(studio: Studio, recipes: Sequence[Recipe], who: Identity) -> Job:
    """The job of these recipes; StudioError as of `Studio.submit`, InvalidRequest where they are too many."""
    most = studio.settings.max_cells
    if len(recipes) > most:
        raise InvalidRequest(
            f"That makes {len(recipes)} pictures; one job of this kind may make {most}.",
            "Give fewer, or start the studio with STUDIO_MAX_CELLS set higher.",
        )
    return studio.submit(recipes, who, kind=KIND)


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
