"""What somebody made before signing in: offered once signed in, and theirs by one click, all of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from studio.accounts.store import identity_of
from studio.errors import NotFound, Refused
from studio.gate.identity import Identity, owner_by
from studio.handover import TABLES, left_behind, take_over
from studio.hosted.models import Hosted
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.people import who
from tests.ui.painter import Painter

PASSWORD = "correct horse battery"
SECRET = "the-secret-that-this-browser-keeps"
BROWSER = who(owner_by(SECRET))
SMALL = Recipe(prompt="a boat", width=64, height=64, steps=1, seed=1)
# Whose rows the library moves, what follows from those by itself, and the table that says who moved.
LIBRARYS = {"pictures", "picture_sums", "picture_counts", "boards", "taken_over"}


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path, port=0, accounts="on"), backend=Painter()) as studio:
        studio.accounts.add("ann", "creator", PASSWORD)
        studio.accounts.add("root", "admin", PASSWORD)
        yield studio


@pytest.fixture
def ann(studio: Studio) -> Identity:
    return identity_of(studio.accounts.get("ann"))


def made(studio: Studio, whose: Identity) -> str:
    """A picture's id in the library."""
    job = studio.submit(SMALL, whose)
    list(job.follow())
    (entry,) = studio.index.search("", whose, 0, 10).entries
    return entry.id


def test_every_table_that_says_whose_a_row_is_is_handed_over(studio: Studio) -> None:
    with closing(sqlite3.connect(studio.settings.home / "studio.sqlite")) as rows:
        tables = [name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        owned = {name for name in tables if "owner" in {row[1] for row in rows.execute(f"PRAGMA table_info({name})")}}
    assert owned == {*TABLES, *LIBRARYS}


def test_pictures_jobs_boards_and_keys_are_the_account_s_and_nobody_else_s(studio: Studio, ann: Identity) -> None:
    picture = made(studio, BROWSER)
    studio.index.marks.star([picture], BROWSER)
    board = studio.index.marks.add_board("Sea", BROWSER)
    studio.index.marks.put([picture], board.id, BROWSER)
    own = studio.index.marks.add_board("Sea", ann)
    studio.hosted.keys.put(BROWSER, "openai", "a-key")
    stored = studio.inputs.add(studio.index.entry(picture, BROWSER).path, who=BROWSER)
    take_over(studio, BROWSER, ann)
    assert studio.index.entry(picture, ann).star
    assert [(one.id, one.count) for one in studio.index.marks.boards(ann)] == [(own.id, 1)]
    assert [job.results[0].path.is_file() for job in studio.jobs_of(ann)] == [True]
    assert studio.inputs.holds(ann, [stored.id]) == {stored.id}
    assert studio.hosted.keys.known(ann, Hosted(studio.settings).hosts)["openai"] == "typed"
    assert studio.jobs_of(BROWSER) == []
    assert left_behind(studio, BROWSER) == 0
    with pytest.raises(NotFound):
        studio.index.entry(picture, BROWSER)


def test_a_job_that_is_under_way_goes_on_as_the_account_s(studio: Studio, ann: Identity) -> None:
    painter = studio.backend
    assert isinstance(painter, Painter)
    painter.held.set()
    try:
        running, waiting = (studio.submit(SMALL.replace(seed=seed), BROWSER) for seed in (1, 2))
        take_over(studio, BROWSER, ann)
        assert {studio.job(one.id, ann).owner for one in (running, waiting)} == {ann.owner}
    finally:
        painter.held.clear()
    for job in (running, waiting):
        list(job.follow())
    assert len(studio.index.search("", ann, 0, 10).entries) == 2


def test_it_is_still_the_account_s_when_the_index_is_made_anew_of_the_files(studio: Studio, ann: Identity) -> None:
    picture = made(studio, BROWSER)
    take_over(studio, BROWSER, ann)
    with studio.database.write() as rows:
        rows.execute("DELETE FROM pictures")
        rows.execute("DELETE FROM jobs")
        rows.execute("DELETE FROM library_folders")
    studio.index.reindex()
    assert studio.index.entry(picture, ann).id == picture


def test_a_viewer_takes_nothing_over(studio: Studio) -> None:
    made(studio, BROWSER)
    with pytest.raises(Refused):
        take_over(studio, BROWSER, Identity.signed_in("v", "vic", "viewer"))


def test_it_is_offered_after_signing_in_and_done_by_one_click(studio: Studio, ann: Identity) -> None:
    made(studio, BROWSER)
    with serve(studio) as address:
        port = address.rstrip("/").rpartition(":")[2]
        with httpx.Client(base_url=address, headers={"Origin": address.rstrip("/")}, timeout=60) as browser:
            browser.cookies.set(f"image-studio-{port}", SECRET)
            entered = browser.post("/account/login", data={"name": "ann", "password": PASSWORD})
            assert entered.headers["location"] == "/account"
            assert "Move 1 picture from this browser to this account" in browser.get("/account").text
            foreign = browser.post(
                "/account/take-over", data={"sure": "yes"}, headers={"Origin": "http://evil.example"}
            )
            assert foreign.status_code == 403
            assert browser.post("/account/take-over", data={"sure": "yes"}).headers["location"] == "/account"
            assert "Move 1" not in browser.get("/account").text
            again = browser.post("/account/login", data={"name": "ann", "password": PASSWORD})
            assert again.headers["location"] == "/"
    assert len(studio.index.search("", ann, 0, 10).entries) == 1
