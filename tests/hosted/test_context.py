"""Whatever submits keeps the caller's context and identity to the worker, where ZeroGPU reads whose quota it is."""

import contextvars
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.backends.base import Rendered
from studio.compare.making import Compare
from studio.compare.store import Line
from studio.gate.identity import Identity
from studio.grids.axes import Axis
from studio.grids.making import Grids, plan
from studio.jobs.job import Job
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.people import who

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="")
RECIPE = Recipe(prompt="a boat", steps=1, seed=1)
ANN = who("ann", here=False, address="192.0.2.7")


class Attentive(Drawer):
    """Remembers in which request's context it was asked for pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    def generate(self, *asked: Any) -> Iterator[Rendered]:
        self.requests.append(REQUEST.get())
        yield from super().generate(*asked)


@pytest.fixture
def drawer() -> Attentive:
    return Attentive()


@pytest.fixture
def studio(tmp_path: Path, surroundings: None, drawer: Attentive) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path / "home"), backend=drawer) as studio:
        yield studio


def job(studio: Studio) -> None:
    list(studio.submit(RECIPE, ANN).follow())


def grid(studio: Studio) -> None:
    begun = Grids(studio).begin(plan(studio, RECIPE, [Axis.parse("seed=1,2")]), ANN)
    list(begun.job.follow())


def candidates(studio: Studio) -> None:
    made = studio.candidates.begin([RECIPE.replace(count=2)], ANN)
    for _, one in studio.candidates.jobs(studio.candidates.get(made, ANN), ANN):
        list(one.follow())


def more_candidates(studio: Studio) -> None:
    made = studio.candidates.begin([RECIPE], ANN)
    studio.candidates.more(made, ANN, 2)
    for _, one in studio.candidates.jobs(studio.candidates.get(made, ANN), ANN):
        list(one.follow())


def comparison(studio: Studio) -> None:
    compare = Compare(studio)
    columns = [compare.column(name, ANN) for name in ("starter", "starter?steps=2")]
    made(compare, compare.create(ANN, [Line("a boat"), Line("a hill")], columns), ANN)


def made(compare: Compare, name: str, asking: Identity) -> None:
    compare.start(name, asking)
    for one in compare.jobs(compare.store.get(name, asking.owner), asking):
        list(one.follow())


@pytest.mark.parametrize("kind", [job, grid, candidates, more_candidates, comparison], ids=lambda one: one.__name__)
def test_whatever_submits_keeps_the_caller_s_context(
    studio: Studio, drawer: Attentive, kind: Callable[[Studio], None]
) -> None:
    contextvars.copy_context().run(lambda: (REQUEST.set("of Ann"), kind(studio)))
    assert drawer.requests
    assert set(drawer.requests) == {"of Ann"}
    jobs: list[Job] = studio.jobs_of(ANN)
    assert {one.who for one in jobs} == {ANN}
    assert {one.turn for one in jobs} == {"address:192.0.2.7"}


def test_a_hosted_model_is_asked_in_the_caller_s_context(studio: Studio) -> None:
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(REQUEST.get())  # type: ignore[method-assign]
    sent = logging.getLogger("httpx2")
    before, here = sent.level, who("bob")
    sent.addHandler(handler)
    sent.setLevel(logging.INFO)
    try:
        compare = Compare(studio)
        name = compare.create(here, [Line("a boat")], [compare.column("openai:dall-e-3", here)])
        contextvars.copy_context().run(lambda: (REQUEST.set("of Bob"), made(compare, name, here)))
    finally:
        sent.removeHandler(handler)
        sent.setLevel(before)
    assert compare.store.get(name, here.owner).cells[0].state == "done"
    assert set(seen) == {"of Bob"}
