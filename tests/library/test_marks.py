import io
import json
import os
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from studio import unused
from studio.errors import AlreadyExists, InvalidRequest, NotFound, Refused
from studio.inputs import InputStore
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.jobs.store import JobStore
from studio.library.query import Term
from studio.recipe import ImageToImageRecipe
from studio.storage.database import Database
from tests.drawer import resolved
from tests.library.shelf import ANN, BOB, Shelf


def test_what_an_owner_says_of_a_picture_is_found_by(shelf: Shelf):
    entry, marks = shelf.save("a"), shelf.index.marks
    shelf.save("b")
    marks.star([entry.id], ANN)
    marks.rate([entry.id], 4, ANN)
    marks.note(entry.id, "for the calendar", ANN)
    marks.tag([entry.id], ANN, add=["Cat", "red  thing"])
    for search in ("star:yes", "rating:>=4", "calendar", "tag:cat", 'tag:="red thing"', "thing", "-star:no"):
        assert shelf.found(search) == ["a"], search
    marks.tag([entry.id], ANN, remove=["Cat"])
    marks.star([entry.id], ANN, on=False)
    found = shelf.index.entry(entry.id, ANN)
    assert (found.tags, found.star, found.rating, found.note) == (("red thing",), False, 4, "for the calendar")
    assert shelf.found("cat") == []


def test_boards_hold_pictures_and_let_them_go(shelf: Shelf):
    one, two, marks = shelf.save("one"), shelf.save("two"), shelf.index.marks
    board, other = marks.add_board("my board", ANN), marks.add_board("other", ANN)
    marks.put([one.id, two.id, one.id], board.id, ANN)
    assert [(found.name, found.count, found.cover in (one.id, two.id)) for found in marks.boards(ANN)] == [
        ("my board", 2, True),
        ("other", 0, False),
    ]
    assert shelf.found('board:"my board"') == ["two", "one"]
    marks.move([one.id], board.id, other.id, ANN)
    assert shelf.index.entry(one.id, ANN).boards == (other.id,)
    marks.rename_board(board.id, "mine", ANN)
    marks.take_off([two.id], board.id, ANN)
    marks.remove_board(other.id, ANN)
    assert [(found.name, found.count) for found in marks.boards(ANN)] == [("mine", 0)]
    assert shelf.found("") == ["two", "one"]


