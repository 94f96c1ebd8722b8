"""Drawing live: the newest wish wins, and only the last picture stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.errors import InvalidRecipe
from studio.jobs.job import Job
from studio.live import Live
from studio.recipe import Lora, Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.people import who

ANN, BOB = who("ann"), who("bob")


@pytest.fixture
def drawer() -> Drawer:
    return Drawer(gated=True)


@pytest.fixture
def studio(tmp_path: Path, drawer: Drawer) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path, model="starter"), backend=drawer) as studio:
        yield studio
        drawer.free()


@pytest.fixture
def live(studio: Studio) -> Live:
    return Live(studio)


def wish(words: str, **more: object) -> Recipe:
    return Recipe.make(**{"prompt": words, "width": 64, "height": 64, **more})


def drawn(job: Job | None, drawer: Drawer) -> Path:
    assert job
    drawer.allow(100)
    list(job.follow())
    drawer.hold()
    (result,) = job.results
    return result.path


def test_a_new_wish_ends_the_one_before_and_others_go_on(live: Live, drawer: Drawer):
    first, theirs = live.draw(wish("a h"), ANN, 1), live.draw(wish("a boat"), BOB, 1)
    second = live.draw(wish("a house"), ANN, 2)
    drawn(second, drawer)
    assert first
    assert theirs
    list(first.follow())
    list(theirs.follow())
    assert (first.state, second and second.state, theirs.state) == ("stopped", "done", "done")


def test_a_wish_that_a_newer_one_overtook_is_not_drawn(live: Live):
    assert live.draw(wish("a house"), ANN, 5)
    assert live.draw(wish("a hou"), ANN, 4) is None
    assert live.draw(wish("a house"), BOB, 4)


def test_only_the_last_picture_stays_and_what_was_starred(live: Live, studio: Studio, drawer: Drawer):
    paths = [drawn(live.draw(wish(f"house {n}"), ANN, n), drawer) for n in range(4)]
    entry = studio.index.at(paths[1], ANN)
    assert entry
    studio.index.marks.star([entry.id], ANN, on=True)
    other = drawn(studio.submit(wish("an earlier one", seed=1, steps=1), ANN), drawer)
    live.tidy(ANN)
    assert [path.exists() for path in paths] == [False, True, False, True]
    assert other.exists()
    assert studio.index.at(paths[0], ANN) is None


def test_it_is_drawn_in_the_few_steps_of_its_model_by_a_seed_that_stays(live: Live, drawer: Drawer):
    first = live.draw(wish("a house", steps=20, count=4, scheduler="DDIM"), ANN, 1)
    assert first
    (recipe,) = first.recipes
    assert (recipe.steps, recipe.scheduler, recipe.guidance_scale, recipe.count) == (4, "LCM", 1.0, 1)
    assert [lora.name for lora in recipe.loras] == ["few-step"]
    drawn(first, drawer)
    again = live.draw(wish("a red house", loras=[Lora(name="sketch")]), ANN, 2)
    assert again
    assert again.recipes[0].seed == recipe.seed
    assert [lora.name for lora in again.recipes[0].loras] == ["sketch", "few-step"]
    own = live.draw(wish("a red house", seed=7), ANN, 3)
    assert own
    assert own.recipes[0].seed == 7


def test_nothing_that_costs_money_is_drawn_live(live: Live, studio: Studio):
    with pytest.raises(InvalidRecipe, match="costs money"):
        live.draw(Recipe(prompt="a house", model="openai:gpt-image-1"), ANN, 1)
    assert not studio.jobs.unfinished()
