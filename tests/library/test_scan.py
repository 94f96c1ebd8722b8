"""The index follows the files, and a rebuild from them loses nothing that anybody said."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from studio.gate.identity import COMMAND_LINE
from studio.library.index import LibraryIndex
from studio.library.scan import Scan
from studio.metadata import writing
from studio.storage.database import Database
from tests.drawer import picture, resolved
from tests.library.shelf import ANN, BOB, Shelf
from tests.people import who


def test_a_file_that_is_added_by_hand_is_found_and_one_that_is_removed_is_not(shelf: Shelf, tmp_path: Path):
    entry = shelf.save("mine")
    Image.new("RGB", (8, 8), "red").save(shelf.folder / "by hand.jpg")
    found = shelf.index.look()
    assert (found.added, found.removed, found.faults) == (1, 0, {})
    assert shelf.index.search('file:"by hand"', ANN).total == 1
    assert entry.path
    entry.path.unlink()
    (shelf.folder / "by hand.jpg").unlink()
    assert shelf.index.look().removed == 2
    assert shelf.found("", COMMAND_LINE) == []
    assert not shelf.index.look().any


def test_a_folder_that_goes_takes_its_pictures_along_and_brings_them_back_with_their_marks(
    shelf: Shelf, tmp_path: Path
):
    entry = shelf.save("mine")
    shelf.index.look()
    shelf.index.marks.tag([entry.id], ANN, add=["cat"])
    assert entry.path
    day = entry.path.parent
    shutil.move(day, tmp_path / "away")
    assert shelf.index.look().removed == 1
    assert shelf.found("") == []
    shutil.move(tmp_path / "away", shelf.folder / "2020-01-01")
    shelf.index.look()
    moved = shelf.index.entry(entry.id, ANN)
    assert (moved.tags, moved.path) == (("cat",), shelf.folder / "2020-01-01" / entry.path.name)


def test_a_file_that_is_replaced_by_hand_is_read_again_and_keeps_what_was_said(shelf: Shelf, tmp_path: Path):
    entry, other = shelf.save("before"), Shelf(tmp_path / "other").save("after")
    shelf.index.marks.tag([entry.id], ANN, add=["cat"])
    assert entry.path
    assert other.path
    os.utime(other.path, ns=(1, 1))
    other.path.replace(entry.path)
    assert shelf.index.look().any
    assert shelf.index.search("before", ANN).total == 0
    assert shelf.index.search("after", ANN).total == 1
    shelf.save("before", seed=entry.seed)  # the same pixels come again
    assert shelf.found("tag:cat") == ["before"]


def test_a_folder_that_cannot_be_listed_takes_nothing_out(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    """A folder that its user may not list is not to be had by a test that may do everything."""
    shelf.save("mine")
    monkeypatch.setattr(Scan, "_files", lambda *_: (_ for _ in ()).throw(PermissionError))
    assert not shelf.index.look().any
    assert shelf.found("") == ["mine"]


def test_a_rebuild_knows_that_a_folder_went_which_nobody_had_looked_at(shelf: Shelf):
    entry = shelf.save("mine")
    assert entry.path
    shutil.rmtree(entry.path.parent)
    assert shelf.index.reindex().removed == 1
    assert shelf.found("") == []


def test_a_disk_that_is_not_mounted_takes_nothing_out(shelf: Shelf, tmp_path: Path):
    shelf.save("mine")
    shelf.index.look()
    shelf.folder.rename(tmp_path / "away")
    assert not shelf.index.look().any
    assert shelf.index.search("", ANN).total == 1


def test_a_rebuild_keeps_all_that_was_said(shelf: Shelf):
    entry = shelf.save("a red house")
    board = shelf.index.marks.add_board("my board", ANN)
    shelf.index.marks.star([entry.id], ANN)
    shelf.index.marks.rate([entry.id], 3, ANN)
    shelf.index.marks.note(entry.id, "noted", ANN)
    shelf.index.marks.tag([entry.id], ANN, add=["cat"])
    shelf.index.marks.put([entry.id], board.id, ANN)
    binned = shelf.save("binned")
    shelf.index.marks.bin([binned.id], ANN)
    before = shelf.index.entry(entry.id, ANN)
    found = shelf.index.reindex()
    assert (found.added, found.changed, found.removed) == (0, 2, 0)
    assert shelf.index.entry(entry.id, ANN) == before
    assert shelf.found("noted tag:cat") == ["a red house"]
    assert shelf.found("bin:yes") == ["binned"]


def test_an_index_that_is_lost_is_made_of_the_files_alone_each_owners(shelf: Shelf):
    mine, his = shelf.save("of ann"), shelf.save("of bob", BOB)
    for path in shelf.settings.home.glob("studio.sqlite*"):
        path.unlink()
    anew = shelf.again()
    assert anew.index.look().added == 2
    anew.index.looks.fill(lambda: False)
    # The colour is that of the small copy now.
    found = anew.index.entry(mine.id, ANN)
    assert (found.tint is None, replace(found, tint=None)) == (False, replace(mine, tint=None))
    assert anew.index.entry(his.id, BOB) == his
    assert anew.found("", ANN) == ["of ann"]
    assert anew.found("", BOB) == ["of bob"]


def test_a_picture_says_nobody_whose_it_is(shelf: Shelf):
    entry = shelf.save("a", who("somebody-known"))
    assert entry.path
    assert b"somebody" not in entry.path.read_bytes()


def test_pictures_of_another_data_folder_are_whoever_runs_the_studio_s(shelf: Shelf, tmp_path: Path):
    other = Shelf(tmp_path / "other").save("of another", BOB)
    assert other.path
    (shelf.folder / "2020-01-01").mkdir()
    shutil.copy(other.path, shelf.folder / "2020-01-01")
    shelf.index.look()
    assert shelf.found("", BOB) == []
    assert shelf.found("", ANN) == ["of another"]  # at this machine
    assert shelf.found("", COMMAND_LINE) == ["of another"]


def test_a_copy_is_a_picture_of_its_own(shelf: Shelf):
    entry = shelf.save("a")
    assert entry.path
    shutil.copy(entry.path, shelf.folder / "copy.png")
    shelf.index.look()
    shelf.index.reindex()
    assert shelf.found("") == ["a", "a"]
    shelf.index.marks.star([entry.id], ANN)
    assert len(shelf.found("star:yes")) == 1


def test_a_picture_that_was_saved_anew_without_its_recipe_is_known_by_its_pixels(shelf: Shelf):
    entry = shelf.save("a")
    shelf.index.marks.tag([entry.id], ANN, add=["cat"])
    shelf.index.look()
    assert entry.path
    with Image.open(entry.path) as image:
        pixels = Image.frombytes(image.mode, image.size, image.tobytes())
    entry.path.unlink()
    shelf.index.look()
    (shelf.folder / "imported" / shelf.index.owners.mark(ANN)).mkdir(parents=True)
    pixels.save(shelf.folder / "imported" / shelf.index.owners.mark(ANN) / "again.png")
    shelf.index.look()
    assert shelf.index.entry(entry.id, ANN).tags == ("cat",)


def test_pictures_of_an_earlier_version_belong_to_whom_their_job_says(shelf: Shelf):
    made = resolved("of before", side=16)
    (shelf.folder / "2025-01-02").mkdir()
    path = shelf.folder / "2025-01-02" / "030405-1-abcdef.png"
    writing.write(picture(made), made, {"seconds": "1"}, path)
    with Database.of(shelf.settings.home).write() as rows:
        rows.execute("INSERT INTO jobs (id, owner, created, state, kind) VALUES ('j', 'bob', 1, 'done', 'grid')")
        item = "INSERT INTO items (job, number, recipe, state, path) VALUES ('j', 3, '{}', 'done', ?)"
        rows.execute(item, (path.relative_to(shelf.folder).as_posix(),))
        rows.execute("INSERT INTO scores (job, item, quick, slow) VALUES ('j', 3, ?, '{}')", ('{"sharpness": 0.25}',))
    shelf.index.look()
    (entry,) = shelf.index.search("", BOB).entries
    assert (entry.kind, entry.job, entry.item, entry.scores) == ("grid", "j", 3, {"sharpness": 0.25})
    assert shelf.found("date:2025-01-02", BOB) == ["of before"]


def test_stored_inputs_and_hidden_files_are_no_pictures_of_the_library(shelf: Shelf):
    for name in ("inputs/a.png", ".hidden/a.png", ".a.png", "notes.txt"):
        path = shelf.folder / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path, "PNG")
    assert shelf.index.look().added == 0


def test_the_studio_follows_its_folder_by_itself(shelf: Shelf):
    Image.new("RGB", (8, 8), "red").save(shelf.folder / "a.png")
    index = LibraryIndex.of(shelf.settings)
    index.watch()
    with index.news:
        assert index.news.wait_for(lambda: index.search("", ANN).total == 1, 30)
    index.close()


@pytest.mark.skipif(os.name == "nt", reason="names there are always text")
def test_hostile_files_are_left_out_with_the_reason_and_take_no_other_along(shelf: Shelf, tmp_path: Path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "blue").save(secret)
    (shelf.folder / "link.png").symlink_to(secret)
    (shelf.folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    (shelf.folder / "torn.png").write_bytes(secret.read_bytes()[:40])
    (shelf.folder / "words.png").write_text("no picture")
    (shelf.folder / "empty.png").write_bytes(b"")
    bomb = bytearray(secret.read_bytes())
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    (shelf.folder / "bomb.png").write_bytes(bomb)
    with open(os.fsencode(shelf.folder) + b"/\xff\xfe.png", "wb") as file:  # noqa: PTH123 - no text
        file.write(secret.read_bytes())
    Image.new("RGB", (8, 8), "red").save(shelf.folder / f"{'猫' * 83}.png")  # 253 bytes
    found = shelf.index.look()
    assert found.added == 1
    assert set(found.faults) >= {"link.png", "torn.png", "words.png", "empty.png", "bomb.png"}
    assert len(found.faults) == 6
    assert all(found.faults.values())
    assert shelf.index.search("", ANN).total == 1
    again = shelf.index.reindex()
    assert len(again.faults) == 6


def test_sidecars_bring_back_what_was_said_where_the_database_is_lost(shelf: Shelf):
    entry, marks = shelf.save("a"), shelf.index.marks
    board = marks.add_board("my board", ANN)
    marks.put([entry.id], board.id, ANN)
    marks.tag([entry.id], ANN, add=["cat"])
    marks.rate([entry.id], 4, ANN)
    marks.note(entry.id, "noted", ANN)
    (written,) = shelf.index.exports.write_sidecars([entry.id], ANN)
    assert entry.path
    assert written == entry.path.with_name(f"{entry.path.name}.json")
    for path in shelf.settings.home.glob("studio.sqlite*"):
        path.unlink()
    anew = shelf.again()
    anew.index.look()
    assert anew.found('board:"my board" tag:cat rating:4 noted') == ["a"]
    assert [board.count for board in anew.index.marks.boards(ANN)] == [1]
    anew.index.marks.bin([entry.id], ANN)
    anew.index.marks.empty_bin(ANN)
    assert not written.exists()


def test_a_sidecar_that_says_nonsense_does_no_harm(shelf: Shelf):
    nonsense = {"star": 7, "rating": "x", "note": 5, "tags": ["a" * 500, 3, "good"], "boards": "no", "more": {}}
    for number, text in enumerate(("{", "[]", json.dumps({"image-studio-sidecar": 1, **nonsense}))):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(shelf.folder / f"{number}.png")
        (shelf.folder / f"{number}.png.json").write_text(text)
    assert shelf.index.look().added == 3
    (entry,) = shelf.index.search("tag:good", ANN).entries
    assert (entry.tags, entry.star, entry.rating, entry.note) == (("good",), False, None, "")
