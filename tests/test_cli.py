"""The command line's promises: what is on standard output, what the exit code says, one line for what can be mended."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from studio.cli import main
from studio.metadata import own
from studio.recipe import Recipe
from tests import tiny
from tests.forks import python
from tests.test_inputs import header_only

MODEL = "tiny"
# A shell may start its background jobs with SIGINT ignored; the command is to be interruptible all the same.
STUDIO = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from studio.cli import main; "
STUDIO += "sys.exit(main())"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[[str], Path]) -> Path:
    """A data folder with one tiny model of Stable Diffusion 1.5's classes."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model("sd15"), home / "models" / MODEL)
    tiny.controlnet(home / "models" / MODEL, home / "controlnets" / "canny")
    tiny.ip_adapter(home / "models" / MODEL, home / "ip-adapters" / "image.safetensors")
    tiny.image_encoder(home / "ip-adapters" / "encoder")
    return home


@pytest.fixture(autouse=True)
def _studio_home(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOME", str(home))


def generate(*options: object) -> list[str]:
    return ["generate", "a red house", "--model", MODEL, "--width", "64", "--height", "64", *map(str, options)]


def start(arguments: list[str]) -> "subprocess.Popen[str]":
    command = [*python(), "-c", STUDIO, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_interrupt_keeps_what_had_finished_and_prints_one_json_object_and_nothing_else(tmp_path: Path):
    process = start(generate("--steps", 20, "--seed", 7, "--count", 60, "--out", tmp_path, "--json"))
    while not list(tmp_path.rglob("*.png")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    answer = json.loads(out)
    assert set(answer) == {"images", "seconds"}
    images = answer["images"]
    assert 1 <= len(images) < 60
    seeds = [image["seed"] for image in images]  # in order, but of several at a time some had finished, some had not
    assert seeds == sorted({*seeds} & {*range(7, 67)})
    for image in images:
        assert set(image) == {"path", "seed", "width", "height", "recipe"}
        with Image.open(image["path"]) as picture:
            picture.load()
            assert picture.size == (image["width"], image["height"]) == (64, 64)
        assert Recipe.make(**image["recipe"]) == own.read(Path(image["path"]))
    assert {Path(image["path"]) for image in images} == {path for path in tmp_path.rglob("*") if path.is_file()}
    assert "kept" in err
    assert "\r" not in err, "a progress bar without a terminal"
    assert "Traceback" not in err


def test_without_json_each_picture_s_path_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(generate("--steps", 1, "--count", 2, "--out", tmp_path)) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert len(paths) == 2
    assert set(paths) == {path for path in tmp_path.rglob("*") if path.is_file()}


MISTAKES = {
    "an empty prompt": (["generate", " "], "prompt"),
    "no prompt": (["generate"], "prompt.*empty"),
    "too many characters": (["generate", "x" * 4001], "prompt.*4000.*Shorten"),
    "an open bracket": (["generate", "a (red house", "--model", MODEL], r"prompt.*Line 1, column 3.*\("),
    "an unknown LoRA": (generate("--lora", "inc:0.5"), "--lora: .*no LoRA 'inc'.*Put inc.safetensors"),
    "a LoRA's weight": (generate("--lora", "inc:11"), "--lora: .*10"),
    "a LoRA of another family": (generate("--lora", "few-step"), "--lora: .*few-step.safetensors.*Starter.*tiny.*1.5"),
    "an unknown embedding": (["generate", "a embedding:calm", "--model", MODEL], "prompt.*no embedding 'calm'"),
    "an unknown model": (["generate", "a house", "--model", "tinny"], "model.*tinny.*Did you mean tiny"),
    "a hosted model's name alone": (["generate", "a", "--model", "dall-e-3"], "model.*Did you mean openai:dall-e-3"),
    "an unknown scheduler": (generate("--scheduler", "Eula"), "scheduler.*Eula.*Euler"),
    "an unknown preset": (generate("--negative-preset", "nothing"), "--negative-preset: .*nothing.*Known"),
    "a size that is not divisible": (generate("--width", 100), "width.*100.*96 or 104"),
    "a size that is too large": (generate("--height", 4096), "height.*4096.*64"),
    "an absurd size": (generate("--height", 10**12), "height.*16 to 8192"),
    "a negative size": (generate("--width", -64), "width.*16 to 8192"),
    "no steps": (generate("--steps", 0), "steps.*1 to 1000"),
    "half a step": (generate("--steps", 2.5), "steps.*1 to 1000"),
    "steps in words": (generate("--steps", "many"), "steps.*1 to 1000"),
    "guidance that is no number": (generate("--guidance", "nan"), "--guidance: .*0 to 50"),
    "infinite guidance": (generate("--guidance", "inf"), "--guidance: .*0 to 50"),
    "negative guidance": (generate("--guidance", -1), "--guidance: .*0 to 50"),
    "a negative seed": (generate("--seed", -1), "seed"),
    "a seed that is too large": (generate("--seed", 2**32), "seed"),
    "no images": (generate("--count", 0), "count.*1 to 1024"),
    "too many images": (generate("--count", 1000), "count.*64"),
    "an unknown device": (generate("--device", "toaster"), "device.*cuda"),
}


@pytest.mark.parametrize(("argv", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_that_says_how_to_mend_it(
    argv: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*argv, "--out", str(tmp_path / "out"), "--json"]) == 2
    assert_one_line(says, capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["paint"], "paint.*generate"),
        (["genrate"], "genrate.*Did you mean generate?"),
        (["generate", "a house", "--modl", "x"], "--modl x.*Did you mean --model?"),
        (["--verbose"], "--verbose"),
        (generate("--out", "x", "--colour", "red"), "--colour"),
        (generate("--out", "x", "--seed"), "--seed"),
    ],
)
def test_a_mistyped_command_is_one_line_too(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert_one_line(says, capsys)


def test_without_a_command_the_help_is_shown_and_begins_with_what_most_are_here_for(capsys):
    assert main([]) == 0
    commands = capsys.readouterr().out.partition("COMMAND\n")[2]
    assert [line.split()[0] for line in commands.splitlines()[:2]] == ["generate", "run"]


def test_a_setting_is_given_by_its_own_name_too_and_the_pictures_go_into_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(generate("--steps", 1, "--guidance-scale", 3.5)) == 0
    made = Path(capsys.readouterr().out.strip())
    assert made.is_relative_to(tmp_path / "images")
    assert own.read(made).guidance_scale == 3.5


def test_words_that_a_small_model_does_not_know_are_told(tmp_path, capsys):
    options = ["--steps", "1", "--width", "64", "--height", "64", "--out", str(tmp_path)]
    assert main(["generate", "a hose, at sunset", "--model", "starter", *options]) == 0
    assert "does not know: hose." in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    assert main(generate("--out", tmp_path / "file" / "images")) == 2
    assert_one_line("file.images.*[Cc]hoose another folder", capsys)


def test_weights_that_are_cut_short_are_refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = tmp_path / "models" / "broken"
    tiny.configs_only(home / "models" / MODEL, broken)
    for weights in (home / "models" / MODEL).rglob("*.safetensors"):
        copy = broken / weights.relative_to(home / "models" / MODEL)
        copy.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    assert main(["generate", "a house", "--model", "broken", "--home", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert_one_line("safetensors", capsys)


RNG = np.random.default_rng(4)


def picture(path: Path, width: int = 72, height: int = 80) -> Path:
    Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return path


def mask(path: Path, box: tuple[int, int, int, int], width: int = 72, height: int = 80) -> Path:
    made = Image.new("L", (width, height))
    made.paste(255, box)
    made.save(path)
    return path


def edit(given: Path, *options: object) -> list[str]:
    return ["generate", "a red house", "--model", MODEL, "--init", str(given), "--steps", "2", *map(str, options)]


def answered(argv: list[str], out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], Image.Image, str]:
    """The one image of a command: what JSON says of it, its pixels, and what was said beside it."""
    assert main([*argv, "--out", str(out), "--json"]) == 0, capsys.readouterr()
    printed, beside = capsys.readouterr()
    (facts,) = json.loads(printed)["images"]
    assert set(facts) == {"path", "seed", "width", "height", "recipe"}
    assert [str(path) for path in out.rglob("*") if path.is_file()] == [facts["path"]]
    with Image.open(facts["path"]) as image:
        assert image.size == (facts["width"], facts["height"])
        return facts, image.convert("RGB"), beside


def test_a_picture_is_changed_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = tmp_path / "given.png"
    Image.new("RGBA", (72, 80), (200, 40, 20, 90)).save(given)
    facts, image, beside = answered(edit(given, "--strength", 0.5), tmp_path / "out", capsys)
    assert image.size == (72, 80)
    assert facts["recipe"]["strength"] == 0.5
    assert Recipe.make(**facts["recipe"]) == own.read(Path(facts["path"]))
    assert beside == f"{given}: Transparency was laid on white.\n"


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
        ("canny=nowhere.png", "cannot be read"),
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
        (["control", "canny", "GIVEN", "--out", "map"], "--out: map would not be what its ending says"),
        (["grid", "--prompt", "a", "--x", "seed=1,2", "--out", "o", "--png", "grid.jpg"], "--png: grid.jpg would not"),
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


def test_a_picture_grows_at_the_sides_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = picture(tmp_path / "given.png")
    facts, image, _ = answered(edit(given, "--outpaint", "left=8,bottom=17"), tmp_path / "out", capsys)
    assert facts["recipe"]["outpaint"] == {"left": 8, "right": 0, "top": 0, "bottom": 17}
    assert image.size == (80, 97)
    assert image.crop((8, 0, 80, 80)).tobytes() == Image.open(given).tobytes()


@pytest.mark.parametrize(("upscaler", "scale", "size"), [("lanczos", 2, (144, 160)), ("tiny", 4, (288, 320))])
def test_upscale_makes_a_picture_larger(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], upscaler: str, scale: int, size: tuple[int, int]
):
    tiny.upscaler(home / "upscalers" / "tiny.safetensors")
    command = ["upscale", str(picture(tmp_path / "given.png")), "--upscaler", upscaler, "--scale", str(scale)]
    facts, image, beside = answered(command, tmp_path / "out", capsys)
    assert image.size == size
    assert facts["recipe"]["upscale"] == {"scale": scale, "upscaler": upscaler}
    assert beside == ""
    assert main([*command, "--out", str(tmp_path / "more")]) == 0
    assert Path(capsys.readouterr().out.rstrip("\n")).is_relative_to(tmp_path / "more")


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
    "no such file": (["--init", "gone.png"], "--init: .*cannot be read"),
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


def test_a_picture_that_is_too_large_is_one_line_without_a_library_s_warning(tmp_path: Path):
    (tmp_path / "large.png").write_bytes(header_only(10000, 10000))
    process = start([*edit(tmp_path / "large.png"), "--out", str(tmp_path / "out")])
    out, err = process.communicate()
    assert (process.returncode, out, err.count("\n")) == (2, "", 1), err
    assert "--init: The picture has 100 megapixels" in err


def assert_one_line(says: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert re.search(says, err), err


def test_models_tells_what_is_here(capsys: pytest.CaptureFixture[str]):
    assert main(["models", "--json"]) == 0
    models = {model["id"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert models[MODEL]["present"]
    assert models[MODEL]["family"] == "sd15"
    assert models[MODEL]["bytes"] > 0
    assert "starter" in models
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("  ")[0] for line in lines} >= {"Models:", "ControlNets:", "Upscalers:", *models, "clip"}


def test_doctor_finds_a_sound_machine_sound(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--json", "--model", MODEL]) == 0, capsys.readouterr()
    answer = json.loads(capsys.readouterr().out)
    assert answer["sound"]
    assert answer["versions"]["diffusers"]
    names = {check["name"] for check in answer["checks"]}
    assert {"device", "home", "disk", "model starter", f"model {MODEL}", "metric aesthetic"} <= names
    clip = next(check for check in answer["checks"] if check["name"] == "metric clip_score")
    assert re.search(r"put config.json.* of openai/clip-vit-large-patch14 into .*clip", clip["found"])
    assert clip["missing"], "what is not here is no fault, and not ok either"


def test_doctor_names_the_cure_of_what_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "home").touch()
    assert main(["doctor", "--home", str(tmp_path / "home")]) == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BROKEN")]
    assert len(broken) == 1
    assert re.search("home .*-> .*--home", broken[0])


def test_run_prints_its_address_serves_the_page_and_ends_when_asked(home: Path):
    process = start(["run", "--port", "0", "--home", str(home)])
    assert process.stdout
    address = process.stdout.readline().split()[-1]
    with urllib.request.urlopen(address) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_a_command_waits_for_the_modules_of_no_other():
    code = "import sys; from studio.cli import parser; parser('run'); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("studio.cli.")}
    assert loaded == {"studio.cli.base", "studio.cli.run"}


def test_run_says_that_a_port_is_taken(capsys: pytest.CaptureFixture[str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["run", "--port", str(taken.getsockname()[1])]) == 2
    assert_one_line("--port", capsys)
