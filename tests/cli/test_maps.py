"""Maps that are followed, by `studio generate --control`, or made by `studio control`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from tests.cli.asking import MODEL, answered, assert_one_line, generate, picture


def test_a_map_is_followed_and_kept_with_the_image(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = tmp_path / "house: 1.png"
    Image.fromarray(np.kron(np.eye(4, dtype=np.uint8) * 255, np.ones((99, 99), np.uint8))).save(given)
    argv = [*generate("--steps", 2, "--seed", 7, "--control"), f"canny={given}:0.8:0-0.5"]
    facts, made, _ = answered(argv, tmp_path / "made", capsys)
    (unit,) = facts["recipe"]["controls"]
    assert unit | {"image": 0, "map": 0} == {
        "kind": "canny",
        "image": 0,
        "map": 0,
        "model": "canny",
        "weight": 0.8,
        "start": 0.0,
        "end": 0.5,
        "resize": "crop",
        "mode": "balanced",
        "options": {"low": 100, "high": 200},
    }
    kept = home / "images" / "inputs" / f"{unit['map']}.png"
    ready = [*generate("--steps", 2, "--seed", 7, "--control-map"), f"canny={kept}:0.8:0-0.5"]
    assert answered(ready, tmp_path / "again", capsys)[1].tobytes() == made.tobytes()
    free = answered(generate("--steps", 2, "--seed", 7), tmp_path / "free", capsys)[1]
    assert free.tobytes() != made.tobytes()


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ("canny", r"Write KIND=IMAGE\[:WEIGHT"),
        ("cany=FILE", "There is no control “cany”"),
        ("canny=FILE:3", "0 weight"),
        ("canny=FILE:1:0.5-0.1", "the start comes first"),
        ("canny=nowhere.png", "The picture is not there"),
        ("depth=FILE", "Depth for Stable Diffusion 1.5 is not on this disk"),
    ],
)
def test_a_mistake_about_a_map_is_one_line(unit: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = unit.replace("FILE", str(picture(tmp_path / "given.png")))
    assert main([*generate("--out", tmp_path / "out"), "--control", given]) == 2
    assert_one_line(says, capsys)


def test_a_map_alone_is_made_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given, out = picture(tmp_path / "given.png"), tmp_path / "maps" / "edges.png"
    assert main(["control", "canny", str(given), "--out", str(out), "--option", "low=50", "--model", MODEL]) == 0
    assert capsys.readouterr().out.split() == [str(out)]
    with Image.open(out) as made:
        assert set(np.unique(np.asarray(made))) == {0, 255}
    assert main(["control", "canny", str(given), "--out", str(out), "--option", "lwo=50"]) == 2
    assert_one_line("no option 'lwo'", capsys)


@pytest.mark.parametrize(("ending", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("JPEG", "JPEG"), ("webp", "WEBP")])
def test_a_map_is_written_as_the_ending_of_its_file_says(tmp_path: Path, ending: str, kind: str):
    given, out = picture(tmp_path / "given.png"), tmp_path / f"map.{ending}"
    assert main(["control", "canny", str(given), "--out", str(out), "--model", MODEL]) == 0
    with Image.open(out) as made:
        assert made.format == kind


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["control", "canny", "GIVEN", "--out", "map.tga"], "End it in .png or .jpg or .jpeg or .webp"),
        (["control", "canny", "GIVEN", "--out", "map"], "--out: map has the wrong ending"),
        (
            ["grid", "--prompt", "a", "--x", "seed=1,2", "--out", "o", "--png", "grid.jpg"],
            "--png: grid.jpg has the wrong ending",
        ),
        (["grid", "--prompt", "a", "--x", "seed=1,2", "--out", "o", "--csv", "grid.html"], "End it in .csv"),
    ],
)
def test_an_ending_that_says_something_else_is_refused_before_anything_is_made(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    given = str(picture(tmp_path / "given.png"))
    assert main([given if word == "GIVEN" else word for word in words]) == 2
    assert_one_line(says, capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["given.png"]


def test_a_picture_can_be_a_prompt_and_has_no_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = picture(tmp_path / "given.png")
    argv = [*generate("--steps", 2, "--seed", 7, "--control"), f"ip_adapter={given}:0.8:0-0.5"]
    facts, made, _ = answered(argv, tmp_path / "made", capsys)
    (unit,) = facts["recipe"]["controls"]
    assert (unit["kind"], unit["model"], unit["weight"], unit["end"]) == ("ip_adapter", "image", 0.8, 0.5)
    assert "map" not in unit
    free = answered(generate("--steps", 2, "--seed", 7), tmp_path / "free", capsys)[1]
    assert free.tobytes() != made.tobytes()
    assert main(["control", "ip_adapter", str(given), "--out", str(tmp_path / "map.png"), "--model", MODEL]) == 2
    assert_one_line("An image prompt has no map: the model sees the picture itself", capsys)
