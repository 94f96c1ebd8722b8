"""Presets on the command line: listed, taken over from other tools, and used by `studio generate`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.cli import main
from studio.cli.presets import presets_of
from studio.cli.previews import SIDE
from studio.presets import saving
from studio.presets.recipes import to_table
from studio.recipe import Recipe
from studio.settings import Settings

MODEL = "tiny"
LOOK = Recipe(prompt="a red house", styles=("oil-painting",), model=MODEL, width=64, height=64, steps=2, seed=5)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[[str], Path]) -> Path:
    """A data folder with one tiny model of Stable Diffusion 1.5's classes and a saved recipe."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model("sd15"), home / "models" / MODEL)
    saving.write(home, "recipes", "My look", to_table(LOOK))
    return home


@pytest.fixture(autouse=True)
def _studio_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(home))


def answer(capsys: pytest.CaptureFixture[str], *argv: object, code: int = 0) -> Any:
    assert main([*map(str, argv), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def made(capsys: pytest.CaptureFixture[str], folder: Path, *argv: object) -> Recipe:
    images = answer(capsys, "generate", *argv, "--out", folder)["images"]
    assert len(images) == 1
    return Recipe.make(**images[0]["recipe"])


def test_a_saved_recipe_makes_its_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = made(capsys, tmp_path, "--preset", "my look")
    assert (recipe.steps, recipe.seed, recipe.width, recipe.styles) == (2, 5, 64, ())
    assert recipe.prompt.startswith("oil painting of a red house, thick")
    assert recipe.negative_prompt == "photograph, 3d render, flat colours"


def test_options_count_over_the_parts_of_a_preset_and_styles_and_presets_add_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    several = ("--style", "ink", "--style", "Film still", "--negative-preset", "product", "--negative-preset", "anime")
    plain = ("--model", MODEL, "--width", 64, "--height", 64)
    recipe = made(capsys, tmp_path, "a dog", "--preset", "my-look:sampling,seed", *plain, "--seed", 9, *several)
    assert (recipe.steps, recipe.seed) == (2, 9)
    assert recipe.prompt.startswith("film still of ink drawing of a dog, black")
    places = [
        recipe.negative_prompt.find(words) for words in ("colour, photo", "drawing, illus", "cluttered", "lowres")
    ]
    assert places == sorted(places)
    assert -1 not in places


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--preset", "my lok"], "preset: There is no saved recipe “my lok”. Did you mean my-look"),
        (["--preset", "my-look:colours"], "preset: There is no part 'colours' of a preset. Did you mean loras?"),
        (["--preset", "my-look:sampling"], "prompt: The prompt is empty"),
        (["a", "--style", "oli-painting"], "--style: There is no style “oli-painting”. Did you mean oil-painting"),
        (["a", "--style", "starter-night", "--model", MODEL], "--style: The style “Starter: at night” is for Starter"),
    ],
)
def test_a_preset_that_cannot_be_is_one_line(
    argv: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", *argv, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err.strip()
    assert says in err
    assert "\n" not in err
    assert not (tmp_path / "out").exists()


def test_styles_are_imported_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "styles.csv"
    file.write_text('name,prompt,negative_prompt\nSnow,"{prompt}, in the snow",\nBad,a (b,\n')
    report = answer(capsys, "presets", "import", file, code=2)
    assert report["saved"] == ["Snow"]
    assert "row 3" in report["faults"][0]
    assert main(["presets", "import", str(file)]) == 2
    assert "There already: Snow." in capsys.readouterr().out
    (tmp_path / "more.csv").write_text("name,prompt\nSleet,sleet\n")
    report = answer(capsys, "presets", "import", tmp_path / "gone.csv", file, tmp_path / "more.csv", code=2)
    assert (report["saved"], report["already"], len(report["faults"])) == (["Sleet"], ["Snow"], 2)
    listed = answer(capsys, "presets", "list")
    assert {"styles", "negatives", "stacks", "sizes", "recipes", "faults"} == set(listed)
    assert [style["prompt"] for style in listed["styles"] if style["id"] == "snow"] == ["{prompt}, in the snow"]
    assert listed["recipes"][0]["prompt"] == LOOK.prompt
    assert main(["presets", "list"]) == 0
    assert "my-look  My look: words, model, size, sampling, seed" in capsys.readouterr().out


def test_a_damaged_preset_is_told_with_its_place_and_leaves_the_others(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "presets" / "negative" / "mine.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text('name = "Mine"\ntexxt = "x"\n')
    told = "mine.toml, line 2: there is no key `texxt`. Known are: name, purpose, families, text."
    try:
        assert main(["presets", "list"]) == 0
        out = capsys.readouterr().out
        assert main(["presets", "list", "--json"]) == 0
        listed = json.loads(capsys.readouterr().out)
        assert main(["generate", "a", "--negative-preset", "mine", "--model", MODEL, "--out", str(path)]) == 2
    finally:
        path.unlink()
    assert told in out
    assert "photograph" in out
    assert [*listed["faults"]] == [str(path)]
    assert f"--negative-preset: {path}" in capsys.readouterr().err


def test_a_style_gets_its_small_picture_from_a_model(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["previews", "Ink drawing", "--model", MODEL, "--prompt", "a boat", "--steps", "1"]) == 0
    (path,) = map(Path, capsys.readouterr().out.splitlines())
    assert path == home / "presets" / "styles" / "ink.webp"
    with Image.open(path) as image:
        assert max(image.size) == SIDE
    presets = presets_of(Settings.load(home=home))
    assert presets.picture_of(presets.styles["ink"]) == path
    assert main(["previews", "inc"]) == 2
    assert "Did you mean ink" in capsys.readouterr().err
