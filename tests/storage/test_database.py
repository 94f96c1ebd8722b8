"""The one database: whole transactions, migrations with a way back, and what happens to a file that cannot be used."""

import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import pytest

from studio.doctor import left_out
from studio.errors import InUse, NotWritable
from studio.settings import Settings
from studio.storage import backups, opening
from studio.storage.database import Database
from studio.storage.migrations.base import Migration, run
from studio.storage.opening import MIGRATIONS, latest
from tests.damage import damage
from tests.forks import python

GARBAGE = "this is not a database " * 400
USE = "INSERT INTO last_used (item, at) VALUES (?, 0)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.of(tmp_path)) as database:
        yield database


def note(database: Database, *items: str) -> None:
    with database.write() as rows:
        rows.executemany(USE, [(item,) for item in items])


def noted(database: Database) -> list[str]:
    with database.read() as rows:
        return [item for (item,) in rows.execute("SELECT item FROM last_used ORDER BY item")]


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as rows:
        return int(rows.execute("PRAGMA user_version").fetchone()[0])


def with_next(monkeypatch: pytest.MonkeyPatch, migration: Migration) -> None:
    """Let the studio have one more migration."""
    known = {name: MIGRATIONS[name] for name in MIGRATIONS}
    monkeypatch.setattr(opening, "MIGRATIONS", {**known, "m999_next": migration})


def test_migrations_are_numbered_without_a_gap():
    assert [name[:5] for name in MIGRATIONS] == [f"m{number:03}_" for number in range(1, len(MIGRATIONS) + 1)]


def test_an_empty_folder_gets_a_database_of_the_latest_version(database: Database, tmp_path: Path):
    assert not database.exists
    note(database, "a")
    assert version(tmp_path / "studio.sqlite") == latest()
    assert not list(backups.kept(tmp_path / "studio.sqlite")), "there is nothing to go back to"
    with database.read() as rows:
        assert rows.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert rows.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert rows.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert database.incidents() == []


def test_every_table_that_refers_to_another_goes_with_it(database: Database):
    with database.write() as rows:
        rows.execute("INSERT INTO jobs (id, owner, created) VALUES ('a', 'ann', 0)")
        rows.execute("INSERT INTO items (job, number, recipe) VALUES ('a', 0, '{}')")
        rows.execute("INSERT INTO events VALUES ('a', 0, 0, 'queued', NULL)")
        with pytest.raises(sqlite3.IntegrityError):
            rows.execute("INSERT INTO items (job, number, recipe) VALUES ('b', 0, '{}')")
        rows.execute("DELETE FROM jobs")
        assert rows.execute("SELECT (SELECT COUNT(*) FROM items) + (SELECT COUNT(*) FROM events)").fetchone()[0] == 0


def test_a_transaction_that_fails_leaves_nothing(database: Database):
    def fail() -> None:
        with database.write():
            note(database, "b")
            assert noted(database) == ["a", "b"], "who writes sees what is written"
            raise ZeroDivisionError

    note(database, "a")
    with pytest.raises(ZeroDivisionError):
        fail()
    assert noted(database) == ["a"]


def test_who_reads_is_not_kept_waiting_and_sees_one_moment(database: Database):
    note(database, "a")
    with database.read() as rows:
        before = rows.execute("SELECT COUNT(*) FROM last_used").fetchone()[0]
        writer = threading.Thread(target=note, args=(database, "b"))
        writer.start()
        writer.join()
        assert rows.execute("SELECT COUNT(*) FROM last_used").fetchone()[0] == before
    assert noted(database) == ["a", "b"]


