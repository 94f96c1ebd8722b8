"""Pictures from anywhere come into the library as they are; what cannot be taken is refused, and stops no other."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.cli import main
from studio.errors import DiskFull, LibraryFull, StorageError
from studio.events import Failed
from studio.gate.identity import COMMAND_LINE
from studio.library.names import MOST_STEM_BYTES, safe_stem
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.library.shelf import ANN, BOB, Shelf
from tests.people import who


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    folder = tmp_path / "foreign"
    folder.mkdir()
    texts = PngInfo()
    line = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 99, Size: 8x8, Model: dreams"
    texts.add_text("parameters", f"a foggy harbour <lora:mist:0.8>\nNegative prompt: people\n{line}")
    Image.new("RGB", (8, 8), "grey").save(folder / "a1111.png", pnginfo=texts)
    Image.new("RGB", (9, 9), "red").save(folder / "photo.jpg")
    return folder


def test_pictures_of_other_tools_are_found_by_what_they_say(shelf: Shelf, foreign: Path):
    given = (foreign / "a1111.png").read_bytes()
    result = shelf.index.importer.bring([foreign], ANN)
    assert (len(result.added), result.refused, result.passed) == (2, {}, 0)
    assert shelf.found("foggy lora:mist model:dreams seed:99 -people negative:people kind:imported") == [
        "a foggy harbour <lora:mist:0.8>"
    ]
    (entry,) = shelf.index.search("tool:1111", ANN).entries
    assert entry.path
    assert entry.path.read_bytes() == given
    assert (entry.name, entry.kind) == ("a1111.png", "imported")
    assert entry.path.is_relative_to(shelf.folder / "imported")
    assert shelf.index.search("photo", ANN).total == 1
    assert shelf.found("", BOB) == []


def test_the_same_picture_is_not_taken_twice(shelf: Shelf, foreign: Path):
    first = shelf.index.importer.bring([foreign], ANN)
    second = shelf.index.importer.bring([foreign, foreign / "photo.jpg"], ANN)
    assert (second.added, set(second.known)) == ([], set(first.added))
    assert len(shelf.index.importer.bring([foreign], BOB).added) == 2
    assert shelf.index.search("", ANN).total == 2


def test_a_picture_that_was_handed_on_brings_its_marks_back(shelf: Shelf, tmp_path: Path):
    entry, marks = shelf.save("a"), shelf.index.marks
    board = marks.add_board("my board", ANN)
    marks.put([entry.id], board.id, ANN)
    marks.tag([entry.id], ANN, add=["cat"])
    marks.rate([entry.id], 5, ANN)
    (tmp_path / "it.zip").write_bytes(b"".join(shelf.index.exports.zip([entry.id], ANN)))
    with zipfile.ZipFile(tmp_path / "it.zip") as archive:
        archive.extractall(tmp_path / "out")
    other = Shelf(tmp_path / "other")
    assert len(other.index.importer.bring([tmp_path / "out"], ANN).added) == 1
    (found,) = other.index.search('board:"my board" tag:cat rating:5', ANN).entries
    assert (found.id, found.prompt, found.digest) == (entry.id, "a", entry.digest)


def test_a_file_that_claims_another_s_picture_is_a_new_one(shelf: Shelf, tmp_path: Path):
    entry = shelf.save("of ann")
    assert entry.path
    shutil.copy(entry.path, tmp_path / "handed on.png")
    result = shelf.index.importer.bring([tmp_path / "handed on.png"], BOB)
    assert len(result.added) == 1
    assert result.added[0] != entry.id
    assert shelf.index.entry(entry.id, ANN) == entry
    shelf.index.marks.star(result.added, BOB)
    assert not shelf.index.entry(entry.id, ANN).star


def test_what_cannot_be_taken_is_refused_with_the_reason_and_stops_no_other(
    shelf: Shelf, foreign: Path, tmp_path: Path
):
    whole = (foreign / "photo.jpg").read_bytes()
    (foreign / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (foreign / "words.png").write_text("no picture")
    (foreign / "page.svg").write_text("<svg/>")
    (foreign / "link.png").symlink_to(foreign / "photo.jpg")
    bomb = bytearray((foreign / "a1111.png").read_bytes())
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    (foreign / "bomb.png").write_bytes(bomb)
    texts = PngInfo()
    texts.add_text("parameters", "a" * 3_000_000, zip=True)
    Image.new("RGB", (8, 8), "blue").save(foreign / "long.png", pnginfo=texts)
    with Image.new("RGB", (8, 8), "lime") as image:
        image.save(foreign / "exif.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 50)
    result = shelf.index.importer.bring([foreign, tmp_path / "nowhere.png"], ANN)
    assert set(result.refused) == {"torn.jpg", "words.png", "link.png", "bomb.png", "nowhere.png"}
    assert all(result.refused.values())
    assert (len(result.added), result.passed) == (4, 1)
    assert sorted(path.suffix for path in shelf.folder.rglob("*.*g")) == [".jpg", ".jpg", ".png", ".png"]
    assert not list(shelf.folder.glob(".*.part"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", ".._.._etc_passwd".strip(".")),
        ("a\\b:c*", "a_b_c_"),
        ("con", "picture"),
        ("   ", "picture"),
        ("...", "picture"),
        ("a\x00b\u202ec", "a_b_c"),
        ("猫の絵", "猫の絵"),
        ("\udcff", "�"),
    ],
)
def test_a_name_is_made_one_that_every_system_takes(given: str, kept: str):
    assert safe_stem(given) == kept


def test_a_name_of_255_bytes_in_any_script_is_cut_between_signs(shelf: Shelf, foreign: Path):
    (foreign / "photo.jpg").rename(foreign / f"{'猫' * 83}.jpg")
    (foreign / "a1111.png").unlink()
    (picture,) = shelf.index.importer.bring([foreign], ANN).added
    entry = shelf.index.entry(picture, ANN)
    assert entry.path
    assert len(entry.path.name.encode()) < MOST_STEM_BYTES + 20
    assert entry.path.name.startswith("猫" * 26 + "-")
    assert shelf.found("file:猫猫") == [""]


def test_nobody_keeps_more_than_they_may(shelf: Shelf, foreign: Path, tmp_path: Path):
    small = Shelf(tmp_path / "small", library_mb=1)
    big = foreign / "big.bmp"
    Image.new("RGB", (700, 500)).save(big)  # 1.05 MB
    with pytest.raises(LibraryFull, match="of the 1 MB") as error:
        small.index.importer.bring([big], ANN)
    assert "STUDIO_LIBRARY_MB" in error.value.hint
    assert len(small.index.importer.bring([foreign / "photo.jpg"], ANN).added) == 1
    with Studio(small.settings, backend=Drawer()) as studio:
        studio.submit(Recipe(prompt="a", width=64, height=64, steps=1), who("carol"))
        with pytest.raises(LibraryFull):
            studio.submit(Recipe(prompt="a", width=256, height=256, count=6, steps=1), who("carol"))


def test_an_import_stops_before_the_disk_is_full(shelf: Shelf, foreign: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk without room is not to be had: its free bytes are told to be few."""
    usage = type("Usage", (), {"free": 1000, "total": 1, "used": 1})
    monkeypatch.setattr("studio.atomic_files.shutil.disk_usage", lambda _: usage)
    with pytest.raises(DiskFull):
        shelf.index.importer.bring([foreign], ANN)
    assert issubclass(DiskFull, StorageError)
    assert not list(shelf.folder.rglob("*.jpg"))


