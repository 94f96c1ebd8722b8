"""`studio generate`: what is on standard output, what the exit code says, one line for what can be mended."""

import json
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from studio.cli import main
from studio.metadata import own
from studio.recipe import Recipe
from tests import tiny
from tests.cli.asking import MODEL, assert_one_line, generate, start


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