def test_a_board_is_its_owners_alone(shelf: Shelf):
    board = shelf.index.marks.add_board("mine", ANN)
    entry = shelf.save("of bob", BOB)
    assert shelf.index.marks.boards(BOB) == []
    shelf.index.marks.add_board("mine", BOB)
    for attempt in (
        lambda: shelf.index.marks.put([entry.id], board.id, BOB),
        lambda: shelf.index.marks.rename_board(board.id, "his", BOB),
        lambda: shelf.index.marks.remove_board(board.id, BOB),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_names_that_cannot_be_are_refused_and_nothing_of_it_is_kept(shelf: Shelf):
    entry, marks = shelf.save("a"), shelf.index.marks
    marks.add_board("taken", ANN)
    with pytest.raises(AlreadyExists):
        marks.add_board(" taken ", ANN)
    for name in ("", "  ", "a" * 101, "a\0b"):
        with pytest.raises(InvalidRequest):
            marks.tag([entry.id], ANN, add=["good", name])
    with pytest.raises(InvalidRequest):
        marks.rate([entry.id], 6, ANN)
    with pytest.raises(InvalidRequest, match="50 tags"):
        marks.tag([entry.id], ANN, add=[f"tag {number}" for number in range(51)])
    with pytest.raises(NotFound):
        marks.star([entry.id, "unknown"], ANN)
    found = shelf.index.entry(entry.id, ANN)
    assert (found.tags, found.star) == ((), False)


def test_a_binned_picture_comes_back_as_it_was_and_goes_for_good_when_the_bin_is_emptied(shelf: Shelf):
    entry, marks = shelf.save("a"), shelf.index.marks
    kept = shelf.save("kept")
    marks.tag([entry.id], ANN, add=["cat"])
    before = shelf.index.entry(entry.id, ANN)
    marks.bin([entry.id], ANN)
    assert shelf.found("") == ["kept"]
    assert shelf.found("bin:yes") == ["a"]
    usage = shelf.index.usages.of(ANN)
    assert (usage.count, usage.binned_count) == (1, 1)
    marks.restore([entry.id], ANN)
    assert shelf.index.entry(entry.id, ANN) == before
    marks.bin([entry.id], ANN)
    assert marks.empty_bin(BOB) == 0
    assert marks.empty_bin(ANN) == entry.bytes
    assert entry.path
    assert not entry.path.exists()
    with pytest.raises(NotFound):
        shelf.index.entry(entry.id, ANN)
    assert shelf.found("") == ["kept"]
    assert kept.path
    assert kept.path.exists()


def test_a_zip_holds_the_files_as_they_are_and_what_was_said_of_them(shelf: Shelf):
    entry, other = shelf.save("a"), shelf.save("b")
    board = shelf.index.marks.add_board("猫", ANN)
    shelf.index.marks.put([entry.id], board.id, ANN)
    shelf.index.marks.star([entry.id], ANN)
    blocks = b"".join(shelf.index.exports.zip([entry.id, other.id], ANN))
    assert entry.path
    with zipfile.ZipFile(io.BytesIO(blocks)) as archive:
        assert archive.testzip() is None
        assert archive.read(entry.path.name) == entry.path.read_bytes()
        said = json.loads(archive.read(f"{entry.path.name}.json"))
        assert len(archive.namelist()) == 4
    assert (said["star"], said["boards"], said["digest"]) == (True, ["猫"], entry.digest)
    assert json.loads(shelf.index.exports.sidecar(entry.id, ANN)) == said


@pytest.mark.skipif(os.name == "nt", reason="no file is called so there")
def test_a_name_in_a_zip_leads_nowhere_whatever_a_file_is_called(shelf: Shelf):
    for name in ("x\\..\\evil.png", "C:evil.png"):
        Image.new("RGB", (8, 8), "red" if name[0] == "x" else "blue").save(shelf.folder / name)
    shelf.index.look()
    blocks = b"".join(shelf.index.exports.zip(shelf.index.ids("", ANN), ANN, sidecars=False))
    with zipfile.ZipFile(io.BytesIO(blocks)) as archive:
        assert sorted(archive.namelist()) == ["C_evil.png", "x_.._evil.png"]


def test_whoever_waits_is_told_of_each_change(shelf: Shelf):
    entry = shelf.save("a")
    before, changed = shelf.index.serial(), shelf.index.news.changed
    shelf.again().index.marks.star([entry.id], ANN)  # by another program
    assert shelf.index.serial() > before
    shelf.index.marks.note(entry.id, "a", ANN)
    assert shelf.index.news.changed > changed


def test_a_facet_of_tags_is_a_chip(shelf: Shelf):
    entry = shelf.save("a")
    shelf.index.marks.tag([entry.id], ANN, add=['so-called "art"'])
    (facet,) = shelf.index.facets(ANN)["tag"]
    assert facet.term == str(Term('so-called "art"', "tag", "="))
    assert shelf.found(facet.term) == ["a"]


def test_inputs_that_nothing_names_any_more_are_cleared_after_a_time_and_that_is_told(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
):
    inputs = InputStore.of(shelf.settings)
    start, shared = (inputs.add(Image.new("RGB", (8, 8), colour)).id for colour in ("red", "blue"))
    base = {**resolved("a", side=16).model_dump(exclude_none=True), "strength": 0.5}
    one, two = (shelf.save(recipe=ImageToImageRecipe(**base, init_image=start), seed=seed) for seed in (1, 2))
    other = shelf.save(recipe=ImageToImageRecipe(**base, init_image=shared), seed=3)
    shelf.index.marks.bin([one.id, two.id], ANN)
    shelf.index.marks.empty_bin(ANN, [one.id])
    monkeypatch.setattr(unused, "BROUGHT_SECONDS", -1.0)
    inputs.sweep()
    assert inputs.path(start).exists()
    shelf.index.marks.empty_bin(ANN)
    inputs.sweep()
    assert not (inputs.folder / f"{start}.png").exists()
    assert inputs.path(shared).exists()
    assert shelf.index.entry(other.id, ANN)
    cleared = shelf.index.usages.of(ANN).cleared
    assert cleared
    assert cleared[0] == 1
    assert shelf.index.usages.of(BOB).cleared is None


def test_inputs_of_a_job_that_is_forgotten_without_a_picture_are_cleared(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    inputs, database = InputStore.of(shelf.settings), Database.of(shelf.settings.home)
    start = inputs.add(Image.new("RGB", (8, 8), "red")).id
    recipe = ImageToImageRecipe(**resolved("a").model_dump(exclude_none=True), strength=0.5, init_image=start)
    store = JobStore(database, alone=False)
    store.add(Job("j", ANN, [QueueItem(0, recipe)], 1.0))
    monkeypatch.setattr(unused, "BROUGHT_SECONDS", -1.0)
    inputs.sweep()
    assert inputs.path(start).exists()
    store.remove("j")
    inputs.sweep()
    assert not (inputs.folder / f"{start}.png").exists()


def test_a_viewer_looks_and_says_nothing_of_what_is_theirs(shelf: Shelf):
    entry, marks = shelf.save("a"), shelf.index.marks
    board, viewer = marks.add_board("mine", ANN), replace(ANN, role="viewer")
    ids = [entry.id]
    for act in (
        lambda: marks.star(ids, viewer),
        lambda: marks.rate(ids, 5, viewer),
        lambda: marks.note(entry.id, "a", viewer),
        lambda: marks.tag(ids, viewer, add=["a"]),
        lambda: marks.bin(ids, viewer),
        lambda: marks.restore(ids, viewer),
        lambda: marks.empty_bin(viewer),
        lambda: marks.add_board("other", viewer),
        lambda: marks.rename_board(board.id, "other", viewer),
        lambda: marks.remove_board(board.id, viewer),
        lambda: marks.put(ids, board.id, viewer),
        lambda: marks.take_off(ids, board.id, viewer),
    ):
        with pytest.raises(Refused, match="it can look, but not change anything"):
            act()
    assert shelf.index.entry(entry.id, viewer).star is False
