"""The safety layer in a studio: each part off, on or strict; told in the job, kept in the file, failing closed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.backends.base import NOBODYS, Rendered, Report, Turn, Wanted, always
from studio.errors import DamagedModel, PromptRefused
from studio.events import Checked, Done, Dropped, Event, Preview
from studio.jobs.job import Job
from studio.library import facts
from studio.metadata import own
from studio.recipe import Recipe, ResolvedRecipe
from studio.replay.replay import compared
from studio.safety import watermark
from studio.safety.card import PAPER, card
from studio.safety.layer import NOTE, SAFETY, WATERMARK
from studio.settings import Settings
from studio.studio import LOOKS, Studio
from tests.drawer import Drawer
from tests.people import who

SIDE = 128
RED = {"porn": 0.6, "hentai": 0.1, "neutral": 0.3}
GREEN = {"porn": 0.1, "hentai": 0.1, "neutral": 0.8}


def ramp() -> bytes:
    """A JPEG from black to white: blurred, its darkest and lightest edges are gone."""
    buffer = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


LOOK = ramp()


class Watched(Drawer):
    """Draws, and takes offence as it is told to."""

    def __init__(self, shares: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.shares = shares

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        """What is said to fall behind is not made; looks are of a ramp."""

        def look(event: Event) -> None:
            report(replace(event, jpeg=LOOK) if isinstance(event, Preview) else event)

        if "falls behind" in recipes[0].prompt:
            report(Dropped(0, 1, 2, 0.2, 0.8, LOOK))
            return iter(())
        return super().generate(recipes, look, wanted, turn)

    def classify(self, image: Image.Image) -> Mapping[str, float]:
        if self.shares is None:
            raise DamagedModel("The classifier is damaged.", "Install it again.")
        return self.shares


@contextmanager
def opened(home: Path, shares: Mapping[str, float] | None = GREEN, **settings: str) -> Iterator[Studio]:
    with Studio(Settings(home=home, **settings), backend=Watched(shares), durable=False) as studio:
        yield studio


def job_of(studio: Studio, prompt: str = "a house", **values: object) -> Job:
    job = studio.submit(Recipe.make(prompt=prompt, width=SIDE, height=SIDE, steps=2, seed=1, **values), who("ann"))
    assert isinstance(list(job.follow())[-1], Done)
    return job


def verdicts(job: Job) -> dict[str, str]:
    return {event.check: event.verdict for event in job.events if isinstance(event, Checked)}


def is_blurred(jpeg: bytes) -> bool:
    low, high = Image.open(BytesIO(jpeg)).convert("L").getextrema()
    return bool(high - low < 0.95 * 255)


def test_without_the_layer_nothing_is_said_and_nothing_changed(tmp_path: Path) -> None:
    with opened(tmp_path, RED) as studio:
        job = job_of(studio)
        assert verdicts(job) == {}
        assert not {SAFETY, WATERMARK} & facts(job.results[0].path).keys()


@pytest.mark.parametrize(
    ("strictness", "shares", "verdict"),
    [
        ("on", GREEN, "passed"),
        ("on", RED, "flagged"),
        ("on", None, "failed"),
        ("strict", GREEN, "passed"),
        ("strict", RED, "withheld"),
        ("strict", None, "withheld"),
    ],
)
def test_the_output_check_marks_or_withholds_and_fails_closed(
    tmp_path: Path, strictness: str, shares: Mapping[str, float] | None, verdict: str
) -> None:
    with opened(tmp_path, shares, output_check=strictness) as studio:
        job = job_of(studio)
        assert verdicts(job) == {"output": verdict}
        path = job.results[0].path
        assert facts(path)[SAFETY] == verdict
        shown = Image.open(path).convert("RGB")
        says = card(shown.size, f"Withheld. {facts(path).get(NOTE, '')} Another seed or other words may pass.")
        assert (shown.tobytes() == says.tobytes()) is (verdict == "withheld")
        assert own.read(path).prompt == "a house", "its recipe is kept"
        assert bool(facts(path).get(NOTE)) is (verdict != "passed")


@pytest.mark.parametrize(
    ("settings", "prompt", "shown"),
    [
        ({}, "a naked man", "whole"),
        ({"output_check": "on"}, "a house", "blurred"),
        ({"output_check": "strict"}, "a house", "nothing"),
        ({"prompt_filter": "on"}, "a naked man", "blurred"),
        ({"prompt_filter": "on"}, "a house", "whole"),
        ({"prompt_filter": "on", "output_check": "strict"}, "a naked man", "nothing"),
    ],
)
def test_a_look_at_a_picture_in_the_making_shows_no_more_than_a_flagged_one(
    tmp_path: Path, settings: dict[str, str], prompt: str, shown: str
) -> None:
    with opened(tmp_path, **settings) as studio:
        told: list[Event] = []
        studio.jobs.listen("images", told.append)
        job_of(studio, prompt)
        looks = {event.jpeg for event in told if isinstance(event, Preview)}
        left = job_of(studio, f"{prompt} falls behind")
    assert bool(looks) is (shown != "nothing")
    assert all(is_blurred(jpeg) is (shown == "blurred") for jpeg in looks)
    (fallen,) = [event.jpeg for event in left.events if isinstance(event, Dropped)]
    assert bool(fallen) is (shown != "nothing"), "of what fell behind in a race the look is all that stays"
    assert not fallen or is_blurred(fallen) is (shown == "blurred")


def test_a_look_that_cannot_be_read_is_not_shown_where_it_would_be_blurred(tmp_path: Path) -> None:
    for strictness, shown in (("off", b"no jpeg"), ("on", b"")):
        with opened(tmp_path, output_check=strictness) as studio:
            assert studio.safety.look(b"no jpeg", Recipe(prompt="a house")) == shown


def test_a_service_is_asked_for_no_looks_where_none_may_be_shown(tmp_path: Path) -> None:
    for strictness, looks in (("off", LOOKS), ("on", LOOKS), ("strict", 0)):
        settings = Settings(home=tmp_path / strictness, output_check=strictness)
        with Studio(settings, backend=Watched(GREEN)) as studio:
            assert studio.images.looks == looks


def test_a_threshold_says_how_sure_the_classifier_has_to_be(tmp_path: Path) -> None:
    with opened(tmp_path, RED, output_check="on", output_threshold="0.8") as studio:
        assert verdicts(job_of(studio)) == {"output": "passed"}


def test_a_withheld_picture_costs_the_job_no_other(tmp_path: Path) -> None:
    with opened(tmp_path, RED, output_check="strict") as studio:
        job = job_of(studio, count=3)
        assert [facts(event.path)[SAFETY] for event in job.results] == ["withheld"] * 3


def test_what_is_only_enlarged_is_checked_too(tmp_path: Path) -> None:
    with opened(tmp_path, RED, output_check="strict") as studio:
        given = studio.inputs.add(Image.linear_gradient("L").convert("RGB"), who=who("ann"))
        recipe = Recipe.make(init_image=given.id, upscaler="lanczos", upscale=2)
        job = studio.submit(recipe, who("ann"))
        assert isinstance(list(job.follow())[-1], Done)
        assert verdicts(job) == {"output": "withheld"}


def test_a_strict_prompt_filter_refuses_before_anything_is_queued(tmp_path: Path) -> None:
    with opened(tmp_path, prompt_filter="strict") as studio:
        with pytest.raises(PromptRefused, match="naked") as caught:
            job_of(studio, "a nаked man")
        assert caught.value.field == "prompt"
        assert studio.jobs_of(who("ann")) == []
        assert verdicts(job_of(studio)) == {"prompt": "passed"}
        assert verdicts(job_of(studio, negative_prompt="naked")) == {"prompt": "passed"}


def test_what_chance_brings_into_a_prompt_is_read_too(tmp_path: Path) -> None:
    with opened(tmp_path, prompt_filter="strict") as studio, pytest.raises(PromptRefused):
        job_of(studio, "a {naked|n a k e d} man")


def test_a_prompt_filter_that_is_on_notes_what_it_finds(tmp_path: Path) -> None:
    with opened(tmp_path, prompt_filter="on", output_check="on") as studio:
        job = job_of(studio, "a naked man")
        assert verdicts(job) == {"prompt": "flagged", "output": "passed"}
        assert facts(job.results[0].path)[SAFETY] == "flagged"
        assert "naked" in facts(job.results[0].path)[NOTE]


@pytest.mark.parametrize("strictness", ["on", "strict"])
def test_a_watermark_is_in_the_file_and_its_id_beside_it(tmp_path: Path, strictness: str) -> None:
    with opened(tmp_path, watermark=strictness) as studio:
        job = job_of(studio)
        path = job.results[0].path
        found = watermark.find(Image.open(path))
        assert found
        assert found.id == facts(path)[WATERMARK]
        assert verdicts(job) == {"watermark": "passed"}


@pytest.mark.parametrize(("strictness", "verdict"), [("on", "failed"), ("strict", "withheld")])
def test_a_picture_too_small_for_a_watermark_is_withheld_where_that_is_strict(
    tmp_path: Path, strictness: str, verdict: str
) -> None:
    with opened(tmp_path, watermark=strictness) as studio:
        job = studio.submit(Recipe.make(prompt="a", width=64, height=64, steps=2), who("ann"))
        assert isinstance(list(job.follow())[-1], Done)
        assert verdicts(job) == {"watermark": verdict}
        assert facts(job.results[0].path).get(SAFETY) == ("withheld" if verdict == "withheld" else None)


@pytest.mark.parametrize(("then", "now"), [("on", "on"), ("on", "off"), ("off", "on")])
def test_a_picture_made_again_is_identical_whether_or_not_there_is_a_watermark(
    tmp_path: Path, then: str, now: str
) -> None:
    with opened(tmp_path, watermark=then) as studio:
        first = job_of(studio).results[0].path
        made = own.read_again(first)
    with opened(tmp_path, watermark=now) as studio:
        job = studio.submit(made, who("bob"), kind="replay")
        assert isinstance(list(job.follow())[-1], Done)
        outcome = compared(first, job.results[0].path)
    assert outcome.verdict == "identical", outcome


def test_provenance_says_what_it_wrote(tmp_path: Path) -> None:
    with opened(tmp_path, provenance="on") as studio:
        (event,) = [event for event in job_of(studio).events if isinstance(event, Checked)]
        assert (event.check, event.verdict) == ("provenance", "passed")
        assert event.note == "Its file says that an algorithm made it."


@pytest.mark.parametrize("size", [(512, 512), (64, 64), (2048, 128), (64, 900)])
def test_the_card_of_a_withheld_picture_can_be_read_and_is_not_black(size: tuple[int, int]) -> None:
    made = np.asarray(card(size, "Withheld. It was not fit for all."))
    assert made.shape == (size[1], size[0], 3)
    assert (made == PAPER).all(axis=-1).mean() > 0.4
    assert made.min() < 150
    assert card((1, 1), "Withheld").size == (1, 1)
