"""A grid to hand on: one picture, a self-contained page, a table."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from PIL import Image, ImageFont

from studio.grids.axes import Axis
from studio.grids.sheets import sheet
from studio.grids.store import Cell, Grid
from studio.recipe import Recipe
from studio.sheets import MOST_PIXELS, MOST_SIDE

COLOURS = ("red", "lime", "blue")


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """Three colours by two numbers of steps; one cell broke, one is not made."""
    axes = (Axis.parse("prompt:red=red,lime,</script><b>"), Axis.parse("steps=1,2"))
    base = Recipe(prompt="a red <i>house</i>", seed=1)
    cells = []
    for y in (0, 1):
        for x, colour in enumerate(COLOURS):
            name = f"{x}{y}.png"
            Image.new("RGB", (64, 48), colour).save(tmp_path / name)
            recipe = base.replace(prompt=f"a {axes[0].values[x]} house", steps=y + 1, model="starter")
            cells.append(Cell((x, y, 0), recipe, path=name, seconds=0.5))
    cells[1] = Cell((1, 0, 0), cells[1].recipe, error="Out of paint.")
    cells[4] = Cell((1, 1, 0), cells[4].recipe)
    return Grid("one", "ann", 0.0, base, axes, tuple(cells), state="done")


def test_one_picture_shows_every_cell_at_its_place(grid: Grid, tmp_path: Path):
    board, note = sheet(grid, tmp_path).picture()
    assert note == ""
    found = {colour: count for count, colour in board.getcolors(2**20) if count > 1000}
    assert [found[pure] for pure in ((255, 0, 0), (0, 0, 255))] == [2 * 64 * 48] * 2


def test_the_title_of_an_axis_has_room_however_short_its_values_are(grid: Grid, tmp_path: Path):
    words = ImageFont.load_default(12).getlength("Steps")
    assert sheet(grid, tmp_path).picture()[0].width >= words + 3 * 64


def test_a_picture_that_would_be_too_large_is_made_smaller_and_says_so(tmp_path: Path):
    Image.new("RGB", (1024, 64), "red").save(tmp_path / "wide.png")
    cells = tuple(Cell((x, 0, 0), Recipe(prompt="a"), path="wide.png") for x in range(24))
    grid = Grid("one", "ann", 0.0, Recipe(prompt="a"), (Axis.parse("seed=1-24"),), cells)
    board, note = sheet(grid, tmp_path).picture()
    assert board.width * board.height <= MOST_PIXELS
    assert max(board.size) <= MOST_SIDE
    assert re.search(r"at 6\d% of its size", note)


def test_a_page_stands_alone_and_holds_foreign_words_as_text(grid: Grid, tmp_path: Path):
    page = sheet(grid, tmp_path).page()
    assert not re.search(r"https?:|src=[\"'](?!data:)", page)
    assert page.count("</script>") == 2
    assert "<i>house" not in page.split("<script")[0]
    data = json.loads(re.search(r'id="grid">(.*?)</script>', page, re.DOTALL)[1])
    assert [axis["labels"] for axis in data["axes"]] == [["red", "lime", "</script><b>"], ["1", "2"]]
    assert [one["shown"][:22] for one in data["cells"] if "shown" in one] == ["data:image/webp;base64"] * 4
    assert data["cells"][1]["error"] == "Out of paint."


def test_a_table_has_a_row_for_each_cell_with_settings_and_measures(grid: Grid, tmp_path: Path):
    rows = list(csv.DictReader(StringIO(sheet(grid, tmp_path, {"00.png": {"sharpness": 0.25}}).table())))
    assert len(rows) == 6
    assert rows[0]["steps"] == "1"
    assert rows[0]["sharpness"] == "0.25"
    assert rows[1]["error"] == "Out of paint."
    assert [row["y (Steps)"] for row in rows] == ["1"] * 3 + ["2"] * 3
    assert "strength" not in rows[0], "what no cell uses"


def test_a_picture_that_is_gone_leaves_its_place_empty(grid: Grid, tmp_path: Path):
    for path in tmp_path.glob("*.png"):
        path.unlink()
    assert sheet(grid, tmp_path).picture()[0].size[0] > 3 * 256
    assert '"shown"' not in sheet(grid, tmp_path).page().split('id="grid">')[1].split("</script>")[0]
