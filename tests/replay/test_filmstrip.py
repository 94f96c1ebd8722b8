"""What each step of a picture predicts: a frame a step, which end in the picture itself."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from studio.errors import InvalidRequest, Unreadable
from studio.filmstrip import COLUMNS, GAP, HEIGHT, animate, frames_of, strip
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own
from studio.recipe import Recipe
from studio.studio import Studio
from tests import tiny
from tests.replay.conftest import PLAIN, Make, Values


def apart(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean())


@pytest.mark.parametrize(
    ("values", "frames"),
    [
        ({"steps": 5}, 5),
        ({"scheduler": "Heun", "steps": 3}, 5),
        ({"hires_scale": 1.25, "hires_strength": 0.5, "hires_steps": 4, "steps": 3}, 5),
    ],
    ids=["a step each", "two looks a step", "two passes"],
)
def test_each_look_of_the_model_has_a_frame_and_the_last_is_the_picture(studio: Studio, values: Values, frames: int):
    job = studio.submit(Recipe.make(**{**PLAIN, **values}), COMMAND_LINE, kind="filmstrip")
    list(job.follow())
    (made,) = job.results
    film = frames_of(studio.filmstrips.place(made.path))
    assert frames <= len(film) <= frames + 1  # what the last step predicts is the picture, as a rule
    with Image.open(made.path) as image:
        picture = image.convert("RGB").resize(film[-1].size)
    assert apart(film[-1], picture) < 4
    assert apart(film[-2], picture) < apart(film[0], picture)


def test_a_picture_is_the_same_whether_its_steps_are_looked_at_or_not(studio: Studio, make: Make):
    job = studio.submit(Recipe.make(**PLAIN), COMMAND_LINE, kind="filmstrip")
    list(job.follow())
    with Image.open(job.results[0].path) as seen, Image.open(make()) as unseen:
        assert seen.tobytes() == unseen.tobytes()


def test_no_other_picture_keeps_its_frames(studio: Studio, make: Make):
    assert not studio.filmstrips.place(make()).exists()


def test_the_command_writes_a_strip_and_an_animation(
    make: Make, tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    home = ["--home", str(tiny_home), "--device", "cpu"]
    assert main(["filmstrip", str(make(steps=4)), "-o", str(tmp_path), "--gif", "--json", *home]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"] == 4
    with Image.open(told["animation"]) as film:
        assert (film.format, film.size) == ("GIF", (tiny.SIDE, tiny.SIDE))
        assert film.n_frames > 1
    with Image.open(told["strip"]) as row:
        assert row.size == (4 * (HEIGHT + GAP) - GAP, HEIGHT)


def test_many_frames_stand_in_several_rows():
    made = strip([Image.new("RGB", (32, 16), (number, 0, 0)) for number in range(COLUMNS + 1)])
    assert made.size == (COLUMNS * (2 * HEIGHT + GAP) - GAP, 2 * HEIGHT + GAP)
    assert made.getpixel((5, HEIGHT + GAP + 5)) == (COLUMNS, 0, 0)


def test_what_is_no_animation_is_said(tmp_path: Path):
    with pytest.raises(InvalidRequest, match="would be no animation"):
        animate([Image.new("RGB", (8, 8))], tmp_path / "a.mp4")
    (tmp_path / "a.webp").write_bytes(b"none")
    with pytest.raises(Unreadable, match="is not a filmstrip"):
        frames_of(tmp_path / "a.webp")


def test_what_has_no_steps_is_said(studio: Studio, start: Values, tiny_home: Path, tmp_path: Path, capsys):
    job = studio.submit(Recipe.make(model="tiny-sd15", init_image=start["init_image"], upscale=2), COMMAND_LINE)
    list(job.follow())
    path = job.results[0].path
    assert not own.read(path).denoises
    assert main(["filmstrip", str(path), "-o", str(tmp_path), "--home", str(tiny_home), "--device", "cpu"]) == 2
    assert "has no steps" in capsys.readouterr().err
