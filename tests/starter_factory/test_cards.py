"""What the model cards say: their programs run with the stock libraries, and their figures have their place."""

import json
import re
import warnings
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("cv2")

from starter_factory.cards import markdown, write_figures
from starter_factory.draw import SIDE, draw
from starter_factory.scene import drawn_scene
from studio import openpose
from studio.settings import PRESETS

ASSETS = PRESETS.parent / "assets"
CARDS = sorted(ASSETS.rglob("*.md"))
PROGRAMS = {card: re.findall(r"```python\n(.*?)```", card.read_text("utf-8"), re.DOTALL) for card in CARDS}
PROBE = ASSETS / "starter" / "probe" / "README.md"
# Whose programs run in the suite, too: the model's own, and one of what is used beside it.
SHORT = (ASSETS / "starter" / "README.md", ASSETS / "starter" / "embeddings" / "README.md")


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(card, id=card.parent.name, marks=[] if card in SHORT else pytest.mark.soak)
        for card, programs in PROGRAMS.items()
        if programs
    ],
)
def test_a_cards_program_runs_and_knows_only_stock_libraries(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "assets").symlink_to(ASSETS)
    for name in ("picture", "house"):
        Image.fromarray(draw(drawn_scene(0)).image).save(tmp_path / f"{name}.png")
    pose = json.loads((PRESETS / "poses" / "waving.json").read_text("utf-8"))
    openpose.draw(openpose.from_openpose(pose), SIDE, SIDE).save(tmp_path / "skeleton.png")
    monkeypatch.chdir(tmp_path)
    given = set(tmp_path.iterdir())
    for program in PROGRAMS[card]:
        assert "studio" not in program or card == PROBE
        quick = re.sub(r"num_inference_steps=\d\d", "num_inference_steps=6", program)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft warns of a second adapter, which the program is about
            exec(compile(quick, str(card), "exec"), {})
    for made in set(tmp_path.iterdir()) - given:
        with Image.open(made) as image:
            assert max(high - low for low, high in image.convert("RGB").getextrema()) > 60


def test_figures_replace_those_of_their_own_measure_alone(tmp_path: Path):
    page = tmp_path / "card.md"
    place = "<!-- studio evaluate starter --only {} --count 96 -->\nold {}\n<!-- end -->"
    page.write_text(f"before\n{place.format('probe', 'one')}\nbetween\n{place.format('canny', 'two')}\n", "utf-8")
    assert write_figures([page], "canny", {"F1": {"controlled": 0.8, "not": 0.5}}, 32) == [page]
    text = page.read_text("utf-8")
    assert "old one" in text
    assert "old two" not in text
    assert "--only canny --count 32 -->\n\n|    | controlled | not |" in text
    assert write_figures([page], "pose", {}, 32) == []


def test_rows_of_other_columns_stand_in_a_table_of_their_own():
    table = {"a": {"x": 1, "y": 2}, "b": {"y": 3}, "c": {"z": 4}}
    assert [part.splitlines()[0] for part in markdown(table).split("\n\n")] == ["|   | x | y |", "|   | z |"]


def test_one_wide_row_stands_upright():
    assert markdown({"F1": {"a": 1, "b": 2, "c": 3, "d": 0.5}}).splitlines()[2:] == [
        "| a | 1   |",
        "| b | 2   |",
        "| c | 3   |",
        "| d | 0.5 |",
    ]
