"""The queue's panel: what everybody sees of it, and what only an owner sees and does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.errors import OutOfMemory
from studio.events import Started
from studio.jobs.job import Job
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.queue_panel import QueuePanel, in_words
from tests.drawer import Drawer
from tests.jobs.place import wait_for
from tests.people import who
from tests.ui.callers import ME, request

OTHER = "browser:other"
RECIPE = {"model": "starter", "width": 64, "height": 64, "steps": 1}


@pytest.fixture
def drawer() -> Drawer:
    return Drawer(gated=True, faults={"refuse": OutOfMemory("No room.", "Less.")})


@pytest.fixture
def studio(tmp_path: Path, drawer: Drawer) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path), backend=drawer) as studio:
        yield studio
        drawer.free()


@pytest.fixture
def panel(studio: Studio) -> QueuePanel:
    with gr.Blocks(analytics_enabled=False):
        return QueuePanel(studio)


def ask(studio: Studio, prompt: str, owner: str = ME.owner, count: int = 1, kind: str = "images") -> Job:
    recipes = studio.resolve(Recipe.make(prompt=prompt, count=count, seed=1, **RECIPE))
    return studio.jobs.submit(recipes, who(owner), kind=kind)


def test_what_runs_and_waits_is_told_in_its_order_and_words_are_the_owners_alone(studio: Studio, panel: QueuePanel):
    wait_for(ask(studio, "a secret", OTHER, count=2), Started)
    own = ask(studio, "a boat", count=3, kind="grid")
    told = panel.widget.look({}, request())
    theirs, mine = told["jobs"]
    assert theirs == {
        "id": "",
        "mine": False,
        "kind": "",
        "images": 2,
        "done": 0,
        "state": "running",
        "paused": False,
        "priority": "interactive",
    }
    assert (mine["id"], mine["title"], mine["kind"], mine["line"]) == (own.id, "a boat", "Grid", "1 job before yours")
    assert [item["number"] for item in mine["items"]] == [0, 1, 2]
    assert "secret" not in str(told)
    assert in_words(studio) == "1 running, 1 waiting"


def test_only_the_owner_stops_pauses_moves_and_lets_run_in_the_background(studio: Studio, panel: QueuePanel):
    ask(studio, "first", OTHER)
    one, two = ask(studio, "one", count=2), ask(studio, "two")
    stranger = request(OTHER)
    for act, more in (
        ("stop", {}),
        ("stop_item", {"number": 0}),
        ("pause", {"paused": True}),
        ("move", {"before": None}),
        ("set_background", {"background": True}),
        ("retry", {}),
    ):
        assert getattr(panel.widget, act)({"job": one.id, **more}, stranger)["fault"].startswith(
            "There is no such job."
        )
    assert panel.widget.move({"job": two.id, "before": one.id}, request()) == {}
    assert [job["title"] for job in panel.widget.look({}, request())["jobs"] if job["mine"]] == ["two", "one"]
    assert panel.widget.pause({"job": two.id, "paused": True}, request()) == {}
    assert panel.widget.set_background({"job": one.id, "background": True}, request()) == {}
    assert panel.widget.stop_item({"job": one.id, "number": 1}, request()) == {}
    told = {job["title"]: job for job in panel.widget.look({}, request())["jobs"] if job["mine"]}
    assert (told["two"]["line"], told["one"]["priority"]) == ("Paused", "background")
    assert [item["state"] for item in told["one"]["items"]] == ["waiting", "stopped"]
    assert panel.widget.stop({"job": two.id}, request()) == {}
    assert [job["title"] for job in panel.widget.look({}, request())["ended"]] == ["two"]


def test_what_failed_is_said_and_made_again(studio: Studio, panel: QueuePanel, drawer: Drawer):
    drawer.free()
    job = ask(studio, "refuse")
    list(job.follow())
    (told,) = panel.widget.look({}, request())["ended"]
    assert told["fault"] == "No room. Less."
    drawer.faults = {}
    assert panel.widget.retry({"job": job.id}, request()) == {}
    list(job.follow())
    assert [item["items"] for item in panel.widget.look({}, request())["ended"]] == [[]]
