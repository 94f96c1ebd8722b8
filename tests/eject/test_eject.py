"""A recipe as a script of diffusers: it imports nothing of the studio, and makes the same bytes."""

import io
import json
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from studio.eject.apart import packed
from studio.eject.eject import eject
from studio.errors import InvalidRecipe, InvalidRequest
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own
from studio.metadata.own import Made
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests import tiny
from tests.forks import python
from tests.replay.conftest import PLAIN, Make, Values, make, start, studio, tiny_home

__all__ = ["make", "start", "studio", "tiny_home"]
EDGES: Values = {"kind": "canny", "image": "START", "model": "edges", "weight": 0.8, "end": 0.9}
FLOW: Values = {"scheduler": "Flow Euler"}
LOOK: Values = {"kind": "ip_adapter", "image": "START", "model": "plain", "weight": 0.8}
TWICE: Values = {
    "hires_scale": 1.5, "hires_steps": 4, "hires_strength": 0.6, "hires_upscaler": "lanczos", "negative_prompt": "fog",
}  # fmt: skip
# Of the starter's family, as its models are small enough for several tiles of a small picture.
TILED: Values = {
    "model": "tiny-starter", "init_image": "START", "upscale": 3, "strength": 0.6, "steps": 3, "numerics": "solo",
    "width": None, "height": None, "upscaler": "lanczos",
}  # fmt: skip
ALONE: Values = {**dict.fromkeys(PLAIN), "init_image": "START", "upscale": 2.5}
CASES: dict[str, Values] = {
    "text2img": {},
    "drawn words": {"prompt": "{red|blue} house, {2$$fog|rain|snow}"},
    "weighed words": {"prompt": f"{tiny.PROMPT}, (bright:1.3), [dark]", "clip_skip": 2},
    "churned": {"sigma_churn": 2.0, "sigma_noise": 1.01},
    "ancestral": {"scheduler": "Euler a", "guidance_scale": 1},
    "variation": {"variation_strength": 0.3, "variation_seed": 5, "scheduler": "Euler a"},
    "img2img": {"init_image": "START", "strength": 0.7, "steps": 4},
    "img2img, another size": {"init_image": "START", "strength": 0.7, "steps": 4, "width": 72, "height": 64},
    "inpaint": {"init_image": "START", "mask_image": "MASK", "strength": 0.8, "steps": 3, "mask_blur": 3},
    "inpaint close": {
        "init_image": "START", "mask_image": "MASK", "strength": 0.8, "steps": 3, "mask_area": "masked",
        "mask_padding": 8, "width": 64, "height": 64, "mask_fill": "surroundings",
    },
    "outpaint": {"init_image": "START", "outpaint": {"left": 16}, "width": None, "height": None, "strength": 1},
    "ControlNet": {"controls": [EDGES]},
    "two ControlNets": {"controls": [EDGES, {**EDGES, "weight": 0.4, "end": 1.0}]},
    "LoRA": {"loras": [{"name": "ink", "weight": 0.7}]},
    "LoRAs of words": {"loras": [{"name": "ink", "weight": 0.7}, {"name": "pen", "weight": 1.5}]},
    "LoRAs of other forms": {"loras": [{"name": form, "weight": 0.7} for form in ("loha", "lokr")]},
    "LoRA as oft": {"loras": [{"name": "oft", "weight": 0.7}]},
    "LoRA as dora": {"loras": [{"name": "dora", "weight": 0.7}]},
    "LoRAs of several kinds": {"loras": [{"name": "dora", "weight": 0.5}, {"name": "ink", "weight": 0.7}]},
    "OFT beside two others": {
        "loras": [{"name": name, "weight": 0.7} for name in ("ink", "oft", "pen")], "steps": 4,
    },
    "LoRAs of all kinds": {
        "loras": [{"name": name, "weight": 0.6} for name in ("oft", "loha", "lokr", "dora", "ink")], "steps": 4,
    },
    "LoRAs in some steps": {
        "loras": [{"name": "ink", "end": 0.5}, {"name": "pen", "weight": 0.7}, {"name": "dora", "start": 0.3}],
        "steps": 4, "scheduler": "Heun",
    },
    "VAE": {"vae": "another"},
    "VAE in a file": {"vae": "single", "init_image": "START", "strength": 0.7, "steps": 4},
    "words that change": {"prompt": "[red:blue:0.5] (house:1.2)", "negative_prompt": "[fog::1]", "steps": 4},
    "words that are mixed": {"prompt": "a house AND [snow:rain:2]:0.7", "controls": [EDGES], "scheduler": "Euler a"},
    "guidance rescaled": {"guidance_rescale": 0.6, "sigma_churn": 1.0},
    "resampled": {
        "init_image": "START", "mask_image": "MASK", "strength": 1, "steps": 3, "mask_resample": 2,
        "scheduler": "DDIM",
    },
    "a map that counts more": {"controls": [{**EDGES, "mode": "control"}, {**EDGES, "mode": "prompt", "start": 0.2}]},
    "IP-Adapter": {"controls": [LOOK]},
    "IP-Adapters in some steps": {
        "controls": [{**LOOK, "end": 0.5}, {**LOOK, "model": "plus", "start": 0.3}, EDGES], "guidance_scale": 1,
        "steps": 4,
    },
    "second pass": {**TWICE, "loras": [{"name": "ink", "weight": 0.7, "end": 0.5}], "controls": [EDGES, LOOK]},
    "second pass of latents": {**TWICE, "hires_upscaler": "latent", "prompt": "[red:blue:2] house"},
    "second pass by a network, another model": {
        **TWICE, "hires_upscaler": "grow", "hires_model": "tiny-second", "loras": [{"name": "pen"}],
    },
    "second pass too weak": {**TWICE, "hires_strength": 0.1},
    "tiles": TILED,
    "tiles of a variation": {
        **TILED, "variation_strength": 0.3, "variation_seed": 5, "upscaler": "grow", "upscale": 2.5,
    },
    "enlarged": {**ALONE, "upscaler": "lanczos"},
    "enlarged by a network": {**ALONE, "upscaler": "grow"},
    "SDXL": {"model": "tiny-sdxl", "negative_prompt": "rain"},
    "SDXL, weighed words": {"model": "tiny-sdxl", "prompt": f"({tiny.PROMPT}:1.2)", "loras": []},
    "SD 3": {**FLOW, "model": "tiny-sd3", "init_image": "START", "mask_image": "MASK", "strength": 0.8, "steps": 3},
    "union ControlNet": {"model": "tiny-sdxl", "controls": [{**EDGES, "model": "sdxl-all"}]},
    "union ControlNet, two kinds of maps": {
        "model": "tiny-sdxl",
        "controls": [{**EDGES, "model": "sdxl-all"}, {**EDGES, "kind": "scribble", "model": "sdxl-all", "weight": 0.5}],
    },
    "union ControlNet of Flux": {
        **FLOW, "model": "tiny-flux", "guidance_scale": None, "controls": [{**EDGES, "model": "flux-all"}],
    },
    "Flux": {**FLOW, "model": "tiny-flux", "guidance_scale": None},
}  # fmt: skip

