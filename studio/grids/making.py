"""Grids: one recipe along up to three axes, a picture for each cell.

The dearest setting varies slowest, on whatever axis it is, so that a model is loaded once for each of its values. One
job makes a grid, a cell as each of its items.
"""

import itertools
import logging
import math
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from studio.errors import InvalidRecipe, NotFound, StudioError, Unreadable
from studio.events import Failed, Finished, Preview
from studio.gate.identity import Identity, check_creates
from studio.grids.axes import Axis, applied
from studio.grids.sheets import sheet
from studio.grids.store import NAMES, Cell, Grid, GridStore, State, insert, unreadable
from studio.jobs.item import OPEN
from studio.jobs.job import Job
from studio.labels import labelled
from studio.library import Library, picture
from studio.recipe import SEEDS, Recipe, setting_specs
from studio.resolve.hosted import without_local
from studio.sheets import At, Kind
from studio.studio import SHEETS, Studio

# A person's grids that are listed.
LISTED = 40
GONE = "This picture is no longer in the library."

log = logging.getLogger(__name__)


def plan(studio: Studio, base: Recipe, axes: Sequence[Axis]) -> Grid:
    """The grid with every cell resolved, nobody's yet; one that cannot be resolved says why in its `error`.

    What is open is drawn once for all cells. InvalidRecipe where the axes cannot be, or no cell can.
    """
    _check(axes, studio.settings.max_cells)
    base = _drawn(base.replace(count=1), axes)
    places = itertools.product(*(range(len(axis.values)) for axis in reversed(axes)))
    cells = [_resolved(studio, base, axes, place[::-1]) for place in places]
    if not any(cell.recipe for cell in cells):
        studio.resolve(_recipe(base, axes, cells[0].at))
    numbers = {cell.at: number for number, cell in enumerate(_in_order(axes, cells))}
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    numbered = tuple(replace(cell, item=numbers.get(cell.at)) for cell in cells)
    return Grid(name, "", time.time(), base, tuple(axes), numbered)


def _in_order(axes: Sequence[Axis], cells: Sequence[Cell]) -> list[Cell]:
    """The cells as they are made: the dearest axis slowest; of those that cost the same the first in a recipe."""
    ranks = {name: rank for rank, name in enumerate(setting_specs())}
    varied = [axis.subject for axis in axes]
    slow = sorted(range(len(varied)), key=lambda k: (-varied[k].change_cost, ranks.get(varied[k].field, len(ranks))))
    return sorted((cell for cell in cells if cell.recipe), key=lambda cell: [cell.at[k] for k in slow])


class GridJob:
    """A grid and the job that makes it, which goes on whoever looks; `job` is followed like any other."""

    def __init__(self, planned: Grid, job: Job, library: Library) -> None:
        self.job = job
        self._planned = planned
        self.folder = library.folder

    @property
    def grid(self) -> Grid:
        """The grid as it stands."""
        made = {event.image: event for event in self.job.results}
        cells = tuple(self._stands(cell, made) for cell in self._planned.cells)
        return replace(self._planned, cells=cells, state=_state(self.job), fault=_fault(self.job))

    @property
    def previews(self) -> dict[At, bytes]:
        """Looks (JPEG) at cells in the making."""
        looks = {event.image: event.jpeg for event in self.job.events if isinstance(event, Preview)}
        return {cell.at: looks[cell.item] for cell in self._planned.cells if cell.item in looks}

    def _stands(self, cell: Cell, made: Mapping[int, Finished]) -> Cell:
        if cell.item is None:
            return cell
        item = self.job.items[cell.item]
        if found := made.get(cell.item):
            path, cost = found.path.relative_to(self.folder).as_posix(), picture(found.path).cost_usd
            return replace(cell, recipe=item.recipe, path=path, seconds=found.seconds, cost_usd=cost)
        gone = item.state == "done" and self.job.state not in OPEN
        return replace(cell, recipe=item.recipe, error=labelled(item.fault) if item.fault else GONE if gone else "")


