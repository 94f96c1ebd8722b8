"""What was kept in files of its own before there was one database is brought in, and the files stay."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from PIL import Image

from studio.compare.arena import Arena
from studio.compare.making import Compare
from studio.doctor import left_out
from studio.events import Done
from studio.grids.making import Grids
from studio.jobs.kinds import KINDS
from studio.settings import Settings
from studio.storage.connections import connect, transaction
from studio.storage.database import FILE, Database
from studio.storage.opening import MIGRATIONS
from studio.studio import Studio
from tests.drawer import Drawer, resolved
from tests.people import who

# The tables as they were.
EARLIER = {
    "jobs.sqlite": """
        CREATE TABLE jobs (number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, created REAL, recipes TEXT,
            state TEXT DEFAULT 'waiting', attempts INTEGER DEFAULT 0, seconds REAL DEFAULT 0, message TEXT DEFAULT '',
            hint TEXT DEFAULT '', field TEXT);
        CREATE TABLE images (job TEXT, image INTEGER, path TEXT, seconds REAL, PRIMARY KEY (job, image));
    """,
    "candidates.sqlite": """
        CREATE TABLE sets (number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, created REAL, title TEXT, asked TEXT,
            sieve TEXT, missing TEXT DEFAULT '{}');
        CREATE TABLE jobs (number INTEGER PRIMARY KEY, id TEXT UNIQUE, set_id TEXT, first INTEGER, count INTEGER);
        CREATE TABLE images (set_id TEXT, image INTEGER, path TEXT, recipe TEXT, seconds REAL, quick TEXT, slow TEXT,
            PRIMARY KEY (set_id, image));
        CREATE TABLE marks (number INTEGER PRIMARY KEY, set_id TEXT, image INTEGER, verdict TEXT, star INTEGER,
            rating INTEGER);
    """,
    "comparisons.sqlite": """
        CREATE TABLE comparisons (number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, created REAL, seed INTEGER,
            base TEXT);
        CREATE TABLE lines (comparison TEXT, number INTEGER, prompt TEXT, tags TEXT, PRIMARY KEY (comparison, number));
        CREATE TABLE columns (comparison TEXT, number INTEGER, kind TEXT, model TEXT, label TEXT, settings TEXT,
            PRIMARY KEY (comparison, number));
        CREATE TABLE cells (comparison TEXT, line INTEGER, column INTEGER, state TEXT, path TEXT DEFAULT '',
            digest TEXT DEFAULT '', seconds REAL, cost_usd REAL, width INTEGER, height INTEGER, seed INTEGER,
            revised TEXT DEFAULT '', metrics TEXT DEFAULT '{}', kind TEXT DEFAULT '', message TEXT DEFAULT '',
            hint TEXT DEFAULT '', job TEXT DEFAULT '', attempt INTEGER DEFAULT 0,
            PRIMARY KEY (comparison, line, column));
    """,
    "arena.sqlite": """
        CREATE TABLE pairs (number INTEGER PRIMARY KEY, id TEXT UNIQUE, owner TEXT, comparison TEXT, line INTEGER,
            left_column INTEGER, right_column INTEGER, left_path TEXT, right_path TEXT);
        CREATE TABLE votes (number INTEGER PRIMARY KEY, pair TEXT UNIQUE, owner TEXT, time REAL, choice TEXT,
            left_name TEXT, right_name TEXT, prompt TEXT, tags TEXT);
    """,
    "spending.sqlite": """
        CREATE TABLE calls (key TEXT PRIMARY KEY, day TEXT, model TEXT, micros INTEGER, settled INTEGER);
        CREATE TABLE budgets (name TEXT PRIMARY KEY, micros INTEGER);
    """,
    "images/inputs/held.sqlite": """
        CREATE TABLE held (owner TEXT, picture TEXT, PRIMARY KEY (owner, picture)) WITHOUT ROWID;
        CREATE TABLE unused (picture TEXT PRIMARY KEY, at REAL, glance INTEGER) WITHOUT ROWID;
    """,
    "used.sqlite": "CREATE TABLE used (item TEXT PRIMARY KEY, at REAL);",
}


def rows(home: Path, file: str, *statements: tuple[str, tuple[object, ...]]) -> None:
    path = home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(EARLIER[file])
        for statement, values in statements:
            database.execute(statement, values)


def earlier_home(home: Path) -> list[str]:
    """A home as the version before left it, with two pictures, and damage here and there; their names."""
    names = ["2026-11-27/a.png", "2026-11-27/b.png"]
    for name in names:
        (home / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red" if name == names[0] else "blue").save(home / "images" / name)
    recipe = resolved("a").to_json()
    job = "INSERT INTO jobs (id, owner, created, recipes, state) VALUES (?, ?, ?, ?, ?)"
    rows(
        home,
        "jobs.sqlite",
        (job, ("done", "ann", 1.0, json.dumps([recipe, recipe]), "done")),
        (job, ("waiting", "ann", 2.0, json.dumps([resolved("new").to_json()]), "waiting")),
        (job, ("damaged", "ann", 3.0, "[", "waiting")),
        (job, (None, "ann", 4.0, "[]", "waiting")),
        ("INSERT INTO images VALUES ('done', 0, ?, 1.5)", (names[0],)),
    )
    rows(
        home,
        "candidates.sqlite",
        ("INSERT INTO sets (id, owner, created, title, sieve) VALUES ('set', 'ann', 1.0, 'cats', '{}')", ()),
        ("INSERT INTO jobs (id, set_id, first, count) VALUES ('done', 'set', 0, 2)", ()),
        ("INSERT INTO jobs (id, set_id, first, count) VALUES ('lost', 'no set', 0, 2)", ()),
        ("INSERT INTO images VALUES ('set', 0, ?, ?, 1.0, '{}', '{}')", (names[0], recipe)),
        ("INSERT INTO images VALUES ('set', 1, NULL, ?, 1.0, '{}', '{}')", (recipe,)),
        ("INSERT INTO marks (set_id, image, verdict, star, rating) VALUES ('set', 0, 'keep', 1, 5)", ()),
    )
    column = "INSERT INTO columns VALUES ('compared', ?, 'local', ?, ?, '{}')"
    cell = "INSERT INTO cells (comparison, line, column, state, path, digest) VALUES ('compared', 0, ?, 'done', ?, ?)"
    paths = [str(home / "images" / name) for name in names]
    rows(
        home,
        "comparisons.sqlite",
        ("INSERT INTO comparisons (id, owner, created, seed, base) VALUES ('compared', 'ann', 1.0, 1, '{}')", ()),
        ("INSERT INTO lines VALUES ('compared', 0, 'a cat', '[]')", ()),
        *((column, (at, name, name)) for at, name in enumerate("mn")),
        *((cell, (at, path, str(at))) for at, path in enumerate(paths)),
    )
    rows(
        home,
        "arena.sqlite",
        ("INSERT INTO pairs VALUES (1, 'pair', 'ann', 'compared', 0, 0, 1, ?, ?)", (*paths,)),
        ("INSERT INTO votes VALUES (1, 'pair', 'ann', 1.0, 'left', 'm', 'n', 'a cat', '[]')", ()),
    )
    rows(home, "spending.sqlite", ("INSERT INTO budgets VALUES ('own', 500000)", ()))
    rows(home, "images/inputs/held.sqlite", ("INSERT INTO held VALUES ('ann', 'picture')", ()))
    rows(home, "used.sqlite", ("INSERT INTO used VALUES ('model/starter', 7.0)", ()))
    grid = {
        "format": 1,
        "state": "stopped",
        "id": "grid",
        "owner": "ann",
        "created": 1.0,
        "fault": "",
        "jobs": 1,
        "base": json.loads(recipe),
        "axes": [{"field": "seed", "values": ["1", "2", "3", "4"], "labels": ["1", "2", "3", "4"]}],
        "cells": [
            {"at": [0, 0, 0], "recipe": json.loads(recipe), "job": "grid-0", "path": names[0], "seconds": 1.0},
            {"at": [1, 0, 0], "error": "No."},
            {"at": [2, 0, 0], "recipe": json.loads(recipe), "error": "Out of paint."},
            {"at": [3, 0, 0], "recipe": json.loads(recipe)},
        ],
    }
    (home / "grids").mkdir()
    (home / "grids" / "grid.grid.json").write_text(json.dumps(grid))
    (home / "grids" / "bad.grid.json").write_text("[")
    return names


def test_a_home_of_the_version_before_opens_with_all_that_it_held(tmp_path: Path):
    names = earlier_home(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    settings = Settings.load(home=tmp_path)
    with Studio(settings, backend=Drawer()) as studio:
        done, waiting = (studio.job(name, who("ann")) for name in ("done", "waiting"))
        assert [event.path for event in done.results] == [studio.library.folder / names[0]]
        assert isinstance(list(waiting.follow())[-1], Done), "what waited is made"
        assert "cannot be read" in str(studio.job("damaged", who("ann")).events[-1])
        (candidate,) = studio.candidates.get("set", who("ann")).candidates
        assert (candidate.path, candidate.mark.rating) == (studio.library.folder / names[0], 5)
        compare = Compare(studio)
        assert [cell.path for cell in compare.store.get("compared", "ann").cells] == [
            str(studio.library.folder / name) for name in names
        ]
        assert [vote.left for vote in Arena(compare.store).votes(who("ann"))] == ["m"]
        assert studio.hosted.budget.own == 0.5
        (made,) = Grids(studio).of(who("ann"))
        assert [(cell.path, cell.error) for cell in made.grid.cells] == [
            (names[0], ""),
            ("", "No."),
            ("", "Out of paint."),
            ("", ""),
        ]
        assert made.grid.state == "stopped"
        assert studio.inputs.holds(who("ann"), ["picture"]) == {"picture"}
        assert studio.used.times()["model/starter"] == 7.0
    assert {path: path.read_bytes() for path in before} == before, "an earlier version finds them as they were"
    (told,) = (check.found for check in left_out(settings) if "earlier version" in check.found)
    assert all(Path(name).name in told for name in (*EARLIER, "*.grid.json"))


def test_comparisons_and_scores_of_version_4_are_kept(tmp_path: Path):
    """Cells whose jobs are known and forgotten, that failed and that were waiting; scores and marks of candidates."""
    recipe = resolved("a").to_json()
    with closing(connect(tmp_path / FILE)) as rows, transaction(rows):
        for name in list(MIGRATIONS)[:4]:
            MIGRATIONS[name].apply(rows, tmp_path)
        for job in ("cell", "set"):
            rows.execute("INSERT INTO jobs (id, owner, created, state) VALUES (?, 'ann', 1, 'done')", (job,))
            item = "INSERT INTO items (job, number, recipe, state) VALUES (?, 0, ?, 'done')"
            rows.execute(item, (job, recipe))
        rows.execute("INSERT INTO candidate_sets (id, owner, created, title, sieve) VALUES ('s', 'ann', 1, 't', '{}')")
        rows.execute("INSERT INTO candidate_jobs (id, set_id, first, count) VALUES ('set', 's', 0, 1)")
        rows.execute("UPDATE items SET path = job || '.png', seconds = 1.0")
        rows.execute("""UPDATE candidates SET quick = '{"sharpness": 0.5}', slow = '{}'""")
        rows.execute("INSERT INTO ratings (set_id, image, verdict, star) VALUES ('s', 0, 'keep', 0)")
        rows.execute("INSERT INTO comparisons (id, owner, created, seed, base) VALUES ('c', 'ann', 1, 7, '{}')")
        for number, prompt in enumerate(("known", "forgotten", "failed", "waiting")):
            rows.execute("INSERT INTO comparison_lines VALUES ('c', ?, ?, '[]')", (number, prompt))
        column = "INSERT INTO comparison_columns VALUES ('c', 0, 'local', 'starter', 'Starter', ?)"
        rows.execute(column, ('{"steps": "8"}',))
        fields = "comparison, line, column, state, path, metrics, kind, message, job"
        cell = f"INSERT INTO comparison_cells ({fields}) VALUES"
        rows.execute(f"""{cell} ('c', 0, 0, 'done', 'cell.png', '{{"sharpness": 0.25}}', '', '', 'cell')""")
        rows.execute(f"{cell} ('c', 1, 0, 'done', 'old.png', '{{}}', '', '', 'gone')")
        rows.execute(f"{cell} ('c', 2, 0, 'failed', '', '{{}}', 'moderated', 'No.', '')")
        rows.execute(f"{cell} ('c', 3, 0, 'waiting', '', '{{}}', '', '', '')")
        rows.execute("PRAGMA user_version = 4")
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        compare = Compare(studio)
        cells = compare.get("c", who("ann")).cells
        assert [cell.state for cell in cells] == ["done", "done", "failed", "waiting"]
        assert [Path(cell.path).name for cell in cells[:2]] == ["cell.png", "old.png"]
        assert (cells[0].seed, cells[0].metrics, cells[2].kind) == (7, {"sharpness": 0.25}, "moderated")
        (candidate,) = studio.candidates.get("s", who("ann")).candidates
        assert (candidate.scores, candidate.is_measured, candidate.mark.verdict) == ({"sharpness": 0.5}, True, "keep")
        assert {KINDS[studio.job(cell.job, who("ann")).kind].label for cell in cells[:2]} == {"Comparison"}
        compare.start("c", who("ann"))
        for job in compare.jobs(compare.get("c", who("ann")), who("ann")):
            list(job.follow())
        assert {cell.state for cell in compare.get("c", who("ann")).cells} == {"done"}


def test_a_home_moves_with_its_paths(tmp_path: Path):
    (tmp_path / "old").mkdir()
    names = earlier_home(tmp_path / "old")
    with closing(Database.of(tmp_path / "old")) as database, database.read() as found:
        paths = [
            path
            for (path,) in found.execute(
                "SELECT path FROM comparison_cells AS cells JOIN items ON items.job = cells.job AND number = item "
                "UNION SELECT left_path FROM pairs"
            )
        ]
    assert sorted(paths) == names
    (tmp_path / "old").rename(tmp_path / "new")
    with Studio(Settings.load(home=tmp_path / "new"), backend=Drawer()) as studio:
        cells = Compare(studio).store.get("compared", "ann").cells
        assert all(Path(cell.path).is_file() for cell in cells)


def test_the_folder_of_a_command_is_opened_too(tmp_path: Path):
    earlier_home(tmp_path)
    out = tmp_path / "images"
    (tmp_path / "comparisons.sqlite").rename(out / "comparison.sqlite")
    (tmp_path / "grids" / "grid.grid.json").rename(out / "a.grid.json")
    with closing(Database.of(out)) as database, database.read() as found:
        query = "SELECT path FROM items WHERE state = 'done' ORDER BY path"
        assert [Path(path).name for (path,) in found.execute(query)] == ["a.png", "a.png", "b.png"]


def test_damaged_earlier_files_are_left_out(tmp_path: Path):
    for file in EARLIER:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("this is not a database " * 400)
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        assert studio.jobs_of(who("ann")) == studio.candidates.of(who("ann")) == Grids(studio).of(who("ann")) == []
        assert studio.database.incident is None
