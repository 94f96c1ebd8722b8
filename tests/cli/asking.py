"""What the tests of commands ask, and how answers are read."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from tests.forks import python

MODEL = "tiny"
# A shell may start its background jobs with SIGINT ignored; the command is to be interruptible all the same.
STUDIO = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from studio.cli import main; "
STUDIO += "sys.exit(main())"
RNG = np.random.default_rng(4)


def generate(*options: object) -> list[str]:
    return ["generate", "a red house", "--model", MODEL, "--width", "64", "--height", "64", *map(str, options)]


def start(arguments: list[str]) -> "subprocess.Popen[str]":
    command = [python(), "-c", STUDIO, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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


def assert_one_line(says: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert re.search(says, err), err
