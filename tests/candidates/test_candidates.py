"""Sets of candidates: measured as they come, marked, filtered, and there again after whatever happened."""

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from studio.candidates.making import Refinement, refined
from studio.candidates.ranking import Filter, Rating
from studio.candidates.store import CandidateSet
from studio.errors import InvalidRecipe, InvalidRequest, NotFound
from studio.gate.identity import Identity
from studio.jobs.register import KEPT
from studio.metrics.base import Sample, Score
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.headers import write_home
from tests.people import who

MODEL = "tiny-starter"
ROOT = Path(__file__).resolve().parents[2]
ANN = who("ann")
RECIPE = Recipe(prompt="a red house", seed=5, count=4, steps=1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write_home(tmp_path / "home", MODEL)


def open_studio(home: Path, drawer: Drawer | None = None) -> Studio:
    return Studio(Settings.load(home=home, model=MODEL, max_images=8), backend=drawer or Drawer())


@pytest.fixture
def studio(home: Path) -> Iterator[Studio]:
    with open_studio(home) as studio:
        yield studio


def measured(studio: Studio, set_id: str, asking: Identity = ANN) -> CandidateSet:
    """The set when all of it is made and measured."""
    serial = -1
    while studio.candidates.busy(found := studio.candidates.get(set_id, asking)):
        serial = studio.candidates.news(serial)
    return found


def until_made(studio: Studio, set_id: str, count: int) -> CandidateSet:
    serial = -1
    while len((found := studio.candidates.get(set_id, ANN)).candidates) < count:
        serial = studio.candidates.news(serial)
    return found


def test_a_set_holds_a_picture_of_each_seed_with_its_scores_and_rank(studio: Studio):
    found = measured(studio, studio.candidates.begin([RECIPE], ANN))
    assert [candidate.recipe.seed for candidate in found.candidates] == [5, 6, 7, 8]
    assert all(candidate.path.exists() for candidate in found.candidates)
    assert all({"sharpness", "blank", "diversity"} <= (candidate.scores or {}).keys() for candidate in found.candidates)
    assert sorted(verdict.rank or 0 for verdict in studio.candidates.verdicts(found)) == [1, 2, 3, 4]


def test_what_was_read_while_pictures_were_to_come_is_never_taken_for_the_end(home: Path):
    with open_studio(home, drawer := Drawer(gated=True)) as studio:
        set_id = studio.candidates.begin([RECIPE], ANN)
        drawer.allow()
        serial, early = -1, until_made(studio, set_id, 1)
        while not early.candidates[0].is_measured:
            serial = studio.candidates.news(serial)
            early = studio.candidates.get(set_id, ANN)
        drawer.allow(3)
        measured(studio, set_id)
        assert len(early.candidates) == 1
        assert studio.candidates.busy(early)


def test_a_metric_that_cannot_be_had_says_so_and_the_others_go_on(studio: Studio):
    found = measured(studio, studio.candidates.begin([RECIPE], ANN))
    assert found.missing.keys() == {"aesthetic", "clip_score"}
    assert found.missing["clip_score"] == "CLIP score cannot be measured here. Rank by the other metrics."
    assert all(candidate.is_measured for candidate in found.candidates)


class Later(Drawer):
    """Its weights come later."""

    there = False

    def measure(self, metric: str, samples: Sequence[Sample], *, starter: bool) -> list[Score]:
        return [20.0 for _ in samples] if self.there else super().measure(metric, samples, starter=starter)


def test_a_set_is_measured_again_when_the_weights_have_come(home: Path):
    with open_studio(home, drawer := Later()) as studio:
        set_id = studio.candidates.begin([RECIPE.replace(count=2)], ANN)
        before = measured(studio, set_id)
        drawer.there = True
        studio.candidates.measure(set_id, ANN)
        after = measured(studio, set_id)
    assert before.missing
    assert after.missing == {}
    for old, new in zip(before.candidates, after.candidates, strict=True):
        assert new.scores == {**(old.scores or {}), "aesthetic": 20, "clip_score": 20}


def test_the_same_picture_twice_is_a_duplicate_of_the_first(studio: Studio):
    twice = [RECIPE.replace(count=1), RECIPE.replace(count=1)]
    found = measured(studio, studio.candidates.begin(twice, ANN))
    assert [verdict.reason for verdict in studio.candidates.verdicts(found)] == ["", "near-duplicate: 1 > 0.95"]


def test_more_go_on_with_the_next_seeds(studio: Studio):
    set_id = studio.candidates.begin([RECIPE], ANN)
    studio.candidates.more(set_id, ANN, 3)
    found = measured(studio, set_id)
    assert [candidate.recipe.seed for candidate in found.candidates] == [5, 6, 7, 8, 9, 10, 11]
    assert found.count == 7


def test_more_variations_keep_their_seed(studio: Studio):
    varied = RECIPE.replace(variation_strength=0.2, variation_seed=9, count=2)
    set_id = studio.candidates.begin([varied], ANN)
    studio.candidates.more(set_id, ANN, 2)
    found = measured(studio, set_id)
    assert [candidate.recipe.variation.seed for candidate in found.candidates] == [9, 10, 11, 12]
    assert {candidate.recipe.seed for candidate in found.candidates} == {5}


@pytest.mark.parametrize(("how", "count"), [("upscale", 1), ("variations", 4), ("hires", 1)])
def test_a_kept_picture_can_be_refined(studio: Studio, how: Refinement, count: int):
    found = measured(studio, studio.candidates.begin([RECIPE.replace(count=1, width=64, height=64)], ANN))
    recipe = refined(found.candidates[0], how, studio.inputs, ANN)
    assert len(studio.resolve(recipe)) == count
    assert recipe.task == ("upscale" if how == "upscale" else "text2img")


def test_a_recipe_that_cannot_be_leaves_no_set(studio: Studio):
    with pytest.raises(InvalidRecipe, match="at most 8"):
        studio.candidates.begin([RECIPE.replace(count=9)], ANN)
    assert studio.candidates.of(ANN) == []


def test_the_pictures_of_a_set_stay_when_many_jobs_have_ended_since(studio: Studio):
    before = measured(studio, studio.candidates.begin([RECIPE], ANN))
    for _ in range(KEPT + 1):
        list(studio.submit(RECIPE.replace(count=1), ANN).follow())
    assert studio.candidates.get(before.id, ANN) == before


def test_another_owner_sees_nothing(studio: Studio):
    set_id = studio.candidates.begin([RECIPE], ANN)
    assert studio.candidates.of(who("bob")) == []
    for touch in (
        lambda: studio.candidates.get(set_id, who("bob")),
        lambda: studio.candidates.mark(set_id, who("bob"), 0, Rating("keep")),
        lambda: studio.candidates.undo(set_id, who("bob")),
        lambda: studio.candidates.more(set_id, who("bob"), 1),
        lambda: studio.candidates.sift(set_id, who("bob"), Filter()),
    ):
        with pytest.raises(NotFound, match="no such set"):
            touch()


def test_marks_win_are_kept_and_can_be_undone(home: Path):
    with open_studio(home) as studio:
        set_id = studio.candidates.begin([RECIPE], ANN)
        measured(studio, set_id)
        studio.candidates.sift(set_id, ANN, Filter(keep=1))
        studio.candidates.mark(set_id, ANN, 3, Rating("reject"))
        studio.candidates.mark(set_id, ANN, 3, Rating("reject", rating=2))
        studio.candidates.mark(set_id, ANN, 0, Rating("keep", star=True))
    with open_studio(home) as studio:
        found = studio.candidates.get(set_id, ANN)
        assert [candidate.mark for candidate in found.candidates] == [
            Rating("keep", star=True), Rating(), Rating(), Rating("reject", rating=2),
        ]  # fmt: skip
        assert [verdict.kept for verdict in studio.candidates.verdicts(found)] == [True, False, False, False]
        assert [studio.candidates.undo(set_id, ANN) for _ in range(3)] == [0, 3, 3]
        assert studio.candidates.undo(set_id, ANN) is None
        assert {candidate.mark for candidate in studio.candidates.get(set_id, ANN).candidates} == {Rating()}


def test_what_is_not_in_the_set_cannot_be_marked(studio: Studio):
    set_id = studio.candidates.begin([RECIPE], ANN)
    with pytest.raises(NotFound, match="no longer there"):
        studio.candidates.mark(set_id, ANN, 9, Rating("keep"))


def test_the_next_set_is_filtered_as_the_last_one_was(studio: Studio):
    first = studio.candidates.begin([RECIPE], ANN)
    studio.candidates.sift(first, ANN, Filter({"sharpness": 0.4}, {"contrast": 2.0}, keep=1))
    second = studio.candidates.get(studio.candidates.begin([RECIPE], ANN), ANN)
    # How many are kept is a matter of each set.
    assert second.rules == Filter({"sharpness": 0.4}, {"contrast": 2.0})
    assert studio.candidates.get(studio.candidates.begin([RECIPE], who("bob")), who("bob")).rules == Filter()


def test_metrics_that_go_with_the_picks_can_weigh_by_them(studio: Studio):
    set_id = studio.candidates.begin([RECIPE.replace(count=8)], ANN)
    studio.candidates.more(set_id, ANN, 8)
    found = measured(studio, set_id)
    with pytest.raises(InvalidRequest, match="No metric goes clearly"):
        studio.candidates.learn(set_id, ANN)
    likes = sorted(found.candidates, key=lambda candidate: (candidate.scores or {})["contrast"])
    for place, candidate in enumerate(likes):
        studio.candidates.mark(set_id, ANN, candidate.image, Rating("keep" if place >= 8 else "reject"))
    studio.candidates.learn(set_id, ANN)
    weights = studio.candidates.get(set_id, ANN).rules.weights
    assert weights["contrast"] == max(weights.values()) > 0.6
    assert studio.candidates.agreement(ANN)[0] == 16
    assert studio.candidates.agreement(who("bob")) == (0, {})


def test_a_stop_keeps_what_was_made(home: Path):
    drawer = Drawer(gated=True)
    with open_studio(home, drawer) as studio:
        set_id = studio.candidates.begin([RECIPE], ANN)
        drawer.allow(2)
        found = until_made(studio, set_id, 2)
        ((_, job),) = studio.candidates.jobs(found, ANN)
        studio.stop(job.id, ANN)
        drawer.allow()
        found = measured(studio, set_id)
        assert (len(found.candidates), found.count) == (2, 4)
        assert all(candidate.is_measured for candidate in found.candidates)


def test_an_unfinished_set_goes_on_after_a_restart_with_no_page_opened(home: Path):
    drawer = Drawer(gated=True)
    with open_studio(home, drawer) as studio:
        set_id = studio.candidates.begin([RECIPE], ANN)
        drawer.allow(2)
        found = until_made(studio, set_id, 2)
        studio.candidates.mark(set_id, ANN, 0, Rating("reject"))
        drawer.allow(1)
        made = len(found.candidates)
        ((batch, _),) = studio.candidates.jobs(found, ANN)
    assert made < 4
    with open_studio(home) as studio:
        # With no page opened, and nobody asking for the set.
        list(studio.job(batch.job, ANN).follow())
        with studio.database.read() as rows:
            while rows.execute("SELECT COUNT(*) FROM scores WHERE quick IS NULL OR slow IS NULL").fetchone()[0]:
                rows.execute("COMMIT")
                time.sleep(0.01)
                rows.execute("BEGIN")
        found = studio.candidates.get(set_id, ANN)
        assert not studio.candidates.busy(found)
        assert [candidate.recipe.seed for candidate in found.candidates] == [5, 6, 7, 8]
        assert studio.candidates.verdicts(found)[0].reason == "rejected by you"


# A studio that makes a set of eight, marks the first two as soon as they are there, and says so.
VICTIM = """
import sys
from studio.candidates.ranking import Rating
from tests.drawer import Drawer
from tests.candidates.test_candidates import RECIPE, open_studio
from pathlib import Path
from tests.people import who

drawer = Drawer(gated=True)
studio = open_studio(Path(sys.argv[1]), drawer)
candidates = studio.candidates
set_id = candidates.begin([RECIPE.replace(count=8)], who("ann"))
drawer.allow(3)
serial = -1
while sum(one.is_measured for one in candidates.get(set_id, who("ann")).candidates) < 3:
    serial = candidates.news(serial)
candidates.mark(set_id, who("ann"), 0, Rating("reject"))
candidates.mark(set_id, who("ann"), 1, Rating("keep", star=True))
print(set_id, flush=True)
sys.stdin.read()
"""


def test_a_killed_studio_has_lost_nothing_that_was_made_or_said(home: Path):
    with subprocess.Popen(
        [python(), "-c", VICTIM, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout
        set_id = victim.stdout.readline().strip()
        victim.send_signal(signal.SIGKILL)
        victim.stdout.read()  # up to its end
    drawer = Drawer()
    with open_studio(home, drawer) as studio:
        before = studio.candidates.get(set_id, ANN)
        assert [candidate.mark for candidate in before.candidates[:3]] == [
            Rating("reject"),
            Rating("keep", star=True),
            Rating(),
        ]
        found = measured(studio, set_id)
        assert [candidate.recipe.seed for candidate in found.candidates] == list(range(5, 13))
        assert len(drawer.drawn) == 5
        assert [verdict.kept for verdict in studio.candidates.verdicts(found)[:2]] == [False, True]


def test_what_is_said_of_a_candidate_and_its_scores_are_found_in_the_library(studio: Studio):
    set_id = studio.candidates.begin([RECIPE], ANN)
    found = measured(studio, set_id)
    studio.candidates.mark(set_id, ANN, 1, Rating("keep", star=True, rating=4))
    (entry,) = studio.index.search("star:yes rating:4 kind:candidates", ANN).entries
    assert entry.path == found.candidates[1].path
    assert entry.scores == pytest.approx(found.candidates[1].scores)
    studio.index.marks.tag([entry.id], ANN, add=["cat"])
    studio.candidates.undo(set_id, ANN)
    assert studio.index.search("star:yes", ANN).total == 0
    studio.index.marks.star([entry.id], ANN)
    studio.candidates.mark(set_id, ANN, 1, Rating("reject"))  # says nothing of the star
    assert studio.index.search("star:yes tag:cat sharpness:>=0", ANN).total == 1
