"""Grids: one recipe along up to three axes, a picture for each cell.

The dearest setting varies slowest, on whatever axis it is, so that a model is loaded once for each of its values. A
grid is kept on disk: what is made is never made again, also where the process was killed.
"""

import contextvars
import itertools
import logging
import math
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.errors import Closing, InvalidRecipe, NotFound, StorageError, StudioError, Unreadable
from studio.events import Downloading, Event, Failed, Finished, Loading, Preview, Started, Step, Stopped
from studio.gate.identity import Identity
from studio.grids.axes import Axis, applied
from studio.grids.sheets import Kind, Sheet
from studio.grids.store import NAMES, At, Cell, Grid, GridStore, State
from studio.jobs.job import Job
from studio.labels import labelled
from studio.news import News, Pause
from studio.recipe import SEEDS, Recipe, settings
from studio.settling.hosted import without_local
from studio.storage.database import Database
from studio.studio import SHEETS, Studio
from studio.transfer import words

# The most cells that are made as one job; other people's jobs come between.
RUN = 16
# A person's grids that are listed.
LISTED = 40
BROKEN = "Something broke inside the studio ({}); the details are in its log. Resume the grid to make the rest."

log = logging.getLogger(__name__)


def plan(studio: Studio, base: Recipe, axes: Sequence[Axis], owner: str) -> Grid:
    """The grid with every cell settled, nothing made; one that cannot be settled says why in its `error`.

    What is open is drawn once for all cells. InvalidRecipe where the axes cannot be, or no cell can.
    """
    _check(axes, studio.settings.max_cells)
    base = _drawn(base.replace(count=1), axes)
    places = itertools.product(*(range(len(axis.values)) for axis in reversed(axes)))
    cells = tuple(_settled(studio, base, axes, place[::-1]) for place in places)
    if not any(cell.recipe for cell in cells):
        studio.settle(_recipe(base, axes, cells[0].at))
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    return Grid(name, owner, time.time(), base, tuple(axes), cells)


def order(grid: Grid) -> list[Cell]:
    """The cells as they are made: the dearest axis slowest; of those that cost the same the first in a recipe."""
    ranks = {name: rank for rank, name in enumerate(settings())}
    varied = [axis.subject for axis in grid.axes]
    slow = sorted(range(len(varied)), key=lambda k: (-varied[k].dearness, ranks.get(varied[k].field, len(ranks))))
    return sorted(grid.cells, key=lambda cell: [cell.at[k] for k in slow])


