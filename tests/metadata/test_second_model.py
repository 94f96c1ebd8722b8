"""The model of a second pass in the texts of tools: written, read back, and a refiner as the pass nearest to it."""

import json
from pathlib import Path
from typing import Any

import pytest

from studio.metadata import readers
from studio.metadata.fitting import Here, fit
from studio.metadata.imported import ImportedSettings
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe
from studio.settings import Settings
from tests.headers import write_home, write_model

TEXT = "a castle\nSteps: 20, Sampler: Euler, CFG scale: 6, Seed: 5, Size: 1024x1024, Model: sd_xl_base_1.0"
REFINED = {"hires_scale": 1.0, "hires_model": "sd_xl_refiner_1.0", "hires_strength": 0.2, "hires_steps": 20}


def second_pass(found: ImportedSettings) -> dict[str, Any]:
    return {name: value for name, value in found.values.items() if name.startswith("hires")}


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_a_second_model_is_written_as_a1111_does_and_read_back(scale: float):
    recipe = Recipe(prompt="a castle", model="base", width=512, height=512, steps=20, scheduler="Euler", seed=5)
    second = {"hires_scale": scale, "hires_model": "fine", "hires_strength": 0.4, "hires_steps": 8}
    text = to_infotext(recipe.replace(**second))
    assert "Hires checkpoint: fine" in text
    found = readers.of_text(text)
    assert second_pass(found) == second
    assert found.left == ()


def test_a1111s_hires_checkpoint_is_the_second_model_and_its_hash_is_kept():
    said = "Denoising strength: 0.4, Hires upscale: 2, Hires checkpoint: sub/fine.safetensors [0123456789]"
    found = readers.of_text(f"{TEXT}, {said}")
    assert second_pass(found) == {"hires_scale": 2.0, "hires_model": "fine", "hires_strength": 0.4}
    assert found.hashes["fine"] == "0123456789"
    same = readers.of_text(f"{TEXT}, Hires upscale: 2, Hires checkpoint: Use same checkpoint")
    assert second_pass(same) == {"hires_scale": 2.0}


FOOOCUS = {
    "prompt": "a castle", "base_model": "sd_xl_base_1.0", "steps": 20, "refiner_model": "sd_xl_refiner_1.0.safetensors",
    "refiner_switch": 0.8, "refiner_model_hash": "ab",
}  # fmt: skip
SWARM = {
    "sui_image_params": {
        "prompt": "a castle", "model": "sd_xl_base_1.0", "refinermodel": "sd_xl_refiner_1.0.safetensors",
        "refinerupscale": 1, "refinercontrolpercentage": 0.2, "refinersteps": 20, "refinermethod": "PostApply",
    }
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT}, Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.8",
        json.dumps(FOOOCUS),
        json.dumps(SWARM),
    ],
    ids=["A1111", "Fooocus", "SwarmUI"],
)
def test_a_refiner_is_the_second_pass_that_is_nearest_to_it(text: str):
    found = readers.of_text(text)
    assert second_pass(found) == REFINED
    assert found.tool == "SwarmUI" or any("paints over the finished picture" in line for line in found.left)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("Refiner switch at: 1", "it is not said from which of the steps"),
        ("Refiner switch at: 0.8, Denoising strength: 0.4, Hires upscale: 2", "one model paints the whole second pass"),
        ("Refiner switch at: 0.8, Denoising strength: 0.4", "the picture that it belongs to"),
    ],
)
def test_a_refiner_that_has_no_place_is_said(more: str, why: str):
    found = readers.of_text(f"{TEXT}, Refiner: sd_xl_refiner_1.0, {more}")
    assert "hires_model" not in found.values
    assert any("Refiner" in line and why in line for line in found.left)


@pytest.mark.parametrize(("scale", "kept"), [(1.0, {}), (1.5, {"hires_scale": 1.5, "hires_strength": 0.2})])
@pytest.mark.parametrize("missing", ["nowhere", "tiny-instruct"])
def test_a_second_model_that_is_not_here_or_cannot_is_left_out(
    tmp_path: Path, scale: float, kept: dict[str, Any], missing: str
):
    home = write_home(tmp_path / "home", "tiny-starter")
    write_model(home / "models" / "tiny-instruct", "sd15_instruct")
    settings = Settings(home=home, model="tiny-starter")
    values = {"prompt": "a", "model": "tiny-starter", "hires_scale": scale, "hires_model": missing}
    done = fit(Here.of(settings), ImportedSettings({**values, "hires_strength": 0.2}), "tiny-starter")
    assert {name: value for name, value in done.values.items() if name.startswith("hires")} == kept
    assert [line for line in done.left if line.startswith(f"Second model {missing}")]
