"""Do the same to these: the way of one picture for other pictures or prompts, as one job."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.cli import main
from studio.cli.repeat import _lines
from studio.errors import InvalidRecipe, InvalidRequest, NotFound
from studio.events import Done, Failed, ImageFailed, NotContinued, Queued
from studio.export.pictures import found_in_library
from studio.gate.identity import COMMAND_LINE, PROGRAM
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.kinds import KINDS
from studio.metadata import own
from studio.recipe import Recipe, Upscale
from studio.repeat.making import Plan
from studio.repeat.recipes import for_pictures, for_prompts
from studio.repeat.store import RepeatStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import library_views
from studio.ui.job_view import view
from studio.ui.queue_panel import _job_facts
from tests.api.asking import asking, gated
from tests.drawer import Drawer
from tests.drawer import resolved as drawn
from tests.people import who


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    drawer = Drawer(faults={"bad": InvalidRequest("It cannot be.", "Leave it.")})
    with Studio(Settings(home=tmp_path / "home", max_cells=5), backend=drawer, durable=False) as studio:
        yield studio


@pytest.fixture
def given(tmp_path: Path) -> list[Path]:
    paths = []
    for number, size in enumerate(((128, 128), (96, 160))):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", size, (number * 99, 20, 30)).save(paths[-1])
    return paths


def resolved(studio: Studio, **values: Any) -> Recipe:
    (recipe,) = studio.resolve(Recipe.make(**{"prompt": "a house", "model": "starter", "seed": 5, **values}))
    return recipe


def first(studio: Studio, size: tuple[int, int] = (128, 128)) -> str:
    return studio.inputs.add(Image.new("RGB", size, "teal")).id


def others(studio: Studio, recipe: Recipe, given: list[Path]) -> list[Recipe]:
    return for_pictures(recipe, given, studio.inputs, studio.catalogue, COMMAND_LINE)


def test_each_prompt_is_one_picture_of_one_job_with_all_else_as_it_was(studio: Studio):
    recipe = resolved(studio, steps=3, loras=[{"name": "sketch"}])
    job = studio.submit(for_prompts(recipe, ["a boat", "a fox"]), COMMAND_LINE, kind="repeat")
    list(job.follow())
    assert [(one.prompt, one.seed, one.steps, one.loras) for one in job.recipes] == [
        ("a boat", 5, 3, recipe.loras),
        ("a fox", 5, 3, recipe.loras),
    ]
    assert (job.kind, len(job.results)) == ("repeat", 2)


def test_each_picture_takes_the_place_of_the_one_that_was_changed(studio: Studio, given: list[Path]):
    recipe = resolved(studio, init_image=first(studio), strength=0.4)
    recipes = [one for each in others(studio, recipe, given) for one in studio.resolve(each)]
    assert [studio.inputs.size(str(one.init_image)) for one in recipes] == [(128, 128), (96, 160)]
    assert [(one.width, one.height) for one in recipes] == [(128, 128), (96, 160)]
    assert {(one.strength, one.seed) for one in recipes} == {(0.4, 5)}


def test_a_size_that_was_asked_for_stays(studio: Studio, given: list[Path]):
    recipe = resolved(studio, init_image=first(studio), strength=0.4, width=64, height=96)
    assert {(one.width, one.height) for one in others(studio, recipe, given)} == {(64, 96)}


def test_what_was_enlarged_or_followed_is_done_to_others_too(studio: Studio, given: list[Path]):
    enlarged = resolved(studio, prompt="", init_image=first(studio), upscaler="lanczos", upscale=2)
    assert [one.upscale.scale for one in others(studio, enlarged, given)] == [2, 2]
    unit = {"kind": "canny", "image": first(studio), "map": first(studio)}
    followed = resolved(studio, controls=[unit])
    for one, path in zip(others(studio, followed, given), given, strict=True):
        (made,) = one.controls
        assert (made.image, made.map) == (studio.inputs.add(path).id, None)


def test_one_that_fails_does_not_end_the_others(studio: Studio):
    job = studio.submit(for_prompts(resolved(studio), ["a boat", "bad", "a fox"]), COMMAND_LINE, kind="repeat")
    list(job.follow())
    assert [event.image for event in job.events if isinstance(event, ImageFailed)] == [1]
    assert sorted(event.image for event in job.results) == [0, 2]
    assert not KINDS["repeat"].one_fault_ends


def test_what_cannot_be_done_to_others_is_said(studio: Studio, given: list[Path]):
    words = resolved(studio)
    with pytest.raises(InvalidRequest, match="made of words alone"):
        others(studio, words, given)
    with pytest.raises(InvalidRequest, match="no prompt had a part"):
        for_prompts(resolved(studio, prompt="", init_image=first(studio), upscale=2), ["a boat"])
    with pytest.raises(InvalidRequest, match="no prompt in there"):
        for_prompts(words, [])
    with pytest.raises(InvalidRequest, match="6 pictures; one job of this kind may make 5"):
        studio.repeats.plan([words], COMMAND_LINE, prompts=[*"abcdef"])


def test_prompts_are_read_a_line_each(tmp_path: Path):
    (tmp_path / "prompts.txt").write_bytes("\ufeffa boat\n\n# not this\n  a fox \r\n".encode())
    assert _lines(str(tmp_path / "prompts.txt")) == ["a boat", "a fox"]


def made(studio: Studio, recipe: Recipe) -> Path:
    job = studio.submit(recipe, COMMAND_LINE)
    list(job.follow())
    return job.results[0].path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Studio]:
    """A studio with a library, in which a picture was made of words and then enlarged twice."""
    with Studio(Settings(home=tmp_path / "home"), backend=Drawer()) as studio:
        yield studio


def enlarged(studio: Studio, path: Path, scale: float) -> Path:
    return made(studio, Recipe(init_image=studio.inputs.add(path).id, upscale=Upscale(scale=scale), model="starter"))


def test_the_way_of_a_picture_is_all_that_the_library_knows_it_came_from(home: Studio):
    words = made(home, Recipe(prompt="a house", model="starter", seed=5))
    last = enlarged(home, enlarged(home, words, 2), 1.5)
    steps = home.repeats.way(last, COMMAND_LINE)
    assert [(one.prompt, one.upscale.scale) for one in steps] == [("a house", None), ("", 2), ("", 1.5)]
    assert [one.prompt for one in home.repeats.way(words, COMMAND_LINE)] == ["a house"]


def test_every_step_of_the_way_is_done_for_each_prompt(
    home: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    last = enlarged(home, made(home, Recipe(prompt="a house", model="starter", seed=5)), 2)
    (tmp_path / "prompts.txt").write_text("a boat\na fox\n")
    drawer, jobs = Drawer(), []
    monkeypatch.setattr("studio.studio.backend_of", lambda *_: drawer)
    submit = Studio.submit
    monkeypatch.setattr(Studio, "submit", lambda *args, **more: jobs.append(submit(*args, **more)) or jobs[-1])
    asked = ["repeat", str(last), "--prompts", str(tmp_path / "prompts.txt"), "--out", str(tmp_path / "out"), "--json"]
    assert main([*asked, "--home", str(home.settings.home)]) == 0
    rows = json.loads(capsys.readouterr().out)["images"]
    assert [[one.prompt for one in job.recipes] for job in jobs] == [["a boat", "a fox"], ["", ""]]
    assert [own.read(Path(row["path"])).upscale.scale for row in rows] == [2, 2]
    jobs.clear()
    assert main([*asked, "--last-step", "--home", str(home.settings.home)]) == 2
    assert "no prompt had a part" in capsys.readouterr().err


def followed(studio: Studio, before: set[str], steps: int) -> list[Job]:
    """The jobs that came since, newest first, when all of them are over."""
    until = time.monotonic() + 300
    while len(jobs := [job for job in studio.jobs_of(COMMAND_LINE) if job.id not in before]) < steps:
        assert time.monotonic() < until
        time.sleep(0.02)
    for job in jobs:
        list(job.follow())
    return jobs


def test_what_follows_and_cannot_be_read_is_forgotten_and_ends_no_other(studio: Studio):
    with studio.jobs.database.write() as rows:
        rows.execute("INSERT INTO jobs (id, owner, created, state) VALUES ('old', 'ann', 1, 'done')")
        rows.execute("INSERT INTO repeats (job, later, before, prompts, places) VALUES ('old', '[1', '', '[]', '[]')")
    studio.repeats.start()
    until = time.monotonic() + 300
    while RepeatStore(studio.jobs.database).due():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("left", ["while the first step is made", "between two steps"])
def test_the_steps_to_come_survive_a_restart(tmp_path: Path, left: str):
    settings, drawer = Settings(home=tmp_path / "home"), Drawer(gated=True)
    with Studio(settings, backend=drawer) as studio:
        drawer.allow(100)
        last = enlarged(studio, made(studio, Recipe(prompt="a house", model="starter", seed=5)), 2)
        drawer.hold()
        before = {job.id for job in studio.jobs_of(COMMAND_LINE)}
        planned = studio.repeats.plan(studio.repeats.way(last, COMMAND_LINE), COMMAND_LINE, prompts=["a boat", "a fox"])
        if left == "between two steps":
            studio.repeats.close()
        job = studio.repeats.begin(planned, COMMAND_LINE)
        if left == "between two steps":
            drawer.free()
            list(job.follow())
        closing = threading.Thread(target=studio.close)
        closing.start()
        drawer.free()
        closing.join()
    with Studio(settings, backend=Drawer()) as studio:
        second, first = followed(studio, before, 2)
        assert [recipe.prompt for recipe in first.recipes] == ["a boat", "a fox"]
        starts = [studio.inputs.add(image.path).id for image in first.results]
        ends = [(one.recipe.init_image, one.recipe.upscale.scale) for one in second.results]
        assert sorted(ends) == sorted((each, 2) for each in starts)
        studio.repeats.close()
        with studio.database.read() as rows:
            assert rows.execute("SELECT job FROM repeats").fetchall() == []


def test_what_cannot_go_on_is_left_out_of_the_next_step_and_told(home: Studio):
    last = enlarged(home, made(home, Recipe(prompt="a house", model="starter", seed=5)), 2)
    planned = home.repeats.plan(home.repeats.way(last, COMMAND_LINE), COMMAND_LINE, prompts=["a boat", "a fox"])
    gone = last.with_name("gone.png")
    recipes, faults = home.repeats.next(planned.steps, {0: gone, 1: last}, COMMAND_LINE)
    assert [*recipes] == [1]
    assert isinstance(faults[0], NotFound | InvalidRecipe)


def test_a_next_step_that_cannot_be_done_is_told_by_the_job_the_page_and_programs_and_is_kept(tmp_path: Path):
    settings = Settings(home=tmp_path / "home")
    with Studio(settings, backend=Drawer()) as studio:
        start = studio.inputs.add(Image.new("RGB", (64, 64)), who=PROGRAM).id
        later = Recipe(init_image=start, upscale=Upscale(scale=2, upscaler="gone"), model="starter")
        recipes = for_prompts(resolved(studio), ["a boat", "a fox"])
        job = studio.repeats.begin(Plan(recipes, [later], "a house", ["a boat", "a fox"]), PROGRAM)
        list(job.follow())
        until = time.monotonic() + 300
        while not all(item.not_continued for item in job.items):
            assert time.monotonic() < until
            time.sleep(0.02)
        told = asking(gated(studio))("GET", f"/api/jobs/{job.id}").json()["images"]
        assert [image["state"] for image in told] == ["done", "done"]
        assert all("gone" in image["not_continued"]["message"] and image["not_continued"]["hint"] for image in told)
        (seen,) = _job_facts(job, mine=True)["items"][:1]
        assert seen["fault"].startswith("It is made, and its next step cannot be: ")
        assert "with 2 of 2 pictures: " in str(view(studio, PROGRAM)["job"]["note"])
    with Studio(settings, backend=Drawer()) as studio:
        *_, first, second, end = studio.job(job.id, PROGRAM).events
        assert [type(event) for event in (first, second, end)] == [NotContinued, NotContinued, Done]
        assert (first.image, second.image) == (0, 1)
        assert "gone" in first.fault.sentence


def test_what_is_known_only_after_the_end_reaches_whoever_reads_on():
    job = Job("a", COMMAND_LINE, [QueueItem(0, drawn("a"))], 0.0)
    for event in (Queued(0), Done(1.0)):
        job.tell(event)
    _, position = job.read(0)
    late = NotContinued(0, Failed("It cannot be.", "Do something else."))
    job.tell_late(late)
    assert job.read(position)[0] == (late, Done(1.0))
    assert job.events == (Queued(0), late, Done(1.0))


def test_a_search_of_the_library_says_what_the_same_is_done_to(home: Studio):
    made(home, Recipe(prompt="a red house", model="starter", seed=5))
    boat = made(home, Recipe(prompt="a boat", model="starter", seed=6))
    assert found_in_library(home.index, "boat") == [boat]


def test_the_page_does_the_whole_way_to_prompts_a_board_or_pictures(home: Studio):
    words = made(home, Recipe(prompt="a house", model="starter", seed=5))
    last, other = enlarged(home, words, 2), made(home, Recipe(prompt="a fox", model="starter", seed=6))
    ids = {path: entry.id for path in (words, last, other) if (entry := home.index.at(path, COMMAND_LINE))}
    board = home.index.marks.add_board("Foxes", COMMAND_LINE).id
    home.index.marks.put([ids[other]], board, COMMAND_LINE)
    for given in ({"prompts": ["a boat"]}, {"board": board}, {"ids": [ids[other], ids[last]]}):
        before = {job.id for job in home.jobs_of(COMMAND_LINE)}
        values = {"ids": [], "board": "", "prompts": [], **given}
        begun = library_views.repeat(home, ids[last], **values, who=COMMAND_LINE)
        steps = 2 if "prompts" in given else 1
        assert begun == {"count": 1, "steps": steps}
        jobs = followed(home, before, steps)
        assert jobs[0].results[0].recipe.upscale.scale == 2
    with pytest.raises(InvalidRequest, match="no other picture"):
        library_views.repeat(home, ids[last], [ids[last]], "", [], COMMAND_LINE)
    with pytest.raises(NotFound):
        library_views.repeat(home, ids[last], [], "", ["a boat"], who("ann", here=False))
