"""Compares models: each prompt of a list by each of several, local ones in the one line of jobs, hosted ones beside it.

What is made is stored cell by cell, so that a comparison can be stopped, broken off, resumed and extended without
paying twice for anything.
"""

import contextvars
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from studio.compare.calls import HostedCalls
from studio.compare.store import CLEAN, OPEN, Cell, Comparison, Comparisons, Contestant, Line, failed, seen
from studio.errors import Busy, Closing, DeviceLost, InternalError, InvalidRecipe, NotFound, StudioError
from studio.events import Event, Failed, Finished, Preview, Stopped
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.metrics import METRICS
from studio.recipe import SEEDS, Recipe
from studio.storage.database import Database
from studio.studio import Studio

log = logging.getLogger(__name__)

# Calls of one hosted model at a time; more and services slow one down.
SIDE_BY_SIDE = 3
MOST_LINES = 500
MOST_COLUMNS = 50
# What is in the way of every cell: they wait, and go on later.
HOLDS_UP = (Busy, Closing, DeviceLost)
UNAWAITED = "Stopped. If the picture still comes, it is kept."

Place = tuple[str, int, int]


@dataclass(frozen=True)
class Estimate:
    """What so many pictures would cost at most; `unknown` counts those whose price nobody knows."""

    usd: float
    unknown: int
    pictures: int


class Compare:
    """The comparisons of one studio, and those that are being made.

    `database` keeps them (default: the data folder's), `looks` as `HostedCalls` has it.
    """

    def __init__(self, studio: Studio, *, database: Database | None = None, looks: int = 0) -> None:
        self.studio = studio
        self.store = Comparisons(database or studio.database, studio.library.folder)
        self.hosted = HostedCalls(studio, looks=looks)
        self._runs: dict[str, _Run] = {}
        self._news = threading.Condition()
        self._versions: dict[str, int] = {}
        # Calls that are being answered, also where nobody waits for them any more.
        self.flying: dict[Place, threading.Event] = {}
        # Looks at what is being made, as JPEG.
        self.looks: dict[Place, bytes] = {}

    def column(self, name: str, who: Identity) -> Contestant:
        """The column of `starter`, `openai:gpt-image-2` or an address, with settings: `starter?steps=8&width=256`.

        ModelError, InvalidRecipe where there can be none.
        """
        model, _, query = name.partition("?")
        settings = dict(parse_qsl(query, keep_blank_values=True))
        if model in self.studio.catalogue:
            Recipe.make(**{**settings, "prompt": "a", "model": model})
            return Contestant("local", model, self.studio.catalogue[model].name, settings)
        if ":" not in model:
            _ = self.studio.catalogue[model]
        endpoint = self.hosted.endpoint(model, who)
        endpoint.model.chosen(settings)
        return Contestant("hosted", model, endpoint.label, settings)

    def create(
        self,
        owner: str,
        lines: Sequence[Line],
        columns: Sequence[Contestant],
        *,
        seed: int | None = None,
        base: Mapping[str, Any] | None = None,
    ) -> str:
        """A new comparison, and its id; nothing is made before `start`. InvalidRecipe where it cannot be."""
        _check(lines, columns)
        checked = Recipe.make(
            **{**(base or {}), "prompt": "a", "seed": secrets.randbelow(SEEDS) if seed is None else seed}
        )
        self.studio.inputs.use(checked.pictures)
        name = self.store.create(owner, int(checked.seed or 0), base or {})
        self._add(name, owner, lines, columns)
        return name

    def extend(self, id: str, owner: str, lines: Sequence[Line], columns: Sequence[Contestant]) -> None:  # noqa: A002
        """More prompts, more columns; what there is stays."""
        comparison = self.store.get(id, owner)
        prompts = {line.prompt for line in comparison.lines}
        _check(
            [*comparison.lines, *(line for line in lines if line.prompt not in prompts)],
            [*comparison.columns, *(column for column in columns if column not in comparison.columns)],
        )
        self._add(id, owner, lines, columns)

    def estimate(
        self,
        lines: Sequence[Line],
        columns: Sequence[Contestant],
        base: Mapping[str, Any],
        made: Collection[tuple[int, int]] = (),
    ) -> Estimate:
        """What the pictures that are not `made` yet cost at most."""
        todo = [
            (line, column)
            for number, line in enumerate(lines)
            for place, column in enumerate(columns)
            if column.kind != "imported" and (number, place) not in made
        ]
        costs = [self.hosted.estimate(column, line.prompt, base) for line, column in todo if column.kind == "hosted"]
        return Estimate(sum(cost or 0 for cost in costs), costs.count(None), len(todo))

    def start(self, id: str, who: Identity, only: Collection[tuple[int, int]] | None = None) -> None:  # noqa: A002
        """Make what is not there yet, or of that `only` these lines and columns; nothing where that is going on."""
        comparison = self.store.get(id, who.owner)
        with self._news:
            if id in self._runs:
                return
            todo = [cell for cell in comparison.cells if cell.state in OPEN]
            if only is not None:
                todo = [cell for cell in todo if (cell.line, cell.column) in only]
            run = self._runs[id] = _Run(self, comparison, todo, who)
        run.begin()

    def stop(self, id: str, owner: str) -> None:  # noqa: A002
        """Wait for nothing any more, at once; what still comes of calls under way is kept."""
        self.store.get(id, owner)
        with self._news:
            run = self._runs.pop(id, None)
        if run:
            run.stop()
            self.store.halt(id, UNAWAITED)
            self.tell(id)

    def running(self, id: str) -> bool:  # noqa: A002
        """Whether it is being made."""
        with self._news:
            return id in self._runs

    def coming(self, id: str) -> bool:  # noqa: A002
        """Whether calls for it are under way, also such as nobody waits for any more."""
        return any(place[0] == id for place in list(self.flying))

    def version(self, id: str) -> int:  # noqa: A002
        """Counts what happened to it since the studio started."""
        with self._news:
            return self._versions.get(id, 0)

    def wait(self, id: str, seen: int, seconds: float | None = None) -> int:  # noqa: A002
        """Return the version when it is another than `seen`, or time is up; the end of its making changes it, too."""
        with self._news:
            self._news.wait_for(lambda: self._versions.get(id, 0) != seen, seconds)
            return self._versions.get(id, 0)

    def tell(self, id: str) -> None:  # noqa: A002
        """Something happened to it."""
        with self._news:
            self._versions[id] = self._versions.get(id, 0) + 1
            self._news.notify_all()

    def ended(self, run: "_Run") -> None:
        """A run has nothing left to do."""
        with self._news:
            if self._runs.get(run.comparison.id) is run:
                del self._runs[run.comparison.id]
        self.tell(run.comparison.id)

    def local_fields(self, event: Finished) -> dict[str, Any]:
        """The fields of a cell whose picture a job of this machine made."""
        return {**seen(event.path), "seconds": event.seconds, "cost_usd": 0.0, "seed": event.recipe.seed, **CLEAN}

    def measured(self, path: Path) -> dict[str, float]:
        """What the metrics that do not wait for the device say of a picture by itself."""
        scorer = self.studio.scorer
        names = [name for name in scorer.at_once(path) if not METRICS[name].among]
        return {name: round(score, 4) for name, score in scorer.measure([path], names).scores[0].items()}

    def _add(self, name: str, owner: str, lines: Sequence[Line], columns: Sequence[Contestant]) -> None:
        self.store.extend(name, lines, columns)
        comparison = self.store.get(name, owner)
        imported = (column.settings for column in columns if column.kind == "imported")
        self.studio.inputs.use(str(picture) for named in imported for picture in named.values())
        for cell in comparison.cells:
            column = comparison.columns[cell.column]
            if column.kind == "imported" and cell.state == "waiting":
                picture = column.settings.get(str(cell.line))
                fields = seen(self.studio.inputs.path(picture)) if picture else {"state": "empty"}
                self.store.change(name, cell.line, cell.column, **fields)
        self.tell(name)


