"""The model of a second pass in the texts of tools: written, read back, and a refiner as the pass nearest to it."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.metadata import readers
from studio.metadata.fitting import Here, fit
from studio.metadata.imported import ImportedSettings
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe
from studio.settings import Settings
from tests.headers import write_home, write_model
from tests.metadata.graphs import changed, node, read

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
    assert [line for line in done.left if line.startswith(f"Hires model {missing}")]


STEPPED = {"noise_seed": 99, "add_noise": "enable", "start_at_step": 0, "end_at_step": 20, "steps": 25}
LEFTOVER = {"add_noise": "disable", "start_at_step": 20, "end_at_step": 10000, "return_with_leftover_noise": "disable"}


def refiner_graph(first: dict[str, Any], second: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A graph whose second sampler has a checkpoint of its own, and ends in the picture."""
    made = changed(first, n10=node("CheckpointLoaderSimple", ckpt_name="xl/refiner.safetensors"), **more)
    sampler = node("KSampler", **{**made["3"]["inputs"], "model": ["10", 0], "latent_image": ["3", 0], **second})
    made |= {"41": sampler}
    made["8"]["inputs"]["samples"] = ["41", 0]
    return made


def test_a_refiner_that_goes_on_at_a_step_in_comfyui_is_the_second_pass_that_is_nearest_to_it():
    found = read(refiner_graph(STEPPED | {"return_with_leftover_noise": "enable"}, STEPPED | LEFTOVER))
    assert second_pass(found) == {
        "hires_scale": 1, "hires_model": "refiner", "hires_strength": 0.2, "hires_steps": 25,
    }  # fmt: skip
    assert found.values["model"] == "m"
    (line,) = found.left
    assert line.startswith("Refiner refiner at 0.8: here it paints over the finished picture")


ANEW = {"steps": 10, "denoise": 0.4}
LATE = STEPPED | {"start_at_step": 15, "end_at_step": 25}
LARGER = {"n40": node("LatentUpscaleBy", upscale_method="nearest", scale_by=1.5, samples=["3", 0])}


@pytest.mark.parametrize(
    ("second", "more", "expected"),
    [
        (ANEW, {}, {"hires_scale": 1, "hires_strength": 0.4, "hires_steps": 10}),
        (LATE, {}, {"hires_scale": 1, "hires_strength": 0.4, "hires_steps": 25}),
        (
            ANEW | {"latent_image": ["40", 0]},
            LARGER,
            {"hires_scale": 1.5, "hires_upscaler": "latent", "hires_strength": 0.4, "hires_steps": 10},
        ),
    ],
    ids=["at its own size", "from a step on", "enlarged"],
)  # fmt: skip
def test_a_second_sampler_on_another_checkpoint_is_the_second_model(
    second: dict[str, Any], more: dict[str, Any], expected: dict[str, Any]
):
    found = read(refiner_graph({}, second, **more))
    assert second_pass(found) == expected | {"hires_model": "refiner"}
    assert found.left == ()


@pytest.mark.parametrize(
    ("second", "line"),
    [
        ({"cfg": 3.5}, "Guidance scale of the second pass 3.5"),
        (LATE | {"end_at_step": 24}, "end_at_step of the second pass 24"),
        ({"sampler_name": "euler"}, "Sampler of the second pass euler"),
        ({"positive": ["47", 0]}, "Another positive prompt in the second pass: fur"),
    ],
)
def test_what_the_second_sampler_is_told_otherwise_is_said(second: dict[str, Any], line: str):
    found = read(refiner_graph({}, ANEW | second, n47=node("CLIPTextEncode", text="fur", clip=["10", 1])))
    assert found.left == (line,)
    assert found.values["hires_model"] == "refiner"


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("ModelMergeSimple", "The model of the second pass is merged from several: ModelMergeSimple"),
        ("MyLoader", "The model of the second pass comes from a node that is not read: MyLoader"),
    ],
)
def test_a_second_model_that_cannot_be_told_is_said(kind: str, line: str):
    made = refiner_graph({}, ANEW | {"model": ["11", 0]}, n11=node(kind, ratio=0.5))
    found = read(made)
    assert second_pass(found) == {}
    assert line in found.left


def test_one_model_whose_steps_two_samplers_share_is_no_second_pass():
    same = STEPPED | LEFTOVER | {"model": ["4", 0]}
    found = read(refiner_graph(STEPPED | {"return_with_leftover_noise": "enable"}, same))
    assert second_pass(found) == {}
    assert "KSampler: no second pass here is like it" in found.left


def test_the_finished_picture_of_a_graph_that_saves_both_may_be_the_one_before(tmp_path: Path):
    made = refiner_graph({}, ANEW, n45=node("VAEDecode", samples=["3", 0]), n46=node("SaveImage", images=["45", 0]))
    info = PngInfo()
    info.add_text("prompt", json.dumps(made))
    Image.new("L", (640, 512)).save(tmp_path / "a.png", pnginfo=info)
    found = readers.of_file(tmp_path / "a.png")
    assert found.values["hires_model"] == "refiner"
    assert any("may be the one before the second pass" in line for line in found.left)
