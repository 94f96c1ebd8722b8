"""Several samplers in one graph of ComfyUI: second passes over what was enlarged, and those that are none."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.metadata import readers
from tests.metadata.graphs import WHOLE, graph, node, read


@pytest.mark.parametrize(
    ("between", "size", "expected"),
    [
        ({"n40": node("LatentUpscaleBy", upscale_method="nearest", scale_by=1.5, samples=["3", 0])}, None, (1.5, 0.5, 10, "latent")),
        ({"n40": node("LatentUpscale", upscale_method="nearest", width=1280, height=1024, samples=["3", 0])}, None, (2.0, 0.5, 10, "latent")),
        ({"n40": node("VAEEncode", pixels=["42", 0], vae=["4", 2]), "n42": node("ImageScaleBy", upscale_method="lanczos", scale_by=2, image=["8", 0])}, None, (2.0, 0.5, 10, "lanczos")),
        ({"n40": node("VAEEncode", pixels=["42", 0], vae=["4", 2]), "n42": node("ImageScaleBy", scale_by=0.5, image=["43", 0]), "n43": node("ImageUpscaleWithModel", upscale_model=["44", 0], image=["8", 0]), "n44": node("UpscaleModelLoader", model_name="4x-UltraSharp.pth")}, None, (2.0, 0.5, 10, "4x-UltraSharp")),
        ({"n40": node("VAEEncode", pixels=["42", 0], vae=["4", 2]), "n42": node("ImageScale", upscale_method="lanczos", width=1280, height=1024, image=["43", 0]), "n43": node("ImageUpscaleWithModel", upscale_model=["44", 0], image=["8", 0]), "n44": node("UpscaleModelLoader", model_name="RealESRGAN_x2.pth")}, None, (2.0, 0.5, 10, "RealESRGAN_x2")),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_sampler_over_what_was_enlarged_is_a_second_pass(
    between: dict[str, Any], size: Any, expected: tuple[Any, ...]
):
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["40", 0], "steps": 10, "denoise": 0.5}
    made = graph(
        n41=second, n45=node("VAEDecode", samples=["41", 0]), n46=node("SaveImage", images=["45", 0]), **between
    )
    found = read(made)
    assert tuple(found.values[f"hires_{name}"] for name in ("scale", "strength", "steps", "upscaler")) == expected
    assert {name: found.values[name] for name in WHOLE} == WHOLE


def test_the_picture_before_a_second_pass_has_none(tmp_path: Path):
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["40", 0], "steps": 10, "denoise": 0.5, "positive": ["47", 0]}
    made = graph(
        n40=node("LatentUpscaleBy", scale_by=1.5, samples=["3", 0]),
        n41=second,
        n45=node("VAEDecode", samples=["41", 0]),
        n46=node("SaveImage", images=["45", 0]),
        n47=node("CLIPTextEncode", text="fur", clip=["4", 1]),
    )
    for size, scale in (((640, 512), None), ((960, 768), 1.5)):
        info = PngInfo()
        info.add_text("prompt", json.dumps(made))
        Image.new("L", size).save(tmp_path / "a.png", pnginfo=info)
        found = readers.of_file(tmp_path / "a.png")
        assert found.values.get("hires_scale") == scale
        assert "Another positive prompt in the second pass: fur" in found.left


def test_a_second_sampler_over_another_shape_is_said():
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["40", 0]}
    made = graph(n41=second, n40=node("LatentUpscale", width=1024, height=1024, crop="center", samples=["3", 0]))
    made["8"]["inputs"]["samples"] = ["41", 0]
    found = read(made)
    assert (found.values, found.left) == (WHOLE, ("KSampler: no second pass here is like it",))


def test_a_second_sampler_that_enlarges_nothing_is_said():
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["3", 0]}
    made = graph(n41=second)
    made["8"]["inputs"]["samples"] = ["41", 0]
    found = read(made)
    assert found.values == WHOLE
    assert found.left == ("KSampler: no second pass here is like it",)