class _Run:
    """One comparison while it is made: a lane for this machine's models, and one for each hosted column."""

    def __init__(self, compare: Compare, comparison: Comparison, todo: Sequence[Cell], who: Identity) -> None:
        self.comparison = comparison
        self.stopping = threading.Event()
        self._compare = compare
        self._store = compare.store
        self._who = who
        # The page's request lives in a context variable, which a backend may ask for.
        self._context = contextvars.copy_context()
        self._job: Job | None = None
        self._lock = threading.Lock()
        # A column after the other, as each change of the model costs its loading.
        ordered = sorted(todo, key=lambda cell: (cell.column, cell.line))
        kinds = [column.kind for column in comparison.columns]
        self._lanes = [(deque(cell for cell in ordered if kinds[cell.column] == "local"), self._local, 1)]
        for number, kind in enumerate(kinds):
            if kind == "hosted":
                cells = deque(cell for cell in ordered if cell.column == number)
                self._lanes.append((cells, self._hosted, min(SIDE_BY_SIDE, len(cells))))
        self._left = sum(width for *_, width in self._lanes)

    def begin(self) -> None:
        """Start the lanes; they end by themselves."""
        for cells, make, width in self._lanes:
            for _ in range(width):
                work = partial(self._context.copy().run, self._work, cells, make)
                threading.Thread(target=work, name="compare", daemon=True).start()

    def stop(self) -> None:
        """Take no more cells, and end the job under way."""
        self.stopping.set()
        with self._lock:
            job = self._job
        if job:
            with suppress(NotFound):
                self._compare.studio.stop(job.id, self._who)

    def _work(self, cells: deque[Cell], make: Callable[[Cell], None]) -> None:
        try:
            jobs = self._compare.studio.jobs
            while not (self.stopping.is_set() or jobs.closing) and (cell := _next(cells)):
                self._attempt(make, cell)
        except StudioError as error:
            log.warning("A comparison rests: %s", error)
        finally:
            with self._lock:
                self._left -= 1
                last = not self._left
            if last:
                self._compare.ended(self)

    def _attempt(self, make: Callable[[Cell], None], cell: Cell) -> None:
        """The worker's edge: what goes wrong with one cell ends no other, but for what holds all of them up."""
        try:
            make(cell)
        except HOLDS_UP as error:
            self._change(cell, state="waiting", message=error.message, hint=error.hint)
            raise
        except StudioError as error:
            self._change(cell, **failed(error))
        except Exception as error:
            log.exception("A cell of a comparison broke down")
            self._change(cell, **failed(InternalError(error)))
        finally:
            self._compare.looks.pop(self._place(cell), None)

    def _hosted(self, cell: Cell) -> None:
        place, flying = self._place(cell), self._compare.flying
        if earlier := flying.get(place):
            # Somebody stopped and went on meanwhile: what was asked for then is not asked for again.
            self._change(cell, state="running")
            earlier.wait()
            cell = self._store.get(self.comparison.id, self.comparison.owner).cell(cell.line, cell.column)
            if cell.state not in OPEN:
                return
        flying[place] = threading.Event()
        try:
            self._change(cell, state="running", **CLEAN)
            fields = self._compare.hosted.make(
                self.comparison, cell, self._who, lambda jpeg: self._look(cell, jpeg), self.stopping.wait
            )
            self._made(cell, fields)
        finally:
            flying.pop(place).set()
            self._compare.tell(self.comparison.id)

    def _local(self, cell: Cell) -> None:
        """One picture by the one line of jobs; what holds up all of them leaves the cell waiting."""
        job = self._found(cell) or self._submitted(cell)
        with self._lock:
            self._job = job
        if self.stopping.is_set():
            self.stop()
        for event in job.follow():
            self._hear(cell, event)

    def _submitted(self, cell: Cell) -> Job:
        column, line = self.comparison.columns[cell.column], self.comparison.lines[cell.line]
        values = {**self.comparison.base, "seed": self.comparison.seed, **column.settings}
        recipe = Recipe.make(**{**values, "prompt": line.prompt, "model": column.model, "count": 1})
        # Written down first: a job that outlives its studio is found, not made once more.
        name = secrets.token_urlsafe(12)
        self._change(cell, state="running", job=name, **CLEAN)
        return self._compare.studio.submit(recipe, self._who, name)

    def _found(self, cell: Cell) -> Job | None:
        """The job that an earlier run left."""
        with suppress(NotFound):
            job = self._compare.studio.job(cell.job, self._who)
            if job.state in ("waiting", "running") or any(event.path.exists() for event in job.results):
                return job
        return None

    def _hear(self, cell: Cell, event: Event) -> None:
        match event:
            case Preview(_, jpeg):
                self._look(cell, jpeg)
            case Finished():
                self._made(cell, self._compare.local_fields(event))
            case Failed():
                self._change(cell, **failed(event))
            case Stopped():
                # By the person, or by the studio's end, after which its job goes on.
                state = "stopped" if self.stopping.is_set() else "waiting"
                self._change(cell, state=state, message="")
            case _:
                pass

    def _made(self, cell: Cell, fields: Mapping[str, Any]) -> None:
        """The picture first, then what the metrics say of it."""
        self._change(cell, **fields)
        if fields["state"] == "done":
            self._change(cell, metrics=self._compare.measured(Path(fields["path"])))

    def _look(self, cell: Cell, jpeg: bytes) -> None:
        self._compare.looks[self._place(cell)] = jpeg
        self._compare.tell(self.comparison.id)

    def _place(self, cell: Cell) -> Place:
        return self.comparison.id, cell.line, cell.column

    def _change(self, cell: Cell, **values: Any) -> None:
        self._store.change(self.comparison.id, cell.line, cell.column, **values)
        self._compare.tell(self.comparison.id)


def _next(cells: deque[Cell]) -> Cell | None:
    with suppress(IndexError):
        return cells.popleft()
    return None


def _check(lines: Sequence[Line], columns: Sequence[Contestant]) -> None:
    if not lines:
        raise InvalidRecipe("prompt", "There is no prompt.", "Write one, or several, each on a line of its own.")
    if not columns:
        raise InvalidRecipe("model", "There is nothing to compare.", "Choose at least one model.")
    if len(lines) > MOST_LINES or len(columns) > MOST_COLUMNS:
        raise InvalidRecipe(
            "prompt",
            f"That is {len(lines)} prompts by {len(columns)} models.",
            f"A comparison has at most {MOST_LINES} prompts and {MOST_COLUMNS} models.",
        )
