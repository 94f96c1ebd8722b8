"""Hosted models as lanes: chosen wherever a model can be, paid once, within the budget, with one's own key alone."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.cli import main
from studio.errors import InvalidRecipe, KeyRefused, OverBudget, Refused
from studio.events import Done, Event, Failed, Finished, ImageFailed, Preview, Stopped
from studio.gate.identity import Identity
from studio.grids.axes import Axis
from studio.grids.making import Grids, plan
from studio.jobs.job import Job
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import grid_views
from studio.ui.hosted_choices import price
from tests.drawer import Drawer
from tests.forks import python
from tests.hosted.service import KEY, Service

ME = Identity("browser", "me", here=True)
STRANGER = Identity("browser", "stranger")
MODEL = "openai:gpt-image-2"


@pytest.fixture
def here(studio: Studio) -> Studio:
    """The studio, and I am at its machine."""
    return studio


def ended(job: Job) -> Any:
    return [*job.follow()][-1]


def asked(**more: Any) -> Recipe:
    return Recipe.make(**{"prompt": "a red house", "model": MODEL, **more})


def test_a_hosted_model_makes_a_picture_from_text_and_the_picture_says_what_it_cost(here: Studio, service: Service):
    job = here.submit(asked(model=f"{MODEL}?quality=low", seed=7), ME)
    assert isinstance(ended(job), Done)
    (made,) = job.results
    kept, facts = own.read(made.path), own.read_facts(made.path)
    assert (kept.model, kept.prompt, kept.seed, kept.width) == (f"{MODEL}?quality=low", "a red house", 7, 1024)
    assert kept.steps is kept.scheduler is None
    assert facts["quality"] == "low"
    assert here.hosted.budget.spent() == pytest.approx(float(facts["cost_usd"]))
    assert service.asked[0].body["size"] == "1024x1024"
    assert here.resolve(kept) == (kept,), "and makes it again"


def test_a_hosted_model_changes_a_picture_and_paints_where_the_mask_is(here: Studio, service: Service):
    picture = here.inputs.add(Image.new("RGB", (120, 80), "red")).id
    mask = here.inputs.add(Image.new("L", (120, 80), 255)).id
    for given in ({"init_image": picture}, {"init_image": picture, "mask_image": mask}):
        assert isinstance(ended(here.submit(asked(**given), ME)), Done)
    changed, painted = service.asked
    assert changed.path == painted.path == "/v1/images/edits"
    assert (changed.body["size"], "mask" in changed.body, "mask" in painted.body) == ("1536x1024", False, True)


def test_signs_that_are_meant_as_such_are_told_as_they_are_and_so_again(here: Studio, service: Service):
    job = here.submit(asked(prompt=r"a \{b house \(old\), 10\: 4"), ME)
    assert isinstance(ended(job), Done)
    kept = own.read(job.results[0].path)
    assert here.resolve(kept) == (kept,), "it says the same when it is made again"
    assert isinstance(ended(here.submit(kept, ME)), Done)
    assert {one.body["prompt"] for one in service.asked} == {"a {b house (old), 10: 4"}


def test_who_tries_again_uses_their_own_key(here: Studio, service: Service):
    service.behaviours["gpt-image-2"] = "broken"
    job = here.submit(asked(), ME)
    ended(job)
    again = ended(here.jobs.retry(job.id, Identity("browser", ME.owner)))
    assert isinstance(again, Failed)
    assert again.code == "key_refused"
    assert len(service.asked) == 1


def test_four_candidates_are_asked_for_side_by_side_each_by_its_own_name(here: Studio, service: Service):
    service.behaviours["gpt-image-2"] = "slow"
    job = here.submit(asked(count=4, prompt="a {red|blue|green|white} house"), ME)
    for _ in range(3):
        service.began.acquire()
    assert len(service.asked) == 3
    service.gate.set()
    assert isinstance(ended(job), Done)
    assert len({one.headers["idempotency-key"] for one in service.asked}) == 4
    assert [recipe.seed for recipe in job.recipes] == [(job.recipes[0].seed or 0) + k for k in range(4)]


def test_local_and_hosted_pictures_of_one_job_are_made_side_by_side(
    tmp_path: Path, surroundings: None, service: Service
):
    drawer = Drawer(gated=True)
    with Studio(Settings.load(home=tmp_path / "home"), backend=drawer) as studio:
        job = studio.submit([Recipe(prompt="a house", steps=1), asked()], ME)
        first = next(event for event in job.follow() if hasattr(event, "path"))
        assert first.image == 1, "the hosted one does not wait for the device"
        drawer.allow(9)
        assert isinstance(ended(job), Done)


def test_a_grid_axis_goes_over_local_and_hosted_models(here: Studio, service: Service):
    base = Recipe(prompt="a red house", steps=1, negative_prompt="", guidance_scale=4, seed=3)
    known = plan(here, base, [Axis.parse(f"model=starter,{MODEL}?quality=low,openai:dall-e-3")])
    assert [cell.error for cell in known.cells] == [""] * 3
    begun = Grids(here).begin(known, ME)
    list(begun.job.follow())
    assert all(cell.path for cell in begun.grid.cells)
    assert service.paid == {("gpt-image-2", "a red house"): 1, ("dall-e-3", "a red house"): 1}
    varied = plan(here, base, [Axis.parse(f"model=starter,{MODEL}"), Axis.parse("steps=1,2")])
    assert [cell.error for cell in varied.cells if cell.at[0]] == [
        "GPT Image 2 takes no steps. Leave it out, or choose another model."
    ] * 2, "the same picture is not bought twice"


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "steps": ({"steps": 8}, "steps", "takes no steps"),
    "a scheduler": ({"scheduler": "Euler"}, "scheduler", "takes no scheduler"),
    "a negative prompt": ({"negative_prompt": "fog"}, "negative_prompt", "takes no negative prompt"),
    "a LoRA": ({"loras": ({"name": "ink"},)}, "loras", "takes no loras"),
    "a LoRA in the prompt": ({"prompt": "a house <lora:ink:1>"}, "prompt", "takes no LoRAs"),
    "another size": ({"width": 512, "height": 512}, "width", "It makes 1024x1024"),
    "a choice that it lacks": ({"model": f"{MODEL}?quality=best"}, "model", "medium, low, high"),
    "no such host": ({"model": "nobody:m"}, "model", "openai"),
    "nothing said": ({"prompt": " "}, "prompt", "empty"),
    "a picture where it takes none": ({"model": "openai:dall-e-3", "init_image": "0" * 64}, "model", "cannot change"),
    "too many": ({"count": 65}, "count", "more than one job"),
}


@pytest.mark.parametrize(("given", "field", "says"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_a_hosted_model_does_not_take_is_refused_at_its_field(
    here: Studio, given: dict[str, Any], field: str, says: str
):
    with pytest.raises(InvalidRecipe, match=says) as fault:
        here.submit(asked(**given), ME)
    assert fault.value.field == field


def test_what_may_cost_more_than_is_left_today_is_refused_before_anything_is_asked(
    tmp_path: Path, surroundings: None, service: Service
):
    with Studio(Settings.load(home=tmp_path / "home", day_budget_usd=0.1), backend=Drawer()) as studio:
        four = asked(model="openai:dall-e-3", count=4)
        assert studio.most_usd([four]).usd == pytest.approx(0.16)
        with pytest.raises(OverBudget, match=r"up to \$0\.160"):
            studio.submit(four, ME)
        assert service.asked == []
        ended(studio.submit(four.replace(count=2), ME))
        assert studio.hosted.budget.left() == pytest.approx(0.02)


def test_a_stranger_spends_no_key_of_the_environment_and_asks_no_address(studio: Studio, service: Service):
    with pytest.raises(KeyRefused, match="no key"):
        studio.submit(asked(), STRANGER)
    with pytest.raises(Refused, match="only uses addresses"):
        studio.submit(asked(model=f"{service.address}:m"), STRANGER)
    assert service.asked == []
    studio.hosted.keys.put(STRANGER, "openai", KEY)
    assert isinstance(ended(studio.submit(asked(), STRANGER)), Done)


def test_a_key_is_its_account_s_alone_and_is_no_viewer_s(studio: Studio, service: Service):
    ann, bob = (Identity.signed_in(name, name, "creator") for name in ("ann", "bob"))
    studio.hosted.keys.put(ann, "openai", KEY)
    assert isinstance(ended(studio.submit(asked(), ann)), Done)
    hosts = studio.hosted.models.hosts
    assert studio.hosted.keys.known(bob, hosts)["openai"] == ""
    with pytest.raises(KeyRefused, match="no key"):
        studio.submit(asked(), bob)
    with pytest.raises(Refused, match="it can look, but not change anything"):
        studio.hosted.keys.put(Identity.signed_in("vic", "vic", "viewer"), "openai", KEY)


@pytest.mark.parametrize("fault", ["busy", "broken", "moderated"])
def test_what_goes_wrong_at_the_service_is_told_and_can_be_tried_again(here: Studio, service: Service, fault: str):
    service.behaviours["gpt-image-2"] = fault
    job = here.submit(asked(), ME)
    end = ended(job)
    assert isinstance(end, Failed)
    assert end.hint
    service.behaviours.clear()
    assert isinstance(ended(here.jobs.retry(job.id, ME)), Done)
    names = [one.headers["idempotency-key"] for one in service.asked]
    # What broke may have been paid for: it is asked for by the same name.
    assert len(set(names)) == (1 if fault == "broken" else 2)


def test_a_fault_of_one_cell_is_told_of_it_and_the_others_are_made(here: Studio, service: Service):
    service.behaviours["dall-e-3"] = "broken"
    recipes = here.resolve(asked()) + here.resolve(asked(model="openai:dall-e-3"))
    job = here.jobs.submit(recipes, ME, kind="grid", lanes=[MODEL, "openai:dall-e-3"])
    assert isinstance(ended(job), Done)
    faults = [event for event in job.events if isinstance(event, ImageFailed)]
    assert [one.image for one in faults] == [1]
    assert faults[0].fault.code == "service_failed"


def test_a_stopped_job_asks_for_no_more_and_keeps_what_is_paid_for(here: Studio, service: Service):
    service.behaviours["gpt-image-2"] = "slow"
    job = here.submit(asked(count=5), ME)
    for _ in range(3):
        service.began.acquire()
    here.stop(job.id, ME)
    service.gate.set()
    assert isinstance(ended(job), Stopped)
    assert len(service.asked) == len(job.results) == 3


def test_the_end_of_a_job_is_told_after_each_of_its_pictures(here: Studio, service: Service, monkeypatch):
    tell = Job.tell

    def late(job: Job, event: Event) -> None:
        if isinstance(event, Finished):
            time.sleep(event.image / 10)
        tell(job, event)

    monkeypatch.setattr(Job, "tell", late)
    service.behaviours["gpt-image-2"] = "slow"
    job = here.submit(asked(count=3), ME)
    for _ in range(3):
        service.began.acquire()
    service.gate.set()
    assert isinstance(ended(job), Done)
    assert len(job.results) == 3


def test_partial_images_are_shown_while_a_picture_is_made(tmp_path: Path, surroundings: None, service: Service):
    with Studio(Settings.load(home=tmp_path / "home"), backend=Drawer()) as studio:
        seen: list[Preview] = []
        while not seen:  # a picture that is there before anybody looks has none left; the test's limit ends it
            seen = [event for event in studio.submit(asked(), ME).follow() if isinstance(event, Preview)]


def test_the_studio_closes_without_waiting_for_an_answer(tmp_path: Path, surroundings: None, service: Service):
    service.behaviours["gpt-image-2"] = "slow"
    studio = Studio(Settings.load(home=tmp_path / "home"), backend=Drawer())
    studio.submit(asked(), ME)
    service.began.acquire()
    studio.close()
    assert len(service.asked) == 1


KILLED = """
import os, sys
from pathlib import Path
from studio.gate.identity import Identity
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
studio = Studio(Settings.load(home=Path(sys.argv[1])), backend=Drawer())
me = Identity("browser", "me", here=True)
asked = {"one": "openai:dall-e-3", "two": "openai:gpt-image-2"}
job = studio.submit([Recipe(prompt=prompt, model=model) for prompt, model in asked.items()], me)
next(event for event in job.follow() if hasattr(event, "path"))
print(job.id, flush=True)
sys.stdin.read()
"""


def test_a_killed_studio_goes_on_by_itself_and_pays_nothing_twice(tmp_path: Path, surroundings: None, service: Service):
    """One picture is stored and one is on its way; nobody opens a page after the restart."""
    service.behaviours["gpt-image-2"] = "slow"
    program = subprocess.Popen(
        [python(), "-c", KILLED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    name = program.stdout.readline().strip()
    service.began.acquire()
    service.began.acquire()
    program.kill()
    program.communicate()
    service.behaviours.clear()
    service.gate.set()
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        job = studio.job(name, ME)
        assert isinstance(ended(job), Done)
        assert len(job.results) == 2
        names = {one.body["prompt"]: set[str]() for one in service.asked}
        for one in service.asked:
            names[one.body["prompt"]].add(one.headers["idempotency-key"])
        assert {prompt: len(keys) for prompt, keys in names.items()} == {"one": 1, "two": 1}
        assert service.paid["dall-e-3", "one"] == 1
        costs = [float(own.read_facts(made.path)["cost_usd"]) for made in job.results]
        assert studio.hosted.budget.spent() == pytest.approx(sum(costs))


def test_the_command_says_the_cost_before_and_after(
    tmp_path: Path, surroundings: None, service: Service, capsys: pytest.CaptureFixture[str]
):
    given = ["generate", "a red house", "--model", "openai:dall-e-3", "--home", str(tmp_path)]
    assert main([*given, "--out", str(tmp_path / "out"), "--json"]) == 0
    told = capsys.readouterr()
    assert "up to $0.040" in told.err
    (image,) = json.loads(told.out)["images"]
    assert image["cost_usd"] == pytest.approx(0.04)


def test_a_grid_says_its_cost_before_and_after(
    tmp_path: Path, surroundings: None, service: Service, capsys: pytest.CaptureFixture[str]
):
    given = ["grid", "--prompt", "a red house", "--x", "model=openai:dall-e-3,openai:dall-e-2", "--home", str(tmp_path)]
    assert main([*given, "--out", str(tmp_path / "out"), "--json"]) == 0
    said = capsys.readouterr().err
    assert "2 hosted pictures: up to $0.060." in said
    assert "It cost $0.060." in said


def test_the_page_says_what_a_grid_and_candidates_cost(here: Studio, service: Service):
    axis = {"field": "model", "text": "starter, openai:dall-e-3"}
    plan_said = grid_views.considered(here, Recipe(prompt="a red house").to_json(), [axis])
    assert plan_said["price"] == "1 hosted picture: up to $0.040."
    begun = Grids(here).begin(plan(here, Recipe(prompt="a red house"), [Axis.parse("model=openai:dall-e-3")]), ME)
    list(begun.job.follow())
    assert grid_views.head(begun.grid)["cost_usd"] == pytest.approx(0.04)
    assert price(here, asked(model="openai:dall-e-3"), "text2img") == (
        "At most $0.040 for 1 picture, $0.320 for 8 candidates."
    )