# Each part that a script may have, once; the others in `make soak`.
SHORT = {
    "text2img", "drawn words", "weighed words", "variation", "img2img", "inpaint close", "outpaint", "two ControlNets",
    "LoRAs in some steps", "LoRAs of other forms", "VAE in a file", "words that are mixed", "resampled",
    "IP-Adapters in some steps", "second pass", "second pass by a network, another model", "tiles of a variation",
    "enlarged by a network", "SDXL, weighed words", "SD 3", "Flux",
}  # fmt: skip


def stored(value: Any, start: Values) -> Any:
    """The values with ids in the place of names of pictures."""
    names = {"START": start["init_image"], "MASK": start["mask_image"]}
    if isinstance(value, dict):
        return {name: stored(one, start) for name, one in value.items()}
    if isinstance(value, list):
        return [stored(one, start) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def made_by(script: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, Any]:
    monkeypatch.setattr(sys, "argv", [str(script), str(out)])
    runpy.run_path(str(script), run_name="__main__")
    with Image.open(out) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in SHORT else pytest.mark.soak) for case in CASES]
)
@pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, which nothing of ours silences there
def test_the_script_makes_the_same_bytes(
    studio: Studio, make: Make, start: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
):
    path = make(**stored(CASES[case], start))
    script = eject(studio, own.read_made(path), tmp_path / "ejected", COMMAND_LINE)
    text = script.read_text()
    assert "import studio" not in text
    assert "from studio" not in text
    with Image.open(path) as image:
        assert np.array_equal(made_by(script, tmp_path / "out.png", monkeypatch), np.asarray(image))


def test_requirements_are_those_that_the_picture_was_made_with(studio: Studio, make: Make, tmp_path: Path):
    made = own.read_made(make())
    facts = {**made.facts, "diffusers": "0.42.1", "torch": "2.14.1+cpu"}
    eject(studio, Made(made.recipe, facts), tmp_path, COMMAND_LINE)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert {"diffusers==0.42.1", "torch==2.14.1"} <= set(lines)
    assert {line.partition("==")[0] for line in lines} >= {"transformers", "safetensors", "pillow"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"count": 2}, "count"),
        ({"init_image": "START", "strength": 0.1, "steps": 2}, "strength"),
        ({**TWICE, "hires_upscaler": "latent", "hires_strength": 0.1}, "hires_strength"),
    ],
)
def test_what_no_pipeline_makes_is_refused_by_its_field(
    studio: Studio, start: Values, tmp_path: Path, values: Values, field: str
):
    with pytest.raises(InvalidRecipe) as caught:
        eject(studio, Made(Recipe.make(**stored({**PLAIN, **values}, start)), {}), tmp_path, COMMAND_LINE)
    assert caught.value.field == field
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_script_for_a_recipe_in_a_file(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "recipe.json").write_text(Recipe.make(**PLAIN).to_json())
    home = ["--home", str(tiny_home), "--device", "cpu", "--json"]
    assert main(["eject", str(tmp_path / "recipe.json"), "-o", str(tmp_path / "out"), *home]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"make.py", "requirements.txt"} <= set(told["files"])
    (tmp_path / "broken.json").write_text("{")
    assert main(["eject", str(tmp_path / "broken.json"), "-o", str(tmp_path / "out"), *home]) == 2
    assert "holds no recipe" in capsys.readouterr().err


def test_the_page_packs_what_the_command_writes_and_tells_its_refusals(
    tiny_home: Path, make: Make, start: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "executable", python())
    own_settings = Settings.load(home=tiny_home, device="cpu")
    with zipfile.ZipFile(io.BytesIO(packed(own_settings, make()))) as archive:
        assert {name.partition("/")[2] for name in archive.namelist()} == {"make.py", "requirements.txt"}
        (script,) = (name for name in archive.namelist() if name.endswith("make.py"))
        assert b"from diffusers import" in archive.read(script)
    Image.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    with pytest.raises(InvalidRequest, match="recipe"):
        packed(own_settings, tmp_path / "bare.png")
