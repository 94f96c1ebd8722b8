"""Races on a real pipeline: all are looked at, those behind end there, and the others do not notice."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.backends.base import Rendered, Turn
from studio.backends.local import LocalBackend
from studio.candidates.store import CandidateSet
from studio.catalogue.models import Catalogue
from studio.cli import main
from studio.engine import heat
from studio.engine.renderer import Renderer
from studio.errors import Cancelled, InvalidRecipe, ModelError, NotFound, OutOfMemory
from studio.events import Done, Dropped, Event, Loading, Step
from studio.racing import Race, draft
from studio.recipe import Recipe, TextToImageRecipe
from studio.settings import Settings
from studio.studio import Studio
from tests import tiny
from tests.engine.conftest import nobody
from tests.engine.test_side_by_side import made, same
from tests.people import who

RACE = Race({"clip_score": 1.0, "sharpness": 0.2})
COUNT, STEPS = 4, 10


@pytest.fixture(scope="module", params=[1, 4], ids=["one at a time", "side by side"])
def racer(request: pytest.FixtureRequest, settings: Settings) -> Iterator[LocalBackend]:
    several = settings.model_copy(update={"side_by_side": request.param})
    backend = LocalBackend(several, Catalogue(several))
    yield backend
    backend.close()


@pytest.fixture(params=["Euler", "Euler a"], ids=["by drafts", "by what steps predict"])
def recipes(request: pytest.FixtureRequest, recipe: Callable[..., Recipe]) -> list[Any]:
    """Of one that adds no noise, drafts are raced, of the other what its steps predict."""
    return [recipe("starter", seed=seed, steps=STEPS, scheduler=request.param) for seed in range(COUNT)]


@pytest.fixture
def drafted(recipe: Callable[..., Recipe]) -> list[Any]:
    return [recipe("starter", seed=seed, steps=STEPS, scheduler="Euler") for seed in range(COUNT)]


def raced(
    backend: LocalBackend, recipes: Sequence[Any], report: Callable[[Event], None] = nobody, race: Race = RACE
) -> list[Rendered]:
    pictures = list(backend.generate(recipes, report, turn=Turn(race=race)))
    assert backend._manager
    assert backend._manager._room.leases == []
    return pictures


def test_those_behind_are_dropped_where_they_are_and_the_best_is_as_if_it_were_made_alone(
    racer: LocalBackend, backend: LocalBackend, recipes: list[Any]
) -> None:
    events: list[Event] = []
    (best,) = raced(racer, recipes, events.append)
    dropped = [event for event in events if isinstance(event, Dropped)]
    assert {best.index, *(event.image for event in dropped)} == set(range(COUNT))
    by_draft = recipes[0].scheduler == "Euler"
    assert [(event.draft, event.step) for event in dropped] == (
        [(True, 4)] * 3 if by_draft else [(False, 4), (False, 4), (False, 6)]
    )
    assert all(0 <= event.score <= event.best <= 1 and event.steps == STEPS for event in dropped)
    where = "as a draft of 4 steps" if by_draft else f"at step {dropped[0].step} of {STEPS}"
    assert dropped[0].sentence.startswith(f"Dropped {where}: scored 0.")
    with Image.open(io.BytesIO(dropped[0].jpeg)) as look:
        assert look.size == best.image.size
    assert same(best, made(backend, recipes[best.index]))
    last = {image: (event.step, event.steps) for event in events if isinstance(event, Step) for image in event.images}
    whole = STEPS + 4 if by_draft else STEPS
    assert last == {best.index: (whole, whole), **{event.image: (event.step, whole) for event in dropped}}


@pytest.mark.parametrize(
    ("scheduler", "changes", "early"),
    [
        ("DPM++ 2M Karras", {}, ("DPM++ 2M", 6)),
        ("Heun", {"hires_scale": 2, "hires_steps": 9, "hires_upscaler": "latent"}, ("DPM++ 2M", 6)),
        ("Euler", {"steps": 9}, ("DPM++ 2M", 4)),
        ("Euler", {"steps": 7}, None),
        ("Euler a", {}, None),
        ("DDIM", {"eta": 0.5}, None),
        ("EDM DPM++ 2M", {}, ("EDM DPM++ 2M", 8)),
    ],
)
def test_a_draft_has_a_part_of_the_steps_in_even_strides_and_no_second_pass(
    recipe: Callable[..., Recipe], scheduler: str, changes: dict[str, Any], early: tuple[str, int] | None
) -> None:
    whole: Any = recipe("starter", **{"scheduler": "Euler", "steps": 20} | changes)
    found = draft(whole.changed(scheduler=scheduler))
    assert (found and (found.scheduler, found.steps)) == early
    assert found is None or type(found) is TextToImageRecipe


def test_a_race_that_is_stopped_ends_for_all_of_it(racer: LocalBackend, recipes: list[Any]) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Step) and event.step >= 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        raced(racer, recipes, stop)
    assert len(raced(racer, recipes)) == 1


def test_one_that_nobody_wants_any_more_leaves_the_others_in_the_race(racer: LocalBackend, drafted: list[Any]) -> None:
    def stop_first(event: Event) -> None:
        if isinstance(event, Step) and event.images == (0,):
            raise Cancelled

    (best,) = raced(racer, drafted, stop_first)
    assert best.index != 0


def test_what_goes_wrong_with_one_ends_the_race_and_the_next_begins(
    racer: LocalBackend, drafted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(heat, "_jpeg", _broken)
        with pytest.raises(ZeroDivisionError):
            raced(racer, drafted)
    assert len(raced(racer, drafted)) == 1


def test_where_memory_runs_out_the_rest_is_made_without_a_race_and_that_is_told(
    racer: LocalBackend, drafted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    denoised = Renderer._denoised
    short = {"left": 1}

    def run_out(self: Renderer, *given: Any) -> Any:
        if short["left"]:
            short["left"] -= 1
            raise OutOfMemory("The device ran out of memory.", "Make it smaller.")
        return denoised(self, *given)

    events: list[Event] = []
    monkeypatch.setattr(Renderer, "_denoised", run_out)
    pictures = raced(racer, drafted, events.append)
    assert sorted(one.index for one in pictures) == list(range(COUNT))
    words = "The device ran out of memory. Making the rest without a race."
    assert Loading(words) in events
    assert all(one.facts["changed"] == words for one in pictures)


def test_who_needs_the_device_alone_waits_for_a_race_and_does_not_part_it(
    racer: LocalBackend, recipe: Callable[..., Recipe], drafted: list[Any]
) -> None:
    with ThreadPoolExecutor(2) as threads:
        other: list[Any] = []

        def report(event: Event) -> None:
            if isinstance(event, Step) and not other:
                other.append(threads.submit(made, racer, recipe("flux", seed=3)))

        assert len(raced(racer, drafted, report)) == 1
        assert other[0].result().image


def test_a_race_by_weights_that_are_not_here_names_them_before_the_first_step(
    racer: LocalBackend, recipe: Callable[..., Recipe]
) -> None:
    recipes = [recipe("sd15", seed=seed) for seed in range(2)]
    with pytest.raises(ModelError, match="CLIP"):
        raced(racer, recipes, _no_step)
    assert len(raced(racer, recipes, race=Race({"sharpness": 1.0}))) == 1


def test_a_second_pass_a_mask_a_map_and_a_lora_are_raced_too(
    racer: LocalBackend, recipe: Callable[..., Recipe], edit: Callable[..., Recipe]
) -> None:
    by_sharpness = Race({"sharpness": 1.0})
    sets = [
        [
            recipe("starter", seed=seed, steps=4, hires_scale=1, hires_upscaler="latent", hires_steps=4)
            for seed in (1, 2)
        ],
        [edit("starter", masked=True, seed=seed, steps=6) for seed in (1, 2)],
        [recipe("sd15", seed=seed, steps=4, scheduler="Heun") for seed in (1, 2)],
    ]
    for recipes in sets:
        events: list[Event] = []
        (best,) = raced(racer, recipes, events.append, race=by_sharpness)
        (dropped,) = [event for event in events if isinstance(event, Dropped)]
        assert {best.index, dropped.image} == {0, 1}


def _broken(*_: Any) -> bytes:
    raise ZeroDivisionError


def _no_step(event: Event) -> None:
    assert not isinstance(event, Step)


@pytest.fixture
def home(tiny_model: Callable[[str], Path], tmp_path: Path) -> Settings:
    for family in ("starter", "flux"):
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    return Settings.load(home=tmp_path, model="tiny-starter", device="cpu")


ANN = who("ann")
ASKED = Recipe(prompt="a red house", width=tiny.SIDE, height=tiny.SIDE, steps=4, seed=3, count=COUNT)


def until_done(studio: Studio, set_id: str) -> CandidateSet:
    serial = -1
    while studio.candidates.busy(found := studio.candidates.get(set_id, ANN)):
        serial = studio.candidates.news(serial)
    return found


def test_a_set_keeps_what_fell_behind_with_its_look_and_one_of_it_is_finished_without_a_race(home: Settings) -> None:
    with Studio(home) as studio:
        set_id = studio.candidates.begin([ASKED], ANN, race=True)
        found = until_done(studio, set_id)
        ((_, job),) = studio.candidates.jobs(found, ANN)
        assert isinstance(job.events[-1], Done)
    with Studio(home) as studio:  # it is all there again
        again = studio.candidates.get(set_id, ANN)
        assert again.dropped == found.dropped
        best = len(again.candidates)
        assert best + len(again.dropped) == COUNT
        one, *others = again.dropped
        assert one.event.jpeg
        ((_, job),) = studio.candidates.jobs(again, ANN)
        assert one.event in job.events
        studio.candidates.finish(set_id, ANN, one.image)
        finished = until_done(studio, set_id)
        assert one.image in {candidate.image for candidate in finished.candidates}
        assert [left.image for left in finished.dropped] == [left.image for left in others]
        with pytest.raises(NotFound):
            studio.candidates.finish(set_id, ANN, one.image)
        # The next set is raced as the last one, where that can be.
        assert studio.candidates.get(studio.candidates.begin([ASKED.replace(count=1)], ANN), ANN).rules.race
        flux = ASKED.replace(model="tiny-flux", count=1, steps=1)
        assert not studio.candidates.get(studio.candidates.begin([flux], ANN), ANN).rules.race
        with pytest.raises(InvalidRecipe, match="cannot be raced"):
            studio.candidates.begin([flux], ANN, race=True)


def test_candidates_are_raced_from_the_command_line(
    home: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--home", str(home.home), "--model", "tiny-starter", "--out", str(tmp_path / "out"), "--device", "cpu"]
    size = ["--width", str(tiny.SIDE), "--height", str(tiny.SIDE), "--steps", "4", "--count", str(COUNT)]
    assert main(["candidates", "a house", "--race", "--json", *size, *place]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["candidates"]) + len(told["dropped"]) == COUNT
    assert all(one["reason"].startswith("Dropped") for one in told["dropped"])
    assert told["dropped"]