class Making:
    """A grid that is made on a thread of its own, which watches its jobs; it can be stopped, and started again.

    `grid` is how it stands; `line` says what is done right now, `previews` are looks (JPEG) at cells in the making.
    """

    def __init__(self, studio: Studio, store: GridStore, grid: Grid) -> None:
        self.grid = grid
        self.line = ""
        self.previews: Mapping[At, bytes] = {}
        self._studio = studio
        self._store = store
        self._job: Job | None = None
        self._who = Identity.earlier(grid.owner)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        # Cells of a job that failed: each is made by itself, so that one cannot spoil the others.
        self._alone: frozenset[At] = frozenset()
        self._news = News()
        self._version = 0

    def start(self, who: Identity) -> None:
        """Make what is missing, what failed too, as who asks for it; nothing where that is being done."""
        with self._news:
            if self._thread and self._thread.is_alive():
                return
            again = {cell.at: {"error": ""} for cell in self.grid.cells if cell.recipe and cell.error}
            self._change(again, state="running", fault="")
            self._stopping.clear()
            # The page's request lives in a context variable, which a backend may ask for.
            self._who, context = who, contextvars.copy_context()
            self._thread = threading.Thread(
                target=context.run, args=(self._work,), name=f"grid {self.grid.id}", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Make no more; what is made is kept."""
        self._stopping.set()
        if (job := self._job) is not None:
            self._studio.stop(job.id, self.grid.owner)

    def look(self) -> tuple[int, Grid, str, Mapping[At, bytes]]:
        """What can be seen now: its version, the grid, the line and the previews."""
        with self._news:
            return self._version, self.grid, self.line, self.previews

    def wait(self, version: int) -> None:
        """Return when there is another version to be seen than this, or nothing more will change."""
        with self._news:
            self._news.wait_for(lambda: self._version != version or self.grid.state != "running")

    def changes(self, pause: Pause) -> AsyncGenerator[None, None]:
        """At once, and after each change until nothing more is made, for an event loop: no thread is held."""
        return self._news.changes(lambda: self.grid.state != "running", pause)

    def join(self) -> None:
        """Return when nothing more is made."""
        if self._thread:
            self._thread.join()

    def _work(self) -> None:
        try:
            self._find_left_over()
            while (run := self._next_run()) and not self._stopping.is_set():
                self._make(run)
            self._end("stopped" if run else "done")
        except StudioError as error:
            if not self._studio.jobs.closing:  # then it stays as it is, to be taken up by the next studio
                self._end("stopped", labelled(error))
        except Exception as error:
            log.exception("Grid %s broke off", self.grid.id)
            self._end("stopped", BROKEN.format(type(error).__name__))

    def _find_left_over(self) -> None:
        """What an earlier attempt made and did not come to write down; a job of it that the studio took up goes on."""
        asked: dict[str, list[Cell]] = {}
        for cell in self._missing():
            if cell.job:
                asked.setdefault(cell.job, []).append(cell)
        for name, cells in asked.items():
            try:
                job = self._studio.job(name, self.grid.owner)
            except NotFound:
                job = None
            if job and job.state in ("waiting", "running"):
                self._follow(job)
                continue
            for cell in cells:
                saved = cell.recipe and self._studio.library.find(cell.recipe, cell.job, cell.index)
                if saved:
                    self._change({cell.at: self._made(saved.path, saved.seconds)})

    def _next_run(self) -> list[Cell]:
        """The next cells that are made together: of one model, as many as one job may make; none at the end."""
        missing = self._missing()
        if not missing or missing[0].at in self._alone:
            return missing[:1]
        models = _models(missing[0])
        same = itertools.takewhile(lambda cell: _models(cell) == models and cell.at not in self._alone, missing)
        return [*same][: min(RUN, self._studio.settings.max_images)]

    def _make(self, run: Sequence[Cell]) -> None:
        # Kept before there is a job of this name: its images are found by it where the studio is killed.
        name = f"{self.grid.id}-{self.grid.jobs}"
        changes = {cell.at: {"job": name, "index": index} for index, cell in enumerate(run)}
        self._change(changes, jobs=self.grid.jobs + 1)
        try:
            job = self._studio.submit([cell.recipe for cell in run if cell.recipe], self._who, name)
        except InvalidRecipe as error:
            self._failed(run, error)
        else:
            self._follow(job)

    def _follow(self, job: Job) -> None:
        """Watch a job to its end; Closing where that is the studio's."""
        ours = {cell.index: cell.at for cell in self.grid.cells if cell.job == job.id}
        self._job = job
        if self._stopping.is_set():
            self.stop()
        for event in job.follow():
            self._hear(event, ours)
        self._job = None
        self._tell(line="", previews={})
        if isinstance(event, Stopped):
            if not job.stopping.is_set():
                raise Closing("The studio was closed.", "Start it again to go on.")
            self._stopping.set()
        if isinstance(event, Failed):
            missing = [cell for cell in self._missing() if cell.job == job.id]
            self._failed(missing, event)

    def _hear(self, event: Event, cells: Mapping[int, At]) -> None:
        match event:
            case Finished(index, path, _, seconds):
                self._change({cells[index]: self._made(path, seconds)})
            case Preview(index, jpeg):
                self._tell(previews={**self.previews, cells[index]: jpeg})
            case Started():
                self._tell(line="Starting")
            case Loading(what):
                self._tell(line=what)
            case Downloading():
                self._tell(line=words(event))
            case Step(_, step, steps):
                self._tell(line=f"Step {step} of {steps}")

    def _failed(self, cells: Sequence[Cell], fault: StudioError | Failed) -> None:
        """These cells of a job are not made: a single one is at fault; of several, which one is found out."""
        if len(cells) == 1:
            self._change({cells[0].at: {"error": labelled(fault)}})
        self._alone |= {cell.at for cell in cells}

    def _missing(self) -> list[Cell]:
        return [cell for cell in order(self.grid) if cell.open and cell.recipe]

    def _made(self, path: Path, seconds: float) -> dict[str, Any]:
        return {"path": path.relative_to(self._studio.library.folder).as_posix(), "seconds": seconds}

    def _end(self, state: State, fault: str = "") -> None:
        try:
            self._change({}, state=state, fault=fault)
        except StorageError:
            log.exception("The end of grid %s could not be written down", self.grid.id)
            self._tell(grid=self.grid.changed({}, state=state, fault=fault))

    def _change(self, changes: Mapping[At, Mapping[str, Any]], **more: Any) -> None:
        """Change cells, keep that on the disk, then tell."""
        grid = self.grid.changed(changes, **more)
        self._store.change(grid, [grid.at(*at) for at in changes])
        self._tell(grid=grid, previews={at: jpeg for at, jpeg in self.previews.items() if grid.at(*at).open})

    def _tell(
        self, *, grid: Grid | None = None, line: str | None = None, previews: Mapping[At, bytes] | None = None
    ) -> None:
        with self._news:
            self.grid = grid or self.grid
            self.line = self.line if line is None else line
            self.previews = self.previews if previews is None else previews
            self._version += 1
            self._news.notify_all()


class Grids:
    """The grids of a studio; `database` (default: the data folder's) keeps them.

    A grid of another owner is treated as if it were not there.
    """

    def __init__(self, studio: Studio, database: Database | None = None) -> None:
        self._studio = studio
        self.store = GridStore(database or studio.database)
        self.sheets = studio.settings.home / SHEETS
        self._lock = threading.Lock()
        self._known: dict[str, Making] = {}

    def begin(self, grid: Grid, who: Identity) -> Making:
        """Keep a planned grid and begin to make it; StorageError where it cannot be kept."""
        self._studio.inputs.use(one for cell in grid.cells if cell.recipe for one in cell.recipe.pictures)
        self.store.add(grid)
        making = Making(self._studio, self.store, grid)
        making.start(who)
        with self._lock:
            self._known[grid.id] = making
        return making

    def get(self, name: str, owner: str) -> Making:
        """The owner's grid; NotFound where there is none of this id."""
        making = self._read(name)
        if making is None or making.grid.owner != owner:
            raise NotFound("There is no such grid.", "Its images are in the library, if it was ever begun.")
        return making

    def of(self, owner: str) -> list[Making]:
        """The owner's grids, the newest first; one that cannot be read is logged and left out."""
        return [making for name in self.store.of(owner, LISTED) if (making := self._read(name))]

    def take_up(self) -> None:
        """Go on with what the studio was making when it ended."""
        for name in self.store.running():
            if making := self._read(name):
                making.start(Identity.earlier(making.grid.owner))

    def export(self, grid: Grid, path: Path, kind: Kind) -> str:
        """Write a grid to a file, a table with measures of its pictures; returns what is worth knowing about it."""
        measures: dict[str, dict[str, float]] = {}
        folder = self._studio.library.folder
        if kind == "csv":
            made = [cell.path for cell in grid.cells if cell.path]
            scores = self._studio.gauge.measure([folder / one for one in made]).scores
            measures = dict(zip(made, scores, strict=True))
        return Sheet(grid, folder, measures).write(path, kind)

    def remove(self, name: str, owner: str) -> None:
        """Forget a grid and what it was written out to for a browser; its images stay in the library."""
        making = self.get(name, owner)
        making.stop()
        making.join()
        with self._lock:
            self._known.pop(name, None)
        self.store.remove(name)
        for sheet in self.sheets.glob(f"{name}.*"):
            sheet.unlink(missing_ok=True)

    def _read(self, name: str) -> Making | None:
        with self._lock:
            if name not in self._known:
                try:
                    self._known[name] = Making(self._studio, self.store, self.store.read(name))
                except NotFound:
                    return None
                except Unreadable as error:
                    log.warning("%s", error)
                    return None
            return self._known[name]


def _check(axes: Sequence[Axis], most: int) -> None:
    if not 1 <= len(axes) <= len(NAMES):
        raise InvalidRecipe("x", f"A grid has one to three axes, not {len(axes)}.", "Give x, and y and z where wanted.")
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
    if base.variation_strength is not None or "variation_strength" in fields:
        wanted.add("variation_seed")
    return base.replace(**{name: secrets.randbelow(SEEDS) for name in wanted if getattr(base, name) is None})


def _recipe(base: Recipe, axes: Sequence[Axis], place: Collection[int]) -> Recipe:
    return applied(base, [*zip(axes, place, strict=False)])


def _settled(studio: Studio, base: Recipe, axes: Sequence[Axis], place: Sequence[int]) -> Cell:
    x, y, z = [*place, 0, 0][:3]
    try:
        asked = _recipe(base, axes, place)
        if studio.is_hosted(asked) and not studio.is_hosted(base):
            # What the local models of the grid are told besides means nothing to it; what is varied has to be refused.
            asked = without_local(asked, {axis.field for axis in axes})
        (recipe,) = studio.settle(asked)
    except StudioError as error:
        # Which setting it is says the axis already.
        ours = isinstance(error, InvalidRecipe) and error.field in {axis.field for axis in axes}
        return Cell((x, y, z), error=error.sentence if ours else labelled(error))
    return Cell((x, y, z), recipe)


def _models(cell: Cell) -> tuple[str, ...]:
    return cell.recipe.models if cell.recipe else ()
