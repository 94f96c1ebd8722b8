import io
import os
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import NotFound, Unreadable
from studio.metadata import own, writing
from studio.recipe import Recipe
from tests.drawer import picture, resolved

PROMPTS = [
    "a red house",
    "красный дом у моря, 海辺の赤い家, بيت أحمر, 🏠",
    'quotes "and" \\ backslashes, {braces}: <lora:x:1>',
    "several\nlines\r\n\tand Negative prompt: inside",
    "a nul \x00 and a bell \x07",
    "long " * 790,
]


def write(path: Path, recipe: Recipe) -> Path:
    writing.write(picture(recipe), recipe, {"device": "pencil"}, path)
    return path


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_recipe_comes_back_exactly(tmp_path: Path, prompt: str):
    recipe = resolved(prompt).replace(negative_prompt=prompt[::-1], guidance_scale=0.1 + 0.2, seed=2**32 - 1)
    path = write(tmp_path / "a.png", recipe)
    assert own.read(path) == recipe
    assert own.read_facts(path) == {"device": "pencil"}


def test_the_pixels_come_back_exactly(tmp_path: Path):
    recipe = resolved("x")
    with Image.open(write(tmp_path / "a.png", recipe)) as image:
        assert image.convert("RGB").tobytes() == picture(recipe).tobytes()


def test_other_tools_find_the_parameters(tmp_path: Path):
    with Image.open(write(tmp_path / "a.png", resolved("ein Haus, 家"))) as image:
        assert image.info["parameters"].startswith("ein Haus, 家\nSteps: 2, Sampler: Euler, ")


def test_no_text_is_compressed(tmp_path: Path):
    data = write(tmp_path / "a.png", resolved("家 " * 1900)).read_bytes()
    assert b"zTXt" not in data
    assert "家 家".encode() in data


def text_only(key: str, text: str) -> bytes:
    info = PngInfo()
    info.add_text(key, text)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format="PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        text_only("parameters", "a house\nSteps: 20"),
        text_only(own.CHUNK, "not json"),
        text_only(own.CHUNK, "[1]"),
        text_only(own.CHUNK, '{"facts": {}}'),
        text_only(own.CHUNK, '{"recipe": {"promt": "x"}}'),
        text_only(own.CHUNK, '{"recipe": {"version": 99}}'),
        text_only(own.CHUNK, '{"recipe": 7}'),
        text_only("other", "x")[:40],
        b"\x89PNG\r\n\x1a\n" + zlib.compress(os.urandom(99)),
    ],
    ids=["empty", "text", "a1111", "no-json", "list", "no-recipe", "unknown-key", "newer", "number", "torn", "garbage"],
)
def test_a_file_without_a_recipe_is_a_clear_error(tmp_path: Path, data: bytes):
    path = tmp_path / "foreign.png"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=r"foreign\.png") as error:
        own.read(path)
    assert error.value.hint


def test_a_missing_file_is_a_clear_error(tmp_path: Path):
    with pytest.raises(NotFound, match="not there"):
        own.read(tmp_path / "gone.png")
    with pytest.raises(Unreadable):
        own.read(tmp_path)
