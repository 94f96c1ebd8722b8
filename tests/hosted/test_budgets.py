"""What may be spent in a day: by everybody, by each, and as whoever asks says."""

from pathlib import Path

import pytest

from studio.errors import OverBudget
from studio.hosted.spending import Budget
from studio.settings import Settings
from studio.storage.database import Database
from tests.people import who


def budget_of(settings: Settings) -> Budget:
    return Budget(settings, Database.of(settings.home))


def test_what_may_have_been_charged_counts_as_spent_and_what_was_not_does_not(tmp_path: Path):
    budget = budget_of(Settings.load(home=tmp_path, day_budget_usd=1))
    budget.reserve("a", "m", 0.6)
    with pytest.raises(OverBudget, match=r"0\.400 are left"):
        budget.reserve("b", "m", 0.6)
    budget.charge("a", None)
    assert budget.spent() == pytest.approx(0.6)
    budget.reserve("a", "m", 0.7)
    budget.charge("a", 0.0)
    assert budget.left() == pytest.approx(1)


def test_each_person_has_a_budget_of_their_own_within_that_of_all(tmp_path: Path):
    settings = Settings.load(home=tmp_path, day_budget_usd=1, day_budget_usd_each=0.5)
    budget, ann, bob, cid = budget_of(settings), who("ann"), who("bob"), who("cid")
    budget.reserve("a", "m", 0.4, ann)
    with pytest.raises(OverBudget, match=r"your day's \$0\.50, \$0\.100 are left.*STUDIO_DAY_BUDGET_USD_EACH") as fault:
        budget.reserve("b", "m", 0.2, ann)
    assert fault.value.status == 429
    assert 0 < (fault.value.wait_seconds or 0) <= 24 * 3600
    budget.reserve("b", "m", 0.4, bob)
    assert [round(budget.left(one) or 0, 3) for one in (ann, bob, cid)] == [0.1, 0.1, 0.2], "all have 1 together"
    assert budget.spent(ann) == pytest.approx(0.4)
    with pytest.raises(OverBudget, match="of the day's"):
        budget.check("m", 0.3, cid)
    assert budget_of(Settings.load(home=tmp_path)).left(ann) is None


def test_of_the_budgets_of_the_settings_and_of_the_page_the_lesser_counts(tmp_path: Path):
    settings = Settings.load(home=tmp_path, day_budget_usd=1)
    budget_of(settings).own = 0.5
    assert (budget_of(settings).left(), budget_of(settings).own) == (0.5, 0.5)
    with pytest.raises(OverBudget, match=r"\$0\.50.*Compare tab"):
        budget_of(settings).reserve("a", "m", 0.6)
    budget_of(settings).own = 3
    assert budget_of(settings).left() == 1
    budget_of(settings).own = None
    assert budget_of(Settings.load(home=tmp_path)).left() is None
