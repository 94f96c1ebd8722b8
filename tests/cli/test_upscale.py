"""`studio upscale`."""

from pathlib import Path

import pytest

from studio.cli import main
from tests import tiny
from tests.cli.asking import answered, assert_one_line, picture


@pytest.mark.parametrize(
    ("options", "upscaler", "scale", "size"),
    [([], "tiny", 2, (144, 160)), (["--upscaler", "lanczos", "--scale", "4"], "lanczos", 4, (288, 320))],
    ids=["the best one available, twice as large", "as it is said"],
)
def test_upscale_makes_a_picture_larger(
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    upscaler: str,
    scale: int,
    size: tuple[int, int],
):
    tiny.upscaler(home / "upscalers" / "tiny.safetensors")
    command = ["upscale", str(picture(tmp_path / "given.png")), *options]
    facts, image, beside = answered(command, tmp_path / "out", capsys)
    assert image.size == size
    assert facts["recipe"]["upscale"] == {"scale": scale, "upscaler": upscaler}
    assert beside == ""
    assert main([*command, "--out", str(tmp_path / "more")]) == 0
    assert Path(capsys.readouterr().out.rstrip("\n")).is_relative_to(tmp_path / "more")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--upscaler", "sharp", "--scale", "2"], "upscaler.*no upscaler.*lanczos"),
        (["--upscaler", "lanczos", "--scale", "99"], "upscale.*1 to 8"),
    ],
)
def test_a_mistake_about_an_upscaler_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
):
    given = picture(tmp_path / "given.png")
    assert main(["upscale", str(given), *options, "--out", str(tmp_path / "out"), "--json"]) == 2
    assert_one_line(says, capsys)