class Grids:
    """The grids of a studio, in its jobs' database. A grid of another owner is treated as if it were not there."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._store = GridStore(studio.jobs.database)
        self.sheets = studio.settings.home / SHEETS

    def begin(self, grid: Grid, who: Identity) -> GridJob:
        """Keep a planned grid and put it in line; StudioError where it cannot be."""
        made = sorted((cell for cell in grid.cells if cell.item is not None), key=lambda cell: cell.item or 0)
        recipes = [cell.recipe for cell in made if cell.recipe]
        grid = replace(grid, owner=who.owner)
        # In one transaction: no crash leaves a grid without its job.
        job = self._studio.submit(recipes, who, grid.id, kind="grid", beside=lambda rows: insert(rows, grid))
        return GridJob(grid, job, self._studio.library)

    def get(self, name: str, who: Identity) -> GridJob:
        """A grid of who asks; NotFound where there is none of this id, Unreadable where it is damaged."""
        grid = self._store.read(name)
        if grid.owner != who.owner:
            raise NotFound("There is no such grid.", "Its images are in the library, if it was ever begun.")
        job = self._studio.job(name, who)
        if any(cell.item is not None and cell.item not in range(len(job.items)) for cell in grid.cells):
            raise unreadable(name)
        return GridJob(grid, job, self._studio.library)

    def of(self, who: Identity) -> list[GridJob]:
        """The grids of who asks, the newest first; one that cannot be read is logged and left out."""
        found = []
        for name in self._store.of(who.owner, LISTED):
            try:
                found.append(self.get(name, who))
            except (NotFound, Unreadable) as error:
                log.warning("%s", error)
        return found

    def resume(self, name: str, who: Identity) -> GridJob:
        """Make what is missing, what failed too; nothing where nothing is."""
        found = self.get(name, who)
        if found.job.state in OPEN:
            self._studio.jobs.pause(name, who, paused=False)
        elif any(item.state in ("failed", "stopped") for item in found.job.items):
            self._studio.jobs.retry(name, who)
        return found

    def stop(self, name: str, who: Identity) -> None:
        """Make no more; what is made is kept."""
        self.get(name, who)
        self._studio.stop(name, who)

    def export(self, grid: Grid, path: Path, kind: Kind) -> str:
        """Write a grid to a file, a table with measures of its pictures; returns what is worth knowing about it."""
        measures: dict[str, dict[str, float]] = {}
        folder = self._studio.library.folder
        if kind == "csv":
            made = [cell.path for cell in grid.cells if cell.path]
            scores = self._studio.scorer.measure([folder / one for one in made]).scores
            measures = dict(zip(made, scores, strict=True))
        return sheet(grid, folder, measures).write(path, kind)

    def remove(self, name: str, who: Identity) -> None:
        """Forget a grid, its job and what it was written out to for a browser; its images stay in the library."""
        check_creates(who)
        self.get(name, who)
        self._store.forget(name)
        self._studio.jobs.remove(name, who)
        for path in self.sheets.glob(f"{name}.*"):
            path.unlink(missing_ok=True)


def _state(job: Job) -> State:
    """A grid of which nothing could be made is done: its cells say why."""
    if job.state in OPEN:
        return "running"
    is_stopped = job.state == "stopped" or any(item.state == "stopped" for item in job.items)
    return "stopped" if is_stopped else "done"


def _fault(job: Job) -> str:
    """Why the rest of the grid was not tried."""
    ending = job.events[-1:]
    if _state(job) != "stopped" or not ending or not isinstance(ending[0], Failed):
        return ""
    return labelled(ending[0])


def _check(axes: Sequence[Axis], most: int) -> None:
    if not 1 <= len(axes) <= len(NAMES):
        raise InvalidRecipe(
            "x", f"A grid has one to three axes, not {len(axes)}.", "Give x, and y and z if you want them."
        )
    twice = [axis.field for k, axis in enumerate(axes) if axis.field in {one.field for one in axes[:k]}]
    if twice:
        raise InvalidRecipe(twice[0], "Two axes vary the same setting.", "Put all its values on one of them.")
    cells = math.prod(len(axis.values) for axis in axes)
    if cells > most:
        raise InvalidRecipe(
            axes[-1].field,
            f"That makes {cells} pictures; one grid may have {most}.",
            "Give fewer values, or start the studio with STUDIO_MAX_CELLS set higher.",
        )


def _drawn(base: Recipe, axes: Sequence[Axis]) -> Recipe:
    """The recipe with its open seeds drawn: cells that differ in other things start from the same noise."""
    fields = {axis.field for axis in axes}
    wanted = {"seed"} if base.denoises else set()
    if base.variation.strength is not None or "variation_strength" in fields:
        wanted.add("variation_seed")
    return base.replace(**{name: secrets.randbelow(SEEDS) for name in wanted if base.get(name) is None})


def _recipe(base: Recipe, axes: Sequence[Axis], place: Collection[int]) -> Recipe:
    return applied(base, [*zip(axes, place, strict=False)])


def _resolved(studio: Studio, base: Recipe, axes: Sequence[Axis], place: Sequence[int]) -> Cell:
    x, y, z = [*place, 0, 0][:3]
    try:
        recipe = _recipe(base, axes, place)
        if studio.is_hosted(recipe) and not studio.is_hosted(base):
            # What the local models of the grid are told besides means nothing to it; what is varied has to be refused.
            recipe = without_local(recipe, studio.hosted.models, {axis.field for axis in axes})
        (recipe,) = studio.resolve(recipe)
    except StudioError as error:
        # Which setting it is says the axis already.
        ours = isinstance(error, InvalidRecipe) and error.field in {axis.field for axis in axes}
        return Cell((x, y, z), error=error.sentence if ours else labelled(error))
    return Cell((x, y, z), recipe)
