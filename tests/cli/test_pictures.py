"""`studio generate` from a picture: what is changed, what is refused in a line."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from studio.cli import main
from studio.metadata import own
from studio.recipe import Recipe
from tests.cli.asking import MODEL, answered, assert_one_line, edit, mask, picture, start
from tests.test_inputs import header_only


def test_a_picture_is_changed_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = tmp_path / "given.png"
    Image.new("RGBA", (72, 80), (200, 40, 20, 90)).save(given)
    facts, image, beside = answered(edit(given, "--strength", 0.5), tmp_path / "out", capsys)
    assert image.size == (72, 80)
    assert facts["recipe"]["strength"] == 0.5
    assert Recipe.make(**facts["recipe"]) == own.read(Path(facts["path"]))
    assert beside == f"{given}: Transparency was filled with white.\n"


def test_no_strength_gives_the_picture_back_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = picture(tmp_path / "given.png")
    facts, image, beside = answered(edit(given, "--strength", 0), tmp_path / "out", capsys)
    assert image.tobytes() == Image.open(given).tobytes()
    assert beside.startswith(f"{facts['path']}: The strength is too low")


def test_white_of_a_mask_is_what_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given, box = picture(tmp_path / "given.png"), (8, 16, 40, 40)
    masked = ["--mask", mask(tmp_path / "mask.png", box), "--mask-blur", 0, "--mask-grow", 2]
    alone = ["--only-masked", "--mask-padding", 4, "--width", 64, "--height", 64]
    _, image, _ = answered(edit(given, *masked, *alone), tmp_path / "out", capsys)
    changed = ImageChops.difference(image, Image.open(given)).getbbox()
    assert changed == (6, 14, 42, 42)


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ([], (8, 0, 64, 64)),
        (["--mask-reads", "opaque"], (8, 0, 64, 64)),
        (["--mask-reads", "transparent"], (0, 0, 8, 64)),
        (["--invert-mask"], (0, 0, 8, 64)),
        (["--mask-reads", "transparent", "--invert-mask"], (8, 0, 64, 64)),
    ],
)
def test_what_a_mask_s_transparency_means_can_be_turned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], changed: tuple[int, int, int, int]
):
    """The picture is its own mask: what was erased in it, or all the rest."""
    holed = Image.linear_gradient("L").resize((64, 64)).convert("RGBA")
    holed.paste("teal", (20, 20, 40, 40))
    holed.paste((0, 0, 0, 0), (0, 0, 8, 64))
    holed.save(tmp_path / "holed.png")
    argv = edit(tmp_path / "holed.png", "--mask", tmp_path / "holed.png", "--mask-blur", 0, *options)
    _, image, beside = answered(argv, tmp_path / "out", capsys)
    white = Image.new("RGBA", (64, 64), "white")
    white.alpha_composite(holed)
    assert ImageChops.difference(image, white.convert("RGB")).getbbox() == changed
    assert ("The mask was inverted" in beside) == ("--invert-mask" in options)


def test_a_picture_grows_at_the_sides_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = picture(tmp_path / "given.png")
    facts, image, _ = answered(edit(given, "--outpaint", "left=8,bottom=17"), tmp_path / "out", capsys)
    assert facts["recipe"]["outpaint"] == {"left": 8, "right": 0, "top": 0, "bottom": 17}
    assert image.size == (80, 97)
    assert image.crop((8, 0, 80, 80)).tobytes() == Image.open(given).tobytes()


TEXT = b"this is no picture"
BAD_PICTURES = {
    "a text file": (TEXT, "(--init|IMAGE): .*not a picture.*PNG"),
    "an empty file": (b"", "(--init|IMAGE): .*0 bytes"),
    "a torn picture": (b"\x89PNG\r\n\x1a\n" + TEXT, "(--init|IMAGE): .*(cannot be read|not a picture)"),
}


@pytest.mark.parametrize(("data", "says"), BAD_PICTURES.values(), ids=BAD_PICTURES)
@pytest.mark.parametrize("command", ["generate", "upscale"])
def test_a_file_that_is_no_picture_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, data: bytes, says: str
):
    given = tmp_path / "given.png"
    given.write_bytes(data)
    wide = ["upscale", str(given), "--upscaler", "lanczos", "--scale", "2"]
    argv = edit(given) if command == "generate" else wide
    assert main([*argv, "--out", str(tmp_path / "out"), "--json"]) == 2
    assert_one_line(says, capsys)
    assert not (tmp_path / "out").exists()


EDIT_MISTAKES = {
    "no such file": (["--init", "gone.png"], "--init: The picture is not there. Check its path"),
    "an absurd strength": (["--init", "GIVEN", "--strength", "2"], "strength.*0 to 1"),
    "a strength of nothing": (["--strength", "0.5"], "strength.*--init|strength.*init_image"),
    "a mask of nothing": (["--mask", "MASK"], "--mask: "),
    "an empty mask": (["--init", "GIVEN", "--mask", "BLACK"], "--mask: .*empty"),
    "a mask that shrinks to nothing": (["--init", "GIVEN", "--mask", "MASK", "--mask-grow", "-99"], "--mask: .*left"),
    "sides without pixels": (["--init", "GIVEN", "--outpaint", "left"], "outpaint.*left=N"),
    "sides in words": (["--init", "GIVEN", "--outpaint", "left=few"], "outpaint.*left"),
    "an unknown side": (["--init", "GIVEN", "--outpaint", "lefft=8"], "outpaint.*Known are: left"),
    "no side at all": (["--init", "GIVEN", "--outpaint", "left=0"], "outpaint.*no side grows"),
    "an unknown second upscaler": (
        ["--hires-scale", "2", "--hires-upscaler", "nearest"],
        "--hires-upscaler: .*lanczos",
    ),
    "an image guidance that the model lacks": (["--init", "GIVEN", "--image-guidance", "2"], "takes no image guidance"),
    "an unknown output check": (["--output-check", "maybe"], "output_check.*strict"),
}


@pytest.mark.parametrize(("options", "says"), EDIT_MISTAKES.values(), ids=EDIT_MISTAKES)
def test_a_mistake_about_a_picture_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
):
    files = {
        "GIVEN": picture(tmp_path / "given.png"),
        "MASK": mask(tmp_path / "mask.png", (8, 8, 20, 20)),
        "BLACK": mask(tmp_path / "black.png", (0, 0, 0, 0)),
    }
    argv = ["generate", "a red house", "--model", MODEL, *(str(files.get(option, option)) for option in options)]
    assert main([*argv, "--out", str(tmp_path / "out"), "--json"]) == 2
    answer = capsys.readouterr()
    assert re.search(says, answer.err), answer.err
    assert answer.err.count("\n") == 1
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_picture_that_is_too_large_is_one_line_without_a_library_s_warning(tmp_path: Path):
    (tmp_path / "large.png").write_bytes(header_only(10000, 10000))
    process = start([*edit(tmp_path / "large.png"), "--out", str(tmp_path / "out")])
    out, err = process.communicate()
    assert (process.returncode, out, err.count("\n")) == (2, "", 1), err
    assert "--init: The picture has 100 megapixels" in err