def test_a_job_stops_before_the_disk_is_full_and_what_was_made_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk that fills up is not to be had: the free bytes that are told shrink with each picture."""
    free = iter([2**40] * 4 + [1000] * 100)
    with Studio(Settings.load(home=tmp_path / "home"), backend=Drawer()) as studio:
        monkeypatch.setattr("studio.atomic_files.shutil.disk_usage", lambda _: type("Usage", (), {"free": next(free)}))
        job = studio.submit(Recipe(prompt="a", width=64, height=64, steps=1, count=6), who("carol"))
        *_, end = job.follow()
        made = studio.index.search("", who("carol")).entries
    assert isinstance(end, Failed)
    assert end.code == "disk_full"
    assert len(made) == 3
    assert all(entry.path and own.read(entry.path) for entry in made)


def test_a_picture_of_the_library_itself_is_not_imported(shelf: Shelf):
    entry = shelf.save("a")
    assert entry.path
    result = shelf.index.importer.bring([entry.path], ANN)
    assert result.refused == {entry.path.name: "It is already in the library. There is nothing to do."}


def test_the_commands_import_find_and_rebuild(foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    home = ["--home", str(tmp_path / "home")]
    assert main(["library", *home]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("0 pictures. All take 0 MB; ")
    assert "; 0.0 GB" not in out
    (foreign / "words.png").write_text("no picture")
    assert main(["import", str(foreign), *home]) == 0
    out, errors = capsys.readouterr()
    assert out == "2 pictures were imported into the library, 1 refused.\n"
    assert errors.startswith("studio import: words.png: The file is not a picture.")
    assert main(["library", "search", "foggy", "seed:99", "--json", *home]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total"], found["search"], found["pictures"][0]["seed"]) == (1, "foggy seed:99", 99)
    os.remove(found["pictures"][0]["path"])  # noqa: PTH107 - a text
    assert main(["reindex", *home]) == 0
    assert capsys.readouterr().out.startswith("The library has 1 pictures: 0 new, 1 gone.\n")
    assert main(["library", *home]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "photo" in listed[0]
    assert listed[1].startswith("1 picture. All take 0 MB; ")
    assert main(["library", *home, "search", "lorra:x"]) == 2
    assert "“lorra:x”" in capsys.readouterr().err
    assert main(["library", *home, "filters"]) == 0
    assert "lora:ink" in capsys.readouterr().out
    assert main(["library", "sidecars", "photo", *home]) == 0
    assert capsys.readouterr().out == "What was said about 1 picture was written beside them, as <picture>.json.\n"
    assert main(["import", str(foreign / "words.png"), *home, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["refused"]


def test_what_the_command_line_imports_is_whoever_sits_here_s(shelf: Shelf, foreign: Path):
    shelf.index.importer.bring([foreign], COMMAND_LINE)
    assert shelf.index.search("", ANN).total == 2
    assert shelf.index.search("", BOB).total == 0
