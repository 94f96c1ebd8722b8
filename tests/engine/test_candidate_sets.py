"""A set of candidates on a real pipeline: no dearer in words than one picture, and each its seed's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from studio.backends.local import LocalBackend
from studio.cli import main
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.people import who

MODEL = "tiny-sd15"


@pytest.fixture
def home(tiny_model: Callable[[str], Path], tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / MODEL).symlink_to(tiny_model("sd15"))
    return tmp_path


def test_a_set_encodes_its_words_once_and_each_candidate_equals_the_single_picture_of_its_seed(home: Path):
    settings = Settings.load(home=home, model=MODEL, device="cpu")
    recipe = Recipe(prompt="a red house", width=64, height=64, steps=2, seed=3, numerics="exact")
    with Studio(settings) as studio:
        assert isinstance(studio.backend, LocalBackend)
        single = single_picture(studio, recipe.replace(seed=5))
        calls: list[Any] = []
        with studio.backend._engine().borrow(studio.catalogue[MODEL]) as lease:
            lease.pipe.text_encoder.register_forward_hook(lambda *given: calls.append(given))
        single_picture(studio, recipe.replace(prompt="a blue house"))
        once = len(calls)
        set_id = studio.candidates.begin([recipe.replace(prompt="a green house", count=3)], who("ann"))
        all_of = made(studio, set_id)
        assert len(calls) == 2 * once
        same = made(studio, studio.candidates.begin([recipe.replace(count=3)], who("ann")))
    assert len(all_of) == 3
    with Image.open(single) as one, Image.open(same[2]) as other:
        assert ImageChops.difference(one, other).getbbox() is None


def single_picture(studio: Studio, recipe: Recipe) -> Path:
    job = studio.submit(recipe, who("ann"))
    list(job.follow())
    return job.results[0].path


def made(studio: Studio, set_id: str) -> list[Path]:
    serial = -1
    while studio.candidates.busy(found := studio.candidates.get(set_id, who("ann"))):
        serial = studio.candidates.news(serial)
    return [candidate.path for candidate in found.candidates]


def command(home: Path, *options: object) -> list[str]:
    fixed = ("--model", MODEL, "--width", 64, "--height", 64, "--steps", 1, "--home", home, "--out", home / "out")
    return ["candidates", "a red house", *map(str, (*fixed, *options))]


def test_the_command_ranks_what_it_makes(home: Path, capsys: pytest.CaptureFixture[str]):
    options = ("--count", 4, "--seed", 7, "--keep", 1, "--metric", "contrast:1", "--json")
    assert main(command(home, *options)) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)["candidates"]
    assert [one["seed"] for one in found] == [7, 8, 9, 10]
    assert all(Path(one["path"]).is_file() for one in found)
    assert {one["rank"] for one in found} == {1, 2, 3, 4}
    best = max(found, key=lambda one: one["scores"]["contrast"])
    assert [one for one in found if one["kept"]] == [best]
    assert {one["reason"] for one in found if one["rank"] == 2} == {"rank 2 of 4: not among the best 1"}
    # Without weights, and for a model that is not the starter, there is none.
    assert "CLIP score: CLIP ViT-L/14 (1.7 GB) is not on this disk" in said.err


def test_the_command_prints_the_best_first(home: Path, capsys: pytest.CaptureFixture[str]):
    assert main(command(home, "--count", 2, "--reject-share", 0.5)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("  1  kept")
    assert second.endswith("  2  rejected  rank 2 of 2: among the worst 50 %")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metric", "clipscore:1"), "Did you mean clip_score?"),
        (("--metric", "sharpness"), "Write NAME:WEIGHT"),
        (("--metric", "sharpness:-1"), "Write NAME:WEIGHT"),
        (("--keep", -1), "--keep -1 is not a valid number of pictures"),
        (("--reject-share", 60), "a share from 0 to 1"),
        (("--count", 0), "count: '0' is not a valid count"),
    ],
)
def test_what_can_be_mended_is_said_in_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], said: str
):
    assert main(command(home, *options)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
