"""Commands beside a running studio: they share its database, neither waits for long, and nothing is lost or doubled."""

import json
import subprocess
from pathlib import Path

import pytest

from studio.errors import OverBudget
from studio.hosted.spending import Budget
from studio.recipe import Recipe
from studio.settings import Settings
from studio.storage import backups
from studio.storage.opening import latest
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.people import who

SPENDER = """
import sys
from studio.errors import OverBudget
from studio.hosted.spending import Budget
from studio.settings import Settings
from studio.storage.database import Database
settings = Settings.load(home=sys.argv[1], day_budget_usd=0.4)
budget, paid = Budget(settings, Database.of(settings.home)), 0
for number in range(16):
    try:
        budget.reserve(f"{sys.argv[2]} {number}", "m", 0.01)
    except OverBudget:
        continue
    paid += 1
print(paid)
"""


def test_programs_at_once_keep_one_budget(tmp_path: Path):
    settings = Settings.load(home=tmp_path, day_budget_usd=0.4)
    with Studio(settings, backend=Drawer()) as studio:
        budget, paid = Budget(settings, studio.database), 0
        commands = [
            subprocess.Popen([python(), "-c", SPENDER, str(tmp_path), name], stdout=subprocess.PIPE, text=True)
            for name in ("one", "two")
        ]
        for number in range(16):
            try:
                budget.reserve(f"mine {number}", "m", 0.01)
            except OverBudget:
                continue
            paid += 1
        paid += sum(int(command.communicate()[0]) for command in commands)
        assert (paid, budget.left()) == (40, pytest.approx(0))


def test_a_command_reads_and_writes_while_the_studio_makes_pictures(tmp_path: Path):
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        job = studio.submit(Recipe(prompt="a", count=4), who("ann"))
        command = [python(), "-m", "studio", "models", "--home", str(tmp_path), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        used = {model["id"]: model["used"] for model in json.loads(done.stdout)["models"]}
        assert used["starter"] == studio.used.times().get("model/starter")
        assert len([*job.follow()]) > 4
        removal = [*command[:-1], "remove", "starter", "--yes"]
        refused = subprocess.run(removal, capture_output=True, text=True, check=False)
        assert refused.returncode
        assert "Another studio" in refused.stderr
    assert backups.check(tmp_path / "studio.sqlite") == latest()
