"""`studio grid` on the embedded classes at tiny size: what it prints, makes, resumes and refuses."""

import csv
import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from studio.metadata import own
from studio.storage.database import Database
from tests import tiny

MODEL = "tiny"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[[str], Path]) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    (home / "models" / MODEL).symlink_to(tiny_model("sd15"))
    return home


@pytest.fixture(autouse=True)
def _studio_home(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOME", str(home))


def grid(out: Path, *options: str) -> int:
    base = ["grid", "--prompt", tiny.PROMPT, "--model", MODEL, "--width", "64", "--height", "64", "--steps", "1"]
    return main([*base, "--out", str(out), *options])


def test_a_grid_is_made_told_and_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    sheets = [f"--{kind}={tmp_path / f'sheet.{kind}'}" for kind in ("png", "html", "csv")]
    axes = ["--x", "prompt:red=red,blue", "--y", "scheduler=Euler,Eular", "--z", "seed=1-2"]
    assert grid(tmp_path / "out", *axes, "--json", *sheets) == 0
    out, err = capsys.readouterr()
    cells = json.loads(out)["cells"]
    assert [set(cell) for cell in cells] == [{"x", "y", "z", "path", "error"}] * 8
    assert [(cell["x"], cell["y"], cell["z"]) for cell in cells][:3] == [
        ("red", "Euler", "1"),
        ("blue", "Euler", "1"),
        ("red", "Eular", "1"),
    ]
    for cell in cells:
        if cell["y"] == "Eular":
            assert cell["path"] is None
            assert "Did you mean Euler" in cell["error"]
            continue
        recipe = own.read(Path(cell["path"]))
        assert cell["error"] is None
        assert (recipe.prompt, recipe.seed) == (tiny.PROMPT.replace("red", cell["x"]), int(cell["z"]))
    assert err.count("Eular") == 2, "the same fault is told once"
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 128
    assert "data:image/webp" in (tmp_path / "sheet.html").read_text()
    rows = list(csv.DictReader((tmp_path / "sheet.csv").read_text().splitlines()))
    assert float(rows[0]["sharpness"]) >= 0


def test_resume_makes_what_is_missing_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    axes = ("--x", "seed=1,2")
    assert grid(tmp_path, *axes, "--resume") == 0
    with closing(Database.of(tmp_path)) as kept, kept.write() as database:
        lost = tmp_path / database.execute("SELECT path FROM items WHERE number = 1").fetchone()[0]
        database.execute("UPDATE items SET path = NULL, state = 'stopped' WHERE number = 1")
        database.execute("UPDATE jobs SET state = 'stopped'")
    before = np.asarray(Image.open(lost))
    lost.unlink()
    capsys.readouterr()

    assert grid(tmp_path, *axes, "--resume", "--json") == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert len(list(tmp_path.rglob("*.png"))) == 3, "two pictures and the sheet of both"
    assert (tmp_path / "grid.png").is_file()
    after = np.asarray(Image.open(cells[1]["path"]), int)
    assert np.abs(after - before).max() <= 1
    assert main(["grid", "--resume", "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cells"] == cells
    with closing(Database.of(tmp_path)) as kept, kept.read() as database:
        assert database.execute("SELECT COUNT(*) FROM grids").fetchone()[0] == 1


def test_a_picture_on_an_axis_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("one", "two, with a comma"):
        Image.new("RGB", (64, 64), "red" if name == "one" else "blue").save(tmp_path / f"{name}.png")
    axis = f'init_image={tmp_path / "one.png"},"{tmp_path / "two, with a comma.png"}"'
    options = ["--prompt", "a", "--model", MODEL, "--steps", "2", "--strength", "0.5", "--x", axis, "--json"]
    assert main(["grid", *options, "--out", str(tmp_path / "out")]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [cell["x"] for cell in cells] == ["one.png", "two, with a comma.png"]
    assert len({own.read(Path(cell["path"])).init_image for cell in cells}) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--x", "stepz=1,2"], "stepz.*no such setting.*steps"),
        (["--x", "scheduler=Eular"], "scheduler.*Did you mean Euler"),
        (["--x", "steps"], "field=a,b,c"),
        ([], "one to three axes"),
        (["--x", "seed=1-300"], "300 pictures.*256"),
        (["--x", "init_image=nowhere.png"], "nowhere.png"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
):
    assert grid(tmp_path, *options) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert err.startswith("studio grid: ")
    assert re.search(says, err)
    assert not list(tmp_path.iterdir())


def test_there_is_nothing_to_resume_in_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["grid", "--resume", "--out", str(tmp_path)]) == 2
    assert "holds no grid to continue" in capsys.readouterr().err
