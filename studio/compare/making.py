"""Compares models: each prompt of a list by each of several, local ones and hosted ones, as the items of jobs.

A comparison is planned here, and shown as its jobs stand; they go on whoever looks, so that it can be stopped, broken
off, resumed and extended without paying twice for anything.
"""

import secrets
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from studio.compare.store import OPEN, Cell, Comparison, Comparisons, Contestant, Line
from studio.errors import DownloadNotAgreed, InvalidRecipe, NotFound, StudioError
from studio.events import Preview
from studio.gate.identity import COMMAND_LINE, Identity, check_creates
from studio.jobs.job import Job
from studio.prompts import mentions
from studio.recipe import SEEDS, Recipe
from studio.resolve.hosted import in_styles
from studio.studio import Studio

MOST_LINES = 500
MOST_COLUMNS = 50
UNAWAITED = "Stopped. If the picture still comes, it is kept."
# What a hosted model takes of the recipe that all columns share, beside its styles.
GIVEN = ("init_image", "mask_image")


@dataclass(frozen=True)
class Estimate:
    """What so many pictures would cost at most; `unknown` counts those whose price nobody knows."""

    usd: float
    unknown: int
    pictures: int


class Compare:
    """The comparisons of one studio, in its jobs' database."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.store = Comparisons(studio.jobs.database, studio.library.folder, studio.inputs)
        # Two windows ask for the same cells once.
        self._asking = threading.Lock()

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
        endpoint = self.studio.hosted.endpoint(model, who)
        endpoint.model.chosen(settings)
        return Contestant("hosted", model, endpoint.label, settings)

    def create(
        self,
        who: Identity,
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
        name = self.store.create(who.owner, int(checked.seed or 0), base or {})
        self._add(name, lines, columns)
        return name

    def extend(self, id: str, who: Identity, lines: Sequence[Line], columns: Sequence[Contestant]) -> None:  # noqa: A002
        """More prompts, more columns; what there is stays."""
        comparison = self.store.get(id, who.owner)
        prompts = {line.prompt for line in comparison.lines}
        _check(
            [*comparison.lines, *(line for line in lines if line.prompt not in prompts)],
            [*comparison.columns, *(column for column in columns if column not in comparison.columns)],
        )
        self._add(id, lines, columns)

    def samples(self, columns: Sequence[Contestant], base: Mapping[str, Any], who: Identity) -> list[Recipe]:
        """A recipe of each column, by which can be seen what pictures they name; InvalidRecipe."""
        own = [column for column in columns if column.kind != "imported"]
        return [self._recipe(Line("a"), column, base, who) for column in own]

    def estimate(
        self,
        lines: Sequence[Line],
        columns: Sequence[Contestant],
        base: Mapping[str, Any],
        made: Collection[tuple[int, int]] = (),
        who: Identity = COMMAND_LINE,
    ) -> Estimate:
        """What the pictures that are not `made` yet cost at most, whatever is drawn of their prompts."""
        todo = [
            (line, column)
            for number, line in enumerate(lines)
            for place, column in enumerate(columns)
            if column.kind != "imported" and (number, place) not in made
        ]
        prices = []
        for line, column in (pair for pair in todo if pair[1].kind == "hosted"):
            with suppress(StudioError):  # one that cannot be asked for costs nothing
                prices.append(self.studio.most_usd([self._recipe(line, column, base, who)]))
        return Estimate(sum(one.usd for one in prices), sum(one.unknown for one in prices), len(todo))

    def start(self, id: str, who: Identity, only: Collection[tuple[int, int]] | None = None) -> None:  # noqa: A002
        """Make what is not there and not on its way, or of that `only` these lines and columns; StudioError.

        What an earlier try may have paid for is asked for by the same name.
        """
        with self._asking:
            comparison = self.store.get(id, who.owner)
            todo = [cell for cell in comparison.cells if cell.state in OPEN and (only is None or cell.place in only)]
            for name in dict.fromkeys(cell.job for cell in todo if cell.job):
                with suppress(NotFound):  # all that is left of it is on its way
                    self.studio.jobs.retry(name, who, {cell.item or 0 for cell in todo if cell.job == name})
            self._submit(comparison, [cell for cell in todo if not cell.job], who)

    def get(self, id: str, who: Identity) -> Comparison:  # noqa: A002
        """A comparison of who asks, as it stands; NotFound where there is none of this id."""
        comparison = self.store.get(id, who.owner)
        stopping = {job.id for job in self.jobs(comparison, who) if job.stopping.is_set()}
        cells = [
            replace(cell, state="stopped", message=UNAWAITED)
            if cell.state == "running" and cell.job in stopping
            else cell
            for cell in comparison.cells
        ]
        return replace(comparison, cells=tuple(cells))

    def jobs(self, comparison: Comparison, who: Identity) -> list[Job]:
        """The jobs that still make something of it."""
        names = dict.fromkeys(
            cell.job for cell in comparison.cells if cell.job and cell.state not in ("done", "failed")
        )
        found = []
        for name in names:
            with suppress(NotFound):  # it was forgotten meanwhile
                found.append(self.studio.job(name, who))
        return [job for job in found if job.is_open]

    def running(self, comparison: Comparison, who: Identity) -> bool:
        """Whether it is being made."""
        return any(not job.stopping.is_set() for job in self.jobs(comparison, who))

    def coming(self, comparison: Comparison, who: Identity) -> bool:
        """Whether calls for it are under way, also such as nobody waits for any more."""
        return any(item.state == "running" for job in self.jobs(comparison, who) for item in job.items)

    def looks(self, comparison: Comparison, who: Identity) -> dict[tuple[int, int], bytes]:
        """Looks (JPEG) at the cells that are being made, by line and column."""
        found = {
            (job.id, event.image): event.jpeg
            for job in self.jobs(comparison, who)
            for event in job.events
            if isinstance(event, Preview)
        }
        places = {cell.place: (cell.job, cell.item) for cell in comparison.cells if cell.state == "running"}
        return {place: found[made] for place, made in places.items() if made in found}

    def stop(self, id: str, who: Identity) -> None:  # noqa: A002
        """Wait for nothing any more, at once; what still comes of calls under way is kept."""
        for job in self.jobs(self.store.get(id, who.owner), who):
            self.studio.stop(job.id, who)

    def forget(self, id: str, who: Identity) -> None:  # noqa: A002
        """Stop and remove it, with its jobs; its images stay in the library."""
        check_creates(who)
        comparison = self.store.get(id, who.owner)
        self.store.forget(id, who.owner)
        for name in dict.fromkeys(cell.job for cell in comparison.cells if cell.job):
            with suppress(NotFound):
                self.studio.jobs.remove(name, who)

    def _submit(self, comparison: Comparison, cells: Sequence[Cell], who: Identity) -> None:
        """A job of these cells, a column after the other, as each change of the model costs its loading."""
        planned: list[tuple[Cell, Recipe]] = []
        faults: list[tuple[Cell, StudioError]] = []
        for cell in sorted(cells, key=lambda cell: (cell.column, cell.line)):
            try:
                planned.append((cell, self._checked(comparison, cell, who)))
            except DownloadNotAgreed:  # with a yes it can be made
                raise
            except StudioError as error:
                faults.append((cell, error))
        self.store.refuse(comparison.id, faults)
        if planned:
            job, made = secrets.token_urlsafe(12), [cell for cell, _ in planned]
            # In one transaction: no crash leaves a cell without the job that makes it.
            self.studio.submit(
                [recipe for _, recipe in planned],
                who,
                job,
                kind="comparison",
                beside=lambda _: self.store.assign(comparison.id, job, made),
            )

    def _checked(self, comparison: Comparison, cell: Cell, who: Identity) -> Recipe:
        """What makes a cell; StudioError where it cannot be."""
        line, column = comparison.lines[cell.line], comparison.columns[cell.column]
        recipe = self._recipe(line, column, comparison.base, who, comparison.seed)
        resolved = self.studio.of(who).resolve(recipe)
        self.studio.weights.check(self.studio.needs.missing(self.studio.needs.of(resolved)), who)
        return recipe

    def _recipe(self, line: Line, column: Contestant, base: Mapping[str, Any], who: Identity, seed: int = 0) -> Recipe:
        """The recipe of a cell; what only models of this machine take means nothing to a hosted one."""
        prompt = line.prompt
        if column.kind == "hosted":
            prompt = mentions.without(in_styles(prompt, self.studio.of(who).presets, base.get("styles", ())))
            base = {name: base[name] for name in GIVEN if base.get(name)}
        return Recipe.make(**{**base, "seed": seed, **column.values, "prompt": prompt, "count": 1})

    def _add(self, name: str, lines: Sequence[Line], columns: Sequence[Contestant]) -> None:
        self.store.extend(name, lines, columns)
        imported = (column.settings for column in columns if column.kind == "imported")
        self.studio.inputs.use(str(picture) for named in imported for picture in named.values())


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
