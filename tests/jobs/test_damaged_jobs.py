"""Rows and files of jobs that cannot be read keep no studio from starting, and are told."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from studio.errors import NotWritable
from studio.events import Done, Failed
from studio.jobs.store import damaged_jobs
from studio.storage.database import FILE, Database
from tests.damage import damage
from tests.drawer import Drawer, resolved
from tests.jobs.place import Place, end_of, job_of
from tests.people import who


def test_a_job_that_cannot_be_read_any_more_has_failed_and_the_others_run(place: Place):
    with closing(place.store()) as store:
        store.add(job_of("unreadable", [resolved("a")]))
        store.add(job_of("readable", [resolved("b")]))
    damage(place.path, "UPDATE items SET recipe = replace(recipe, 'steps', 'stairs') WHERE job = 'unreadable'")
    with closing(place.queue(Drawer())) as queue:
        assert "stairs" in str(end_of(queue.get("unreadable", who("ann"))))
        assert isinstance(end_of(queue.get("readable", who("ann"))), Done)


# What the rows of a job may hold after a fault of the disk: first its item's, then its own.
UNREADABLE = {
    "no recipe": "recipe = NULL",
    "empty": "recipe = ''",
    "no object": "recipe = '7'",
    "brackets": f"recipe = '{'[' * 10_000}'",
    "brackets within": f"recipe = '{{\"prompt\": {'[' * 10_000}}}'",
    "a new setting": "recipe = replace(recipe, 'steps', 'stairs')",
    "a newer recipe": "recipe = '{\"version\": 99}'",
    "bytes": "recipe = x'ff00fe'",
    "no text": "recipe = CAST(x'ff00fe' AS TEXT)",
    "a number": "recipe = 1e300",
    "another number": "number = 1",
    "a number of words": "number = 'first'",
}
DAMAGES = {
    "another state": "state = 'paused'",
    "no state": "state = NULL",
    "state of bytes": "state = x'00'",
    "running": "state = 'running'",
    "a priority of words": "priority = 'first', place = 'here', paused = 'no'",
    "another priority": "priority = 7, place = NULL, paused = NULL",
    "done of another time": "state = 'done', seconds = 'long', created = 1e300",
    "failed without a word": "state = 'failed', message = NULL, hint = NULL, field = 7",
    "no time": "created = NULL",
    "no owner": "owner = NULL",
    "owner of bytes": "owner = x'ff'",
    "no id": "id = NULL",
}
FAILED = {*UNREADABLE, "another state", "no state", "state of bytes", "done without recipe"}


def spoil(place: Place) -> None:
    """A list with a job of each damage, each with images that are not there, and a sound one behind them."""
    with closing(place.store()) as store:
        for name in (*UNREADABLE, *DAMAGES, "done without recipe", "sound"):
            job = job_of(name, [resolved(name)])
            store.add(job)
            store.finish(job, job.items[0], "gone.png", 1)
    more = (
        "INSERT INTO items (job, number, recipe, path, seconds) SELECT job, {}, {}, {}, {} FROM items WHERE job = '{}'"
    )
    damage(
        place.path,
        *(f"UPDATE items SET {change} WHERE job = '{name}'" for name, change in UNREADABLE.items()),
        *(f"UPDATE jobs SET {change} WHERE id = '{name}'" for name, change in DAMAGES.items()),
        more.format(1, "recipe", f"'../{FILE}'", 1, "no time"),
        more.format(1, "recipe", "NULL", "NULL", "done of another time"),
        more.format(1, "recipe", 7, "'long'", "failed without a word"),
        "DELETE FROM items WHERE job = 'done without recipe'",
        "UPDATE jobs SET state = 'done' WHERE id = 'done without recipe'",
    )


def rows_of(place: Place) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(place.path)) as database:
        database.text_factory = bytes
        query = "SELECT jobs.id, jobs.state, recipe, items.state FROM jobs LEFT JOIN items ON job = jobs.id"
        return database.execute(query).fetchall()


def test_no_row_keeps_the_studio_from_starting(place: Place):
    spoil(place)
    before = {row[0]: row for row in rows_of(place)}
    with closing(place.queue(Drawer())) as queue:
        assert isinstance(end_of(queue.get("sound", who("ann"))), Done)
        ends = {job.id: end_of(job) for job in queue.of(who("ann"))}
    assert ends.keys() == {"sound", *FAILED, *DAMAGES} - {"no owner", "owner of bytes", "no id"}
    unreadable = {name for name, end in ends.items() if isinstance(end, Failed) and "cannot be read" in end.message}
    assert unreadable == FAILED
    assert all(isinstance(ends[name], Done) for name in ("no time", "running", "a priority of words"))
    after = {row[0]: row for row in rows_of(place)}
    assert all(after[name.encode()] == before[name.encode()] for name in unreadable), "they wait for their version"


def test_damaged_rows_are_told(place: Place):
    spoil(place)
    with closing(Database(place.path)) as database:
        faults = damaged_jobs(database)
    assert len(faults) == len(FAILED) + 3
    assert all(fault.hint for fault in faults)


def test_a_damaged_list_is_set_aside_and_a_new_one_begun(place: Place):
    place.path.write_bytes(b"this is not a database" * 100)
    with closing(place.queue(Drawer())) as queue:
        assert isinstance(end_of(queue.submit([resolved("a")], who("ann"))), Done)
    (aside,) = place.path.parent.glob("studio.damaged-*.sqlite")
    assert aside.read_bytes().startswith(b"this is not")


def test_a_list_with_more_columns_serves_as_it_is(place: Place):
    with closing(place.queue(Drawer())) as queue:
        job = queue.submit([resolved("a")], who("ann"))
        end_of(job)
    damage(place.path, "ALTER TABLE jobs ADD COLUMN part INTEGER")
    with closing(place.queue(Drawer())) as queue:
        assert [one.id for one in queue.of(who("ann"))] == [job.id]


def test_a_list_that_cannot_be_used_is_a_clear_error(place: Place):
    place.path.mkdir()
    with pytest.raises(NotWritable, match=r"studio\.sqlite") as error:
        place.queue(Drawer())
    assert error.value.hint
