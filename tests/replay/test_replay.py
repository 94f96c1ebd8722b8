"""A picture made again by what its file says, and what is said where it is another."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own, writing
from studio.metadata.own import Made
from studio.recipe import Recipe, Upscale
from studio.replay.likeness import Likeness
from studio.replay.reasons import reasons
from studio.replay.replay import Outcome, begin, compared
from studio.settings import Settings
from studio.studio import Studio
from tests import tiny
from tests.drawer import resolved
from tests.replay.conftest import PLAIN, Make, Values


def replayed(studio: Studio, path: Path) -> Outcome:
    begun = begin(studio, own.read_made(path), COMMAND_LINE)
    if isinstance(begun, Outcome):
        return begun
    list(begun.follow())
    return compared(path, begun.results[0].path)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"hires_scale": 1.5, "hires_upscaler": "latent", "hires_steps": 3},
        {"loras": [{"name": "ink", "weight": 0.7}, {"name": "pen"}]},
        {"variation_strength": 0.3, "variation_seed": 5, "scheduler": "Euler a"},
        {"prompt": "a {red|blue} (house:1.2)"},
    ],
    ids=["text", "two passes", "loras", "variation", "drawn words"],
)
def test_a_picture_is_made_again_to_the_pixel(studio: Studio, make: Make, values: Values):
    outcome = replayed(studio, make(**values))
    assert (outcome.verdict, outcome.because, outcome.difference) == ("identical", [], None)


@pytest.mark.parametrize("side_by_side", [1, 3])
def test_a_picture_that_was_made_beside_others_is_made_again_to_the_pixel(tiny_home: Path, side_by_side: int):
    settings = Settings(home=tiny_home, device="cpu", side_by_side=side_by_side)
    with Studio(settings, durable=False) as studio:
        job = studio.submit(Recipe.make(**PLAIN, count=3), COMMAND_LINE)
        list(job.follow())
        for made in job.results:
            facts = own.read_facts(made.path)
            assert int(facts["batch"]) > 1 if side_by_side == 1 else facts["buckets"]
            assert replayed(studio, made.path).verdict == "identical"


def test_what_it_started_from_is_kept_by_its_content(studio: Studio, make: Make, start: Values):
    edges = {"kind": "canny", "image": start["init_image"], "model": "edges"}
    for values in ({**start, "steps": 3}, {"controls": [edges]}, {"init_image": start["init_image"], "strength": 0.7}):
        path = make(**values)
        made = own.read_made(path)
        assert all(len(name) == 64 and studio.inputs.path(name).is_file() for name in made.recipe.pictures)
        assert replayed(studio, path).verdict == "identical"


def test_all_that_the_last_bits_depend_on_stands_in_the_file(make: Make):
    made = own.read_made(make(loras=[{"name": "ink"}], vae="another"))
    told = {"device", "dtype", "threads", "memory", "batch", "numerics", "loras", "torch", "diffusers", "transformers"}
    assert told <= set(made.facts)
    assert made.facts["numerics"] == "solo"
    assert made.facts["scheduler"]["class"] == "EulerDiscreteScheduler"
    assert made.facts["scheduler"]["beta_schedule"]
    assert {(one["kind"], one["name"]) for one in made.facts["weights"]} == {
        ("model", "tiny-sd15"),
        ("lora", "ink"),
        ("vae", "another"),
    }


def spoiled(path: Path, folder: Path, how: Callable[[np.ndarray[Any, Any]], Any], **facts: Any) -> Path:
    """A copy of a picture with other pixels, or that says otherwise."""
    made, pixels = own.read_made(path), np.asarray(Image.open(path).convert("RGB")).copy()
    how(pixels)
    writing.write(Image.fromarray(pixels), made.recipe, {**made.facts, **facts}, folder / "a.png")
    return folder / "a.png"


def slightly(pixels: np.ndarray[Any, Any]) -> None:
    pixels[0, 0] ^= 1


def much(pixels: np.ndarray[Any, Any]) -> None:
    pixels[:] = 255 - pixels


def test_other_weights_under_the_same_name_are_told_by_their_hash(
    studio: Studio, make: Make, tmp_path: Path, tiny_home: Path, tiny_model: Callable[[str], Path]
):
    lora = tiny_home / "loras" / "mine.safetensors"
    tiny.lora(tiny_model("sd15"), lora, seed=3)
    studio.prompt_assets.loras.refresh()
    path = make(loras=[{"name": "mine", "weight": 5}])
    tiny.lora(tiny_model("sd15"), lora, seed=4)
    studio.prompt_assets.loras.refresh()
    outcome = replayed(studio, path)
    assert outcome.verdict == "different"
    (because,) = outcome.because
    assert because.startswith("The LoRA mine has other weights: SHA-256 ")
    assert outcome.difference is not None
    lora.unlink()
    studio.prompt_assets.loras.refresh()
    gone = replayed(studio, path)
    assert (gone.verdict, gone.likeness) == ("different", None)
    assert gone.because[0].startswith("The LoRA mine is not here (SHA-256 ")


def test_a_picture_that_it_started_from_and_that_is_gone_is_said(studio: Studio, make: Make, start: Values):
    other = studio.inputs.add(Image.new("RGB", (tiny.SIDE, tiny.SIDE), "navy"))
    path = make(init_image=other.id, strength=0.7)
    studio.inputs.path(other.id).unlink()
    outcome = replayed(studio, path)
    assert (outcome.verdict, outcome.likeness) == ("different", None)
    assert other.id[:12] in outcome.because[0]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"device": "Another card"}, "The device was Another card, here"),
        ({"dtype": "bfloat16"}, "The number format (dtype) was bfloat16, here float32"),
        ({"torch": "1.0"}, "The version of torch was 1.0, here"),
        ({"transformers": "1.0"}, "The version of transformers was 1.0, here"),
        ({"threads": "99"}, "The number of threads was 99, here"),
        ({"scheduler": {"class": "EulerDiscreteScheduler", "beta_end": 7}}, "The scheduler's beta_end was 7, here"),
        ({"changed": "The decoder overflowed."}, "On the way then: The decoder overflowed. Here: nothing"),
    ],
)
def test_each_circumstance_that_was_another_is_named(facts: dict[str, Any], words: str):
    usual = {"device": "CPU", "dtype": "float32", "torch": "2", "transformers": "5", "threads": "1"}
    usual |= {"scheduler": {"class": "EulerDiscreteScheduler", "beta_end": 0.012}}
    before = Made(resolved("x"), {**usual, **facts}, "0.1")
    (said,) = reasons(before, Made(resolved("x"), usual, "0.1"))
    assert said.startswith(words)


def test_the_command_exits_by_how_like_they_are_and_shows_where_not(
    studio: Studio, make: Make, tmp_path: Path, tiny_home: Path, capsys: pytest.CaptureFixture[str]
):
    path, out = make(), tmp_path / "out"
    codes = {}
    for name, how in (("identical", lambda _: None), ("close", slightly), ("different", much)):
        given = spoiled(path, tmp_path, how)
        codes[name] = main(
            ["replay", str(given), "--json", "--home", str(tiny_home), "--device", "cpu", "--out", str(out)]
        )
        told = json.loads(capsys.readouterr().out)
        assert told["verdict"] == {"close": "within tolerance"}.get(name, name)
        assert Path(told["again"]).is_file()
        assert ("difference" in told) is (name != "identical")
        assert bool(told["because"]) is (name != "identical")
    assert codes == {"identical": 0, "close": 3, "different": 4}
    with Image.open(out / "a-difference.png") as difference:
        assert difference.size == (tiny.SIDE, tiny.SIDE)


def test_a_file_without_a_recipe_is_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(["replay", str(tmp_path / "a.png"), "--home", str(tmp_path / "home")]) == 2
    assert "holds no recipe" in capsys.readouterr().err


def test_a_hosted_picture_is_not_paid_for_again(studio: Studio):
    recipe = Recipe(prompt="a house", model="openai:gpt-image-2")
    outcome = begin(studio, Made(recipe, {}), COMMAND_LINE)
    assert isinstance(outcome, Outcome)
    assert (outcome.verdict, outcome.words) == ("different", "It cannot be made again.")
    assert "hosted model" in outcome.because[0]


def test_an_enlarged_picture_is_made_again_to_the_pixel(studio: Studio, start: Values):
    job = studio.submit(
        Recipe(init_image=start["init_image"], upscale=Upscale(scale=2), model="tiny-sd15"), COMMAND_LINE
    )
    list(job.follow())
    assert replayed(studio, job.results[0].path).verdict == "identical"


def test_a_jpeg_is_held_against_what_jpeg_makes_of_the_new_one(studio: Studio, make: Make, tmp_path: Path):
    path = make()
    made = own.read_made(path)
    with Image.open(path) as image:
        writing.write(image.convert("RGB"), made.recipe, made.facts, tmp_path / "a.jpg", writing.Writing("jpeg"))
    assert replayed(studio, tmp_path / "a.jpg").verdict == "identical"


def test_pictures_of_other_sizes_are_different():
    one, other = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 9))
    assert Likeness.of(one, other, "float32") == Likeness("different")
