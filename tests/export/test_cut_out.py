"""Things on a plain background become stickers: that becomes transparent, and edges stay soft."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.cli import main
from studio.errors import InvalidRequest
from studio.export.cut_out import cut_out
from tests.drawer import picture, resolved

SIDE = 96


def sticker(ground: str = "white", *, noise: int = 0, light: int = 0) -> Image.Image:
    """A red disc with an eye of the background's colour, drawn four times as large, so that its edges are soft."""
    large = Image.new("RGB", (4 * SIDE, 4 * SIDE), ground)
    draw = ImageDraw.Draw(large)
    draw.ellipse((80, 80, 304, 304), fill="firebrick")
    draw.ellipse((170, 170, 214, 214), fill=ground)
    levels = np.asarray(large.resize((SIDE, SIDE), Image.Resampling.BOX)).astype(int)
    levels += np.random.default_rng(0).integers(-noise, noise + 1, levels.shape)
    # A light that falls off from side to side.
    levels -= np.linspace(0, light, SIDE, dtype=int)[None, :, None]
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "given", [sticker(), sticker("black"), sticker("seagreen", noise=2), sticker("white", noise=2, light=30)]
)
def test_the_background_goes_what_it_encloses_stays_and_edges_are_soft(given: Image.Image) -> None:
    made = cut_out(given)
    alpha = np.asarray(made.getchannel("A")).astype(int)
    assert made.size == given.size
    rows, columns = np.indices((SIDE, SIDE))
    away = np.hypot(rows - 47.5, columns - 47.5)
    assert (alpha[away > 31] == 0).all()
    assert (alpha[away < 24] == 255).all(), "the eye is no background"
    assert ((alpha > 20) & (alpha < 235)).any()
    area = alpha.sum() / 255
    assert area == pytest.approx(np.pi * 28**2, rel=0.03)


def test_no_seam_of_the_old_background_is_seen_on_a_new_one() -> None:
    made, ground = cut_out(sticker("white")), Image.new("RGB", (SIDE, SIDE), "black")
    ground.paste(made, mask=made.getchannel("A"))
    wanted = np.asarray(sticker("black")).astype(int)
    off = np.abs(np.asarray(ground).astype(int) - wanted).max(axis=2)
    rows, columns = np.indices((SIDE, SIDE))
    edge = np.hypot(rows - 47.5, columns - 47.5) > 10  # the eye has the old colour
    assert off[edge].max() < 40
    assert off[edge].mean() < 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Image.fromarray(np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)), "no plain"),
        (picture(resolved("grain")), "no plain"),
        (Image.linear_gradient("L").convert("RGB"), "no plain"),
        (Image.new("RGB", (SIDE, SIDE), "teal"), "nothing but"),
        (Image.new("RGB", (1, 1), "teal"), "nothing but"),
        (Image.new("RGB", (8192, 4096), "teal"), "too large"),
    ],
    ids=["noise", "grain", "a gradient", "nothing", "a pixel", "a wall"],
)
def test_a_picture_without_plain_background_is_refused_with_a_way_out(given: Image.Image, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as fault:
        cut_out(given)
    assert fault.value.hint


def test_the_command_cuts_out_and_names_the_file_that_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sticker().save(tmp_path / "disc.png")

    def exported(name: str, *more: str) -> int:
        places = ["--home", str(tmp_path / "home"), "-o", str(tmp_path / "out")]
        return main(["export", "pictures", "--cut-out", *places, *more, str(tmp_path / name)])

    assert exported("disc.png") == 0
    with Image.open(tmp_path / "out" / "disc.png") as made:
        assert (made.mode, made.getpixel((0, 0))[3]) == ("RGBA", 0)
    assert exported("disc.png", "--format", "jpeg") != 0
    assert "no transparent pixels" in capsys.readouterr().err
    Image.linear_gradient("L").save(tmp_path / "sky.png")
    assert exported("sky.png") != 0
    assert "sky.png has no plain background" in capsys.readouterr().err
