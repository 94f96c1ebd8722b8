"""From what a program asks for to a job: recipes as they are, and what is planned of one."""

from collections.abc import Sequence
from typing import Any

from studio.api.job_schemas import CandidatesRequest, ComparisonRequest, GridRequest, JobRequest
from studio.compare.making import Compare
from studio.compare.store import read_lines
from studio.errors import InvalidRequest
from studio.gate.identity import Identity
from studio.grids.axes import Axis
from studio.grids.making import Grids, plan
from studio.jobs.job import Job
from studio.recipe import Recipe
from studio.rights import check_held
from studio.studio import Studio


def begin(studio: Studio, wanted: JobRequest, who: Identity) -> Job:
    """The job of what is asked for; StudioError where there can be none."""
    if wanted.grid:
        return _grid(studio, wanted.grid, who)
    if wanted.candidates:
        return _candidates(studio, wanted.candidates, who)
    if wanted.comparison:
        return _comparison(studio, wanted.comparison, who)
    given = wanted.recipes if wanted.recipe is None else [wanted.recipe]
    return studio.submit(_recipes(studio, given or [], who), who, priority=wanted.priority)


def _recipes(studio: Studio, given: Sequence[dict[str, Any]], who: Identity) -> list[Recipe]:
    """Recipes of foreign values, which name no pictures but the caller's own."""
    if not given:
        raise InvalidRequest("There is no recipe.", "Give one or more.", field="recipes")
    recipes = [Recipe.make(**values) for values in given]
    check_held(studio.inputs, recipes, who)
    return recipes


def _grid(studio: Studio, wanted: GridRequest, who: Identity) -> Job:
    (base,) = _recipes(studio, [wanted.recipe], who)
    return Grids(studio).begin(plan(studio.of(who), base, [Axis.parse(words) for words in wanted.axes]), who).job


def _candidates(studio: Studio, wanted: CandidatesRequest, who: Identity) -> Job:
    recipes = _recipes(studio, [{**wanted.recipe, "count": wanted.count}], who)
    name = studio.candidates.begin(recipes, who, wanted.title, race=wanted.race)
    return studio.candidates.jobs(studio.candidates.get(name, who), who)[-1][1]


def _comparison(studio: Studio, wanted: ComparisonRequest, who: Identity) -> Job:
    compare = Compare(studio)
    columns = [compare.column(name, who) for name in wanted.models]
    check_held(studio.inputs, compare.samples(columns, wanted.settings, who), who)
    lines = read_lines("\n".join(" ".join(prompt.split()) for prompt in wanted.prompts))
    name = compare.create(who, lines, columns, seed=wanted.seed, base=wanted.settings)
    compare.start(name, who)
    comparison = compare.get(name, who)
    if jobs := compare.jobs(comparison, who):
        return jobs[0]
    first = next((cell.message for cell in comparison.cells if cell.message), "None of it can be made.")
    raise InvalidRequest(first, "Choose other models or settings.", field="comparison")