def test_a_database_in_memory_is_whole(tmp_path: Path):
    with closing(Database(None)) as database:
        threads = [threading.Thread(target=note, args=(database, name)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert noted(database) == ["a", "b", "c"]
    assert not list(tmp_path.iterdir())


def test_a_closed_database_is_opened_again_when_it_is_used(database: Database):
    note(database, "a")
    database.close()
    assert noted(database) == ["a"]


def test_a_copy_is_the_database_itself(database: Database):
    note(database, "a")
    assert deepcopy({"page": database})["page"] is database


def test_a_migration_makes_a_backup_first(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    note(database, "a")
    database.close()
    before = latest()
    with_next(monkeypatch, Migration(run("ALTER TABLE last_used RENAME TO used_last")))
    with closing(Database.of(tmp_path)) as newer, newer.read() as rows:
        assert [item for (item,) in rows.execute("SELECT item FROM used_last")] == ["a"]
    assert version(tmp_path / "studio.sqlite") == before + 1
    (backup,) = backups.kept(tmp_path / "studio.sqlite")
    assert backup.version == version(backup.path) == before
    with closing(Database(backup.path)) as old:
        monkeypatch.undo()
        assert noted(old) == ["a"]


def test_a_migration_that_fails_changes_nothing(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    note(database, "a")
    database.close()
    before = latest()
    with_next(
        monkeypatch, Migration(run("CREATE TABLE more (a)", "DELETE FROM last_used", "INSERT INTO nowhere VALUES (1)"))
    )
    with closing(Database.of(tmp_path)) as newer, pytest.raises(NotWritable, match="cannot be used"):
        noted(newer)
    monkeypatch.undo()
    assert version(tmp_path / "studio.sqlite") == before
    with database.read() as rows:
        assert rows.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'more'").fetchone()[0] == 0
    assert noted(database) == ["a"]


def spoil(path: Path, how: str) -> None:
    """Damage the database, as a failing disk or another program would."""
    with closing(sqlite3.connect(path)) as rows, rows:
        rows.execute("PRAGMA journal_mode = DELETE")
        if how == "newer":
            rows.execute(f"PRAGMA user_version = {latest() + 7}")
        if how == "another program's":
            rows.execute("PRAGMA user_version = 0")
        if how == "other tables":
            rows.execute("ALTER TABLE votes RENAME COLUMN choice TO chosen")
    if how == "garbage":
        path.write_text(GARBAGE)
    if how == "a broken page":
        whole = bytearray(path.read_bytes())
        whole[4096 : 4096 + 100] = b"\xff" * 100
        whole[-4096:] = b"\xff" * 4096
        path.write_bytes(whole)


SPOILT = ["garbage", "a broken page", "another program's", "other tables", "newer"]


@pytest.mark.parametrize("how", SPOILT)
def test_a_database_that_cannot_be_used_is_set_aside_and_the_backup_opened(
    database: Database, tmp_path: Path, how: str
):
    note(database, "a")
    database.back_up()
    note(database, "b")
    database.close()
    path = tmp_path / "studio.sqlite"
    spoil(path, how)
    before = path.read_bytes()
    with closing(Database.of(tmp_path)) as studio:
        studio.hold()
        assert noted(studio) == ["a"]
        (incident,) = studio.incidents()
        assert incident == studio.incident
    why = "newer" if how == "newer" else "damaged"
    assert incident.reason == why
    assert (tmp_path / incident.aside).read_bytes() == before
    assert incident.aside.startswith(f"studio.{why}-")
    assert "The backup of" in incident.message
    with closing(Database.of(tmp_path)) as studio:
        studio.hold()
        assert (studio.incident, len(studio.incidents())) == (None, 1), "it is told once as what just happened"


def test_without_a_backup_a_new_one_is_begun(tmp_path: Path):
    (tmp_path / "studio.sqlite").write_text(GARBAGE)
    with closing(Database.of(tmp_path)) as database:
        assert noted(database) == []
        (incident,) = database.incidents()
        assert incident.backup is None
        assert "a new one was started" in incident.message


def test_a_damaged_backup_is_passed_over(database: Database, tmp_path: Path):
    note(database, "a")
    path = tmp_path / "studio.sqlite"
    database.back_up()
    (tmp_path / "backups" / f"studio.v{latest()}.29990101-000000.sqlite").write_text(GARBAGE)
    (tmp_path / "backups" / "studio.v9.then.sqlite").write_text(GARBAGE)
    database.close()
    path.write_text(GARBAGE)
    assert noted(database) == ["a"]


def test_a_damaged_database_never_becomes_a_backup(database: Database, tmp_path: Path):
    note(database, *(f"{number:04}" for number in range(3000)))
    database.close()
    spoil(tmp_path / "studio.sqlite", "a broken page")
    with pytest.raises(NotWritable, match="damaged"):
        database.back_up()
    assert [*backups.kept(tmp_path / "studio.sqlite")] == []
    assert not list((tmp_path / "backups").iterdir())


def test_backups_are_made_once_a_day_and_the_last_of_each_version_is_kept(database: Database, tmp_path: Path):
    note(database, "a")
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [f"studio.v{latest() + one}.2020010{day}-000000.sqlite" for one in (-1, 0) for day in range(1, 6)]
    for name in old:
        (folder / name).touch()
    database.back_up()
    database.back_up()
    left = [backup.path.name for backup in backups.kept(tmp_path / "studio.sqlite")]
    assert sorted(left[1:]) == [old[4], old[8], old[9]]
    assert {path.name for path in folder.iterdir()} == set(left)


def test_there_is_one_studio_on_a_database_and_commands_beside_it(database: Database, tmp_path: Path):
    database.hold()
    with closing(Database.of(tmp_path)) as other:
        with pytest.raises(InUse, match="Another studio") as error:
            other.hold()
        assert "--home" in error.value.hint
        note(other, "a")
    assert noted(database) == ["a"]
    database.close()
    with closing(Database.of(tmp_path)) as other:
        other.hold()


def test_what_a_running_studio_uses_is_not_replaced_by_a_command(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    database.hold()
    with_next(monkeypatch, Migration(run("CREATE TABLE more (a)")))
    with closing(Database.of(tmp_path)) as newer, pytest.raises(InUse, match="a studio is running on it"):
        noted(newer)
    monkeypatch.undo()
    note(database, "a")


@pytest.mark.parametrize("command", ["mkdir", "file for a folder"])
def test_a_database_that_cannot_be_there_is_a_clear_error(tmp_path: Path, command: str):
    folder = tmp_path / "home"
    if command == "mkdir":
        (folder / "studio.sqlite").mkdir(parents=True)
    else:
        folder.touch()
    with closing(Database.of(folder)) as database:
        with pytest.raises(NotWritable, match=r"studio\.sqlite cannot be used") as fault:
            noted(database)
        with pytest.raises(NotWritable, match=r"studio\.sqlite cannot be used") as error:
            database.hold()
    assert fault.value.hint
    assert error.value.hint


WRITER = """
import sys
from pathlib import Path
from studio.storage.database import Database
database = Database.of(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    with database.write() as rows:
        rows.execute("INSERT INTO last_used (item, at) VALUES (?, ?)", (f"{sys.argv[2]} {number}", number))
        rows.execute("INSERT INTO held_inputs (owner, picture) VALUES (?, ?)", (sys.argv[2], str(number)))
    print(number, flush=True)
"""


def started(home: Path, name: str, count: int) -> "subprocess.Popen[str]":
    args = [python(), "-c", WRITER, str(home), name, str(count)]
    return subprocess.Popen(args, stdout=subprocess.PIPE, text=True)


def test_programs_at_once_write_all_of_theirs(database: Database, tmp_path: Path):
    writers = [started(tmp_path, name, 40) for name in ("a", "b", "c")]
    note(database, "mine")
    assert [(writer.communicate()[0].count("\n"), writer.returncode) for writer in writers] == [(40, 0)] * 3
    assert len(noted(database)) == 121
    assert backups.check(tmp_path / "studio.sqlite") == latest()


def test_what_was_told_is_there_after_kill_9_and_nothing_by_halves(database: Database, tmp_path: Path):
    told = 0
    for round_ in range(4):
        name = f"round {round_}"
        with started(tmp_path, name, 1_000_000) as writer:
            assert writer.stdout
            said = [writer.stdout.readline() for _ in range(3 + 7 * round_)]
            os.kill(writer.pid, signal.SIGKILL)
            told += len(said) + writer.stdout.read().count("\n")
    assert backups.check(tmp_path / "studio.sqlite") == latest()
    with database.read() as rows:
        used, held = (
            rows.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in ("last_used", "held_inputs")
        )
    assert used == held
    assert told <= used <= told + 4


def test_a_row_that_breaks_the_rules_does_not_make_the_database_a_damaged_one(database: Database, tmp_path: Path):
    note(database, "a")
    database.close()
    damage(tmp_path / "studio.sqlite", "INSERT INTO last_used VALUES ('b', NULL)", "UPDATE last_used SET at = 'late'")
    database.hold()
    assert database.incident is None
    database.back_up()
    assert len(list(backups.kept(tmp_path / "studio.sqlite"))) == 1


def test_the_doctor_tells_what_the_next_start_will_do_and_what_it_did(database: Database, tmp_path: Path):
    note(database, "a")
    database.back_up()
    database.close()
    path = tmp_path / "studio.sqlite"
    spoil(path, "newer")
    before = path.read_bytes()
    settings = Settings.load(home=tmp_path)
    (told,) = (check for check in left_out(settings) if check.name == "database")
    assert "newer version" in told.found
    assert "opens the backup of" in str(told.cure)
    assert path.read_bytes() == before, "the doctor repairs nothing"
    noted(database)
    (told,) = (check for check in left_out(settings) if check.name == "database")
    incident = database.incident
    assert incident
    assert (told.found, incident.aside in str(told.cure)) == (incident.message, True)
    (tmp_path / incident.aside).unlink()
    assert not [check for check in left_out(settings) if check.name == "database"]
