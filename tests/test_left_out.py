"""One bad file or row takes nothing down: it is left out and told, and the rest works."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from studio.candidates.ranking import Filter, Rating
from studio.candidates.store import CandidateStore
from studio.compare.arena import Arena
from studio.compare.store import Cell as Pictured
from studio.compare.store import Comparisons, Contestant, Line
from studio.doctor import left_out
from studio.errors import InvalidRecipe, OverBudget, Unreadable
from studio.grids.axes import Axis
from studio.grids.store import Cell, Grid, GridStore, insert
from studio.hosted.spending import Budget
from studio.inputs import InputStore
from studio.measuring import Scores
from studio.recipe import Recipe
from studio.settings import Settings
from studio.storage.database import FILE, Database
from studio.studio import Studio
from tests.damage import damage
from tests.drawer import Drawer, kept, resolved
from tests.headers import write_safetensors
from tests.people import who

FOLDERS = {
    "presets/styles": ".toml",
    "presets/negative": ".toml",
    "presets/stacks": ".toml",
    "presets/sizes": ".toml",
    "presets/recipes": ".toml",
    "presets/hosted": ".toml",
    "wildcards": ".txt",
    "models": ".toml",
    "controlnets": ".toml",
    "ip-adapters": ".toml",
    "loras": ".safetensors",
    "embeddings": ".safetensors",
    "upscalers": ".safetensors",
}
# What macOS writes beside each file on a disk that is not its own.
APPLE_DOUBLE = b"\0\5\26\7\260\377"


def spoil(folder: Path, ending: str) -> None:
    """All that a folder may hold beside sound files."""
    folder.mkdir(parents=True)
    for name in (f"._ink{ending}", ".DS_Store"):
        (folder / name).write_bytes(APPLE_DOUBLE)
    (folder / f"slip{ending}").write_bytes(b'name = "x\n\xff')
    (folder / f"empty{ending}").touch()
    (folder / f"folder{ending}").mkdir()
    (folder / f"gone{ending}").symlink_to(folder / "nowhere")
    (folder / f"circle{ending}").symlink_to(folder / f"circle{ending}")
    os.mkfifo(folder / f"pipe{ending}")
    (folder / f"deep{ending}").write_text("a = " + "[" * 10_000)
    (folder / "sub").mkdir()
    (folder / "sub" / "config.json").write_text("[" * 10_000)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, ending in FOLDERS.items():
        spoil(tmp_path / name, ending)
    (tmp_path / "presets/styles/good.toml").write_text('name = "Good"\nprompt = "well drawn"\n')
    (tmp_path / "wildcards/good.txt").write_text("red\n")
    layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    write_safetensors(tmp_path / "loras/good.safetensors", {f"{layer}.lora_down.weight": (4, 320)})
    return tmp_path


@pytest.fixture
def studio(home: Path) -> Iterator[Studio]:
    with Studio(Settings.load(home=home), backend=Drawer(), durable=False) as studio:
        yield studio


def test_a_studio_starts_over_any_files(studio: Studio):
    (recipe,) = studio.resolve(Recipe(prompt="a __good__ cat", styles=("good",)))
    assert recipe.prompt == "a red cat, well drawn"
    assert "good" in studio.prompt_assets.loras
    assert "starter" in studio.catalogue
    assert not any("._" in str(path) for path in studio.presets.faults)


def test_what_is_left_out_is_told_by_the_doctor(studio: Studio, home: Path):
    told = [f"{check.name}: {check.found}" for check in left_out(studio.settings)]
    assert all(check.cure for check in left_out(studio.settings))
    for name in FOLDERS:
        if name in ("models", "upscalers", "controlnets"):
            continue  # told beside the models, where one is asked for, and by the adapters of the same name
        mine = [line for line in told if f"{home / name}" in line or name == "ip-adapters"]
        assert any("slip" in line for line in mine), name
    assert not any("._" in line or "DS_Store" in line for line in told)
    (home / "presets/styles/slip.toml").unlink()
    with pytest.raises(InvalidRecipe, match=r"deep\.toml is nested"):
        studio.resolve(Recipe(prompt="a cat", styles=("deep",)))


def test_a_broken_file_that_is_asked_for_says_what_is_wrong(studio: Studio):
    with pytest.raises(InvalidRecipe, match=r"styles: .*slip\.toml is not UTF-8"):
        studio.resolve(Recipe(prompt="a cat", styles=("slip",)))
    with pytest.raises(InvalidRecipe, match=r"slip\.txt is not UTF-8"):
        studio.resolve(Recipe(prompt="a __slip__ cat"))


def test_the_command_line_works_over_any_files(home: Path, capsys: pytest.CaptureFixture[str]):
    from studio.cli import main

    for command in ("presets list", "loras", "models"):
        assert main([*command.split(), "--home", str(home)]) == 0
        assert "slip" in capsys.readouterr().out


GARBAGE = "this is not a database " * 400


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.of(tmp_path)) as database:
        yield database


def test_a_damaged_candidate_leaves_the_others_and_their_set(database: Database, tmp_path: Path):
    images = tmp_path / "images"
    store = CandidateStore(database, images)
    name, recipes = "cats", ["'{'", "NULL", "x'ff00'", "'[[['", """'{"stairs": 1}'"""]
    store.add_set(name, "ann", "cats", resolved("a"), Filter())
    count = 6 + len(recipes)
    kept(database, "job", [f"{number}.png" for number in range(count)])
    store.add_job(name, "job", count)
    store.add_mark(name, 0, Rating("keep"))
    damage(
        tmp_path / FILE,
        *(f"UPDATE items SET recipe = {text} WHERE number = {6 + k}" for k, text in enumerate(recipes)),
        "UPDATE scores SET quick = 'x' WHERE item = 1",
        """UPDATE scores SET quick = '{"charm": 1, "sharpness": "very"}', slow = '[]' WHERE item = 2""",
        "UPDATE items SET seconds = 'long' WHERE number = 3",
        "UPDATE items SET path = NULL WHERE number = 4",
        "UPDATE ratings SET verdict = 'perhaps', rating = 99",
        """UPDATE candidate_sets SET missing = 'x', sieve = '{"limits": {"charm": 1}, "colour": 2}', asked = '7'""",
    )
    found = store.get(name, "ann")
    assert [one.image for one in found.candidates] == [0, 1, 2, 3, 5]
    assert found.rules == store.last_filter("ann") == Filter()
    assert (found.missing, found.base, found.count) == ({}, None, count)
    assert found.candidates[2].scores == {}
    scores = Scores(database, images)
    scores.missing(name, {"clip-score": "no weights"}, ["clip-score"])
    assert store.get(name, "ann").missing == {"clip-score": "no weights"}
    assert store.picks("ann")
    assert [one.item for one in scores.of_set(name)] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]


def test_a_damaged_comparison_leaves_the_others(database: Database, tmp_path: Path):
    store = Comparisons(database, tmp_path, InputStore(tmp_path / "inputs", database))
    names = [store.create("ann", 1, {}) for _ in range(4)]
    for name in names:
        store.extend(
            name, [Line("a cat", ("x",)), Line("a dog")], [Contestant("local", "m", "M"), Contestant("local", "n", "N")]
        )
    kept(database, "job", ["a.png", "b.png"])
    store.assign(names[3], "job", [Pictured(0, 0), Pictured(0, 1)])
    damage(
        tmp_path / FILE,
        f"UPDATE comparison_columns SET kind = 'dreamt' WHERE comparison = '{names[0]}'",
        f"UPDATE comparison_lines SET prompt = NULL WHERE comparison = '{names[1]}'",
        f"UPDATE comparisons SET seed = 'many', base = '[' WHERE id = '{names[2]}'",
        "UPDATE items SET state = 'paused' WHERE job = 'job' AND number = 0",
        "UPDATE items SET seconds = 'long' WHERE job = 'job' AND number = 1",
        "UPDATE scores SET quick = '['",
        f"INSERT INTO comparison_cells (comparison, line, column, job, item) VALUES ('{names[3]}', 1, 0, 'gone', 'x')",
        f"INSERT INTO comparison_cells (comparison, line, column) VALUES ('{names[3]}', 7, 7)",
        f"UPDATE comparison_lines SET tags = '7' WHERE comparison = '{names[3]}'",
    )
    assert [one.id for one in store.of("ann")] == [names[3]]
    cells = store.get(names[3], "ann").cells
    assert [cell.state for cell in cells] == ["failed", "failed", "waiting", "waiting"]
    assert "another version" in cells[0].message
    with pytest.raises(Unreadable, match="another version"):
        store.get(names[0], "ann")


def test_damaged_pairs_and_votes_leave_the_others(database: Database, tmp_path: Path):
    store = Comparisons(database, tmp_path, InputStore(tmp_path / "inputs", database))
    name = store.create("ann", 1, {})
    store.extend(name, [Line("a cat")], [Contestant("local", "m", "M"), Contestant("local", "n", "N")])
    for column in (0, 1):
        Image.new("RGB", (8, 8), (column, 0, 0)).save(tmp_path / f"{column}.png")
    kept(database, "job", ["0.png", "1.png"])
    store.assign(name, "job", [Pictured(0, 0), Pictured(0, 1)])
    arena = Arena(store)
    assert arena.votes(who("ann")) == []
    pair = "INSERT INTO pairs (id, owner, comparison, line, left_column, right_column, left_path, right_path) VALUES "
    vote = "INSERT INTO votes (pair, owner, time, choice, left_name, right_name, prompt, tags) VALUES "
    damage(
        tmp_path / FILE,
        f"{pair} ('old', 'ann', '{name}', 99, 0, 1, 'x', 'y')",
        f"{pair} ('older', 'ann', '{name}', NULL, NULL, 'b', NULL, NULL)",
        f"{vote} ('p1', 'ann', 1, 'maybe', 'm', 'n', 'a cat', '[]')",
        f"{vote} ('p2', 'ann', 'late', 'left', 'm', 'n', 'a cat', '[]')",
        f"{vote} ('p3', 'ann', 1, 'left', NULL, 'n', 'a cat', '[]')",
        f"{vote} ('p4', 'ann', 1, 'left', 'm', 'n', 'a cat', '7')",
    )
    assert [vote.choice for vote in arena.votes(who("ann"))] == ["left"]
    shown = arena.pair(who("ann"))
    assert shown
    assert shown.id not in ("old", "older")
    with pytest.raises(Unreadable, match="cannot be read"):
        arena.vote(who("ann"), "old", "left")


def test_what_was_spent_today_is_not_forgotten_with_a_damaged_database(tmp_path: Path):
    (tmp_path / FILE).write_text(GARBAGE)
    with closing(Database.of(tmp_path)) as database:
        budget = Budget(Settings.load(home=tmp_path, day_budget_usd=1), database)
        assert budget.left() == 0.0
        with pytest.raises(OverBudget, match="What was spent today is not known"):
            budget.reserve("a", "openai:m", 0.5)
        Budget(Settings.load(home=tmp_path), database).reserve("b", "openai:m", 0.5)
        budget.own = 0.75
        budget.reserve("a", "openai:m", 0.25)
        assert budget.left() == 0.0


def test_a_budget_that_cannot_be_read_allows_nothing(database: Database, tmp_path: Path):
    budget = Budget(Settings.load(home=tmp_path), database)
    budget.own = 5.0
    damage(tmp_path / FILE, "UPDATE hosted_budgets SET micros = 'much'")
    assert budget.own == budget.left() == 0.0


def test_a_damaged_grid_leaves_the_others(database: Database, tmp_path: Path):
    store = GridStore(database)
    axes = (Axis("steps", (1, 2), ("1", "2")),)
    sound = Grid("good", "ann", 1.0, Recipe(prompt="a"), axes, (Cell((0, 0, 0)), Cell((1, 0, 0))))
    cell = "UPDATE grid_cells SET {} WHERE grid = '{}' AND x = 0"
    bad = {
        "base": "UPDATE grids SET base = '[' WHERE id = 'base'",
        "axes": "UPDATE grids SET axes = '7' WHERE id = 'axes'",
        "place": cell.format("x = 9", "place"),
        "cells": "DELETE FROM grid_cells WHERE grid = 'cells' AND x = 1",
        "item": cell.format("item = 'first'", "item"),
        "time": "UPDATE grids SET created = NULL WHERE id = 'time'",
    }
    for name in ("good", *bad):
        with database.write() as rows:
            rows.execute("INSERT INTO jobs (id, owner, created) VALUES (?, 'ann', 1)", (name,))
            insert(rows, replace(sound, id=name))
    damage(tmp_path / FILE, *bad.values())
    assert store.read("good") == sound
    for name in bad:
        with pytest.raises(Unreadable, match=f"The grid {name}") as error:
            store.read(name)
        assert error.value.hint
