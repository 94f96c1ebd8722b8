"""A kind of job is one file: its jobs are submitted, go on after a restart, and stand in the queue under its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.backends.base import Rendered, Report
from studio.errors import InvalidRecipe
from studio.events import Done, Event, Failed, Finished, Step
from studio.jobs.kinds import KINDS
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.queue_panel import QueuePanel
from tests.drawer import Drawer
from tests.registering import registered
from tests.ui.callers import ME, request

KIND = '''
"""Posters: many sheets of one motif, each by itself, when nothing else waits."""

from studio.jobs.kinds.base import Kind

KIND = Kind("Posters", priority="background", limited=True)
'''
RECIPE = Recipe(prompt="a poster", steps=1, width=64, height=64, seed=1)


@pytest.fixture
def kind(tmp_path: Path) -> Iterator[None]:
    own = tmp_path / "kinds"
    own.mkdir()
    (own / "posters.py").write_text(KIND)
    with registered(KINDS, own):
        yield


class Endless(Drawer):
    """Is at the second picture until the studio ends."""

    def _draw(self, index: int, recipe: Recipe, report: Report) -> Rendered:
        while recipe.seed == 2:
            report(Step((index,), 1, 2, 0.0))
        return super()._draw(index, recipe, report)


def opened(home: Path, drawer: Drawer) -> Studio:
    return Studio(Settings.load(home=home, max_images=4), backend=drawer)


def listed(studio: Studio) -> list[dict[str, Any]]:
    with gr.Blocks(analytics_enabled=False):
        told = QueuePanel(studio).widget.look({}, request())
    return [*told["jobs"], *told["ended"]]


def test_jobs_of_a_kind_are_made_as_it_says_and_go_on_after_a_restart(tmp_path: Path, kind: None) -> None:
    home, drawer = tmp_path / "home", Drawer(gated=True)
    heard: list[Event] = []
    with opened(home, drawer) as studio:
        studio.jobs.listen("posters", heard.append)
        with pytest.raises(InvalidRecipe, match="Ask for at most 4"):
            studio.submit(RECIPE.replace(count=5), ME, kind="posters")
        poster = studio.submit(RECIPE.replace(count=3), ME, kind="posters")
        drawer.allow()
        next(event for event in poster.follow() if isinstance(event, Finished))
        (told,) = listed(studio)
        assert (told["kind"], told["priority"], told["images"], told["mine"]) == ("Posters", "background", 3, True)
        quick = studio.submit(RECIPE.replace(prompt="a postcard"), ME)
        drawer.free()
        list(quick.follow())
        list(poster.follow())
        assert drawer.drawn.index("a postcard/1") < 3, "it lets others in before all of it is made"
        assert heard[-1] == poster.events[-1]
    with opened(home, Endless()) as studio:
        left = studio.submit(RECIPE.replace(count=2), ME, kind="posters")
        next(event for event in left.follow() if isinstance(event, Finished))
    with opened(home, Drawer()) as studio:
        assert isinstance([*studio.job(left.id, ME).follow()][-1], Done)
        assert [(told["kind"], told["done"]) for told in listed(studio)] == [("Posters", 2), ("", 1), ("Posters", 3)]


def test_a_job_whose_kind_is_gone_is_told_as_failed(tmp_path: Path) -> None:
    own, home = tmp_path / "kinds", tmp_path / "home"
    own.mkdir()
    (own / "posters.py").write_text(KIND)
    with registered(KINDS, own), opened(home, Endless()) as studio:
        left = studio.submit(RECIPE.replace(seed=2), ME, kind="posters")
    with opened(home, Drawer()) as studio:
        ending = studio.job(left.id, ME).events[-1]
    assert isinstance(ending, Failed)
    assert "its kind is 'posters'" in ending.message
