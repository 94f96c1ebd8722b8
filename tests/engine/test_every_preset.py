"""Every model that the project names, in small: its own settings in each task that it can do.

A new preset is covered by being there. What all share (samplers, ways to offload, number formats) is tried in pairs.
"""

import itertools
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.backends.base import Rendered
from studio.backends.local import LocalBackend
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.engine.device import Device
from studio.engine.manager import PipelineManager
from studio.engine.render import render
from studio.families import FAMILIES
from studio.inputs import InputStore
from studio.presets.reading import Presets
from studio.recipe import Recipe
from studio.resolve.resolve import resolve
from studio.settings import PRESETS, Settings
from tests import tiny
from tests.engine.card import Card, pretend
from tests.engine.conftest import nobody, picture
from tests.engine.test_controlnets import TINY as NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")
SIDE = tiny.SIDE
NAMES = sorted(path.stem for path in (PRESETS / "models").glob("*.toml"))
SOURCE = ("repo", "revision", "variant", "file", "folder", "config", "download_bytes")
TASKS = ("text2img", "hires", "img2img", "inpaint", "text2img followed", "img2img followed", "inpaint followed")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data folder with a tiny model for every preset, named as it is and with all that it says of itself."""
    home = tmp_path_factory.mktemp("presets")
    (home / "models").mkdir()
    for name in NAMES:
        table = tomllib.loads((PRESETS / "models" / f"{name}.toml").read_text())
        table = {key: value for key, value in table.items() if key not in SOURCE} | {"folder": f"tiny/{name}"}
        lines = [f"{key} = {_toml(value)}" for key, value in table.items()]
        (home / "models" / f"{name}.toml").write_text("\n".join(lines))
        _build(table, home / "models" / "tiny" / name)
        if FAMILIES[table["family"]].control_pipelines:
            facts = NETWORKS.get(table["family"], {})
            tiny.controlnet(home / "models" / "tiny" / name, home / "controlnets" / f"{name}-canny", **facts)
    return Settings(home=home, device="cpu")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {json.dumps(inner)}' for key, inner in value.items())} }}"
    return json.dumps(value)


def _build(table: dict[str, Any], folder: Path) -> None:
    embedded = {"guidance_embeds": "guidance" in table.get("abilities", ["guidance"])}
    tiny.build(table["family"], folder, **(embedded if table["family"] == "flux" else {}))


@pytest.fixture(scope="module")
def make(home: Settings) -> Iterator[Callable[..., list[Rendered]]]:
    catalogue, inputs, nets, prompt_assets = (
        Catalogue(home),
        InputStore.of(home),
        ControlNets(home),
        PromptAssets.of(home),
    )
    backend = LocalBackend(home, catalogue, nets, prompt_assets)

    def made(**values: Any) -> list[Rendered]:
        recipes = resolve(Recipe.make(**values), home, catalogue, Presets(home.home), inputs, nets, prompt_assets)
        return list(backend.generate(recipes, nobody))

    made.catalogue = catalogue  # type: ignore[attr-defined]
    yield made
    backend.close()


def _asked(task: str, name: str, inputs: InputStore) -> dict[str, Any]:
    values = {"model": name, "prompt": tiny.PROMPT, "width": SIDE, "height": SIDE, "seed": 7}
    if task.endswith("followed"):
        values["controls"] = [{"kind": "map", "map": inputs.add(picture(3)).id, "model": f"{name}-canny"}]
    if task.startswith(("img2img", "inpaint")):
        values |= {"init_image": inputs.add(picture()).id, "strength": 0.6}
    if task.startswith("inpaint"):
        mask = Image.new("L", (SIDE, SIDE))
        mask.paste(255, (16, 16, 40, 40))
        values |= {"mask_image": inputs.add_mask(mask).id, "mask_area": "whole", "width": None, "height": None}
    if task == "hires":
        values |= {"hires_scale": 1.25, "hires_upscaler": "latent", "hires_strength": 0.6}
    if task != "text2img":  # its own steps, once
        values["steps"] = 4
    return values


def _can(name: str, task: str) -> bool:
    table = tomllib.loads((PRESETS / "models" / f"{name}.toml").read_text())
    family = FAMILIES[table["family"]]
    if task == "hires":
        return {"text2img", "img2img"} <= family.pipelines.keys()
    first, *followed = task.split()
    return first in (family.control_pipelines if followed else family.pipelines)


@pytest.mark.parametrize(("name", "task"), [pair for pair in itertools.product(NAMES, TASKS) if _can(*pair)])
def test_a_preset_makes_a_picture_in_each_task_that_it_can_do(make, home, name, task):
    (made,) = make(**_asked(task, name, InputStore.of(home)))
    side = int(SIDE * 1.25) if task == "hires" else SIDE
    assert made.image.size == (side, side)
    assert "changed" not in made.facts
    assert np.asarray(made.image).std() > 1


def test_what_a_file_says_of_guidance_does_not_guide_a_model_that_has_none(make, home):
    """There is no second look without the prompt, which the picture would show."""
    said = (home.home / "models" / "sdxl-turbo.toml").read_text()
    (home.home / "models" / "contrary.toml").write_text(said.replace("guidance_scale = 0.0", "guidance_scale = 7.5"))
    asked = _asked("text2img", "sdxl-turbo", InputStore.of(home))
    make.catalogue.refresh()
    (plain,), (other,) = make(**asked), make(**{**asked, "model": "contrary"})
    assert other.image.tobytes() == plain.image.tobytes()


DTYPES = (torch.float32, torch.float16, torch.bfloat16)
WAYS = ("none", "model", "sequential")
# Those that share samplers take turns at them.
SAMPLERS = [
    *zip(itertools.cycle(("sd15", "sdxl")), FAMILIES["sd15"].schedulers()),
    *((family, name) for family in ("lcm", "sd3", "flux") for name in FAMILIES[family].schedulers()),
]


def turn_of(offload: str, dtype: torch.dtype) -> int:
    """Which third of the samplers meets them, so that each sampler meets every way and every number format once."""
    return (WAYS.index(offload) + DTYPES.index(dtype)) % 3


# In the suite each way, each number format and each sampler once; each pair of them in the soak.
PAIRS = [
    pytest.param(way, dtype, marks=[] if WAYS.index(way) == DTYPES.index(dtype) else pytest.mark.soak)
    for way, dtype in itertools.product(WAYS, DTYPES)
]


@pytest.mark.parametrize(("offload", "dtype"), PAIRS)
def test_samplers_number_formats_and_ways_to_offload_go_together(
    monkeypatch, settings, catalogue, recipe, inputs, offload, dtype
):
    pretend(monkeypatch, Card())
    monkeypatch.setattr(Device, "dtype", lambda *_: dtype)
    manager = PipelineManager(catalogue, Settings(home=settings.home, offload=offload), device=Device("cuda"))
    for family, sampler in SAMPLERS[turn_of(offload, dtype) :: 3]:
        wanted = recipe(family, scheduler=sampler)
        (made,) = render(manager, [(0, wanted)], nobody, inputs)
        assert np.asarray(made.image).std() > 1, sampler
    manager.close()
