"""A family is one file: its models, LoRAs, embeddings and ControlNets are known by it alone, and pictures are made."""

import json
import subprocess
from pathlib import Path

import pytest

from tests import tiny
from tests.forks import python

WIDTH = 96
FAMILY = f"""
from dataclasses import replace

from studio.families import sd15
from studio.families.base import Signature, unet_control_networks

FAMILY = replace(
    sd15.FAMILY,
    name="Sketcher",
    signature=Signature("UNet2DConditionModel", {{"in_channels": 4, "cross_attention_dim": {WIDTH}}}),
    native_side={tiny.SIDE},
    embedding_widths=({WIDTH},),
    architecture="^sketcher",
    control_networks=unet_control_networks({{"cross_attention_dim": {WIDTH}}}),
    has_ip_adapters=False,
)
"""
# In a program of its own, as each registry looks into its folder once.
SCRIPT = """
import json, sys
from pathlib import Path

import studio.families

own, home = map(Path, sys.argv[1:])
studio.families.__spec__.submodule_search_locations.append(str(own))
from studio.settings import Settings
from studio.studio import Studio

with Studio(Settings(home=home, device="cpu"), durable=False) as one:
    from studio.gate.identity import COMMAND_LINE
    from studio.recipe import Recipe
    from studio.recipe import ControlUnit, Lora

    map_ = one.inputs.add(home / "map.png").id
    made = []
    for more in (
        {},
        {"loras": (Lora(name="line", weight=1.0),)},
        {"prompt": "a house, scribbly"},
        {"controls": (ControlUnit(kind="canny", map=map_, model="edges"),)},
    ):
        recipe = Recipe.make(**{"prompt": "a house", "model": "sketch", "seed": 1, "steps": 2, **more})
        job = one.submit(recipe, COMMAND_LINE)
        events = list(job.follow())
        made.append(events[-2].path.read_bytes().hex() if len(job.results) == 1 else repr(events[-1]))
    print(json.dumps({
        "family": one.catalogue["sketch"].family,
        "pictures": len(set(made)),
        "faults": [one for one in made if one.startswith(("Failed", "Stopped"))],
    }))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from tests.tiny.families import stable_diffusion

    folder = tmp_path / "home"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipeline = stable_diffusion(WIDTH)
        pipeline.save_pretrained(folder / "models" / "weights")
    (folder / "models" / "sketch.toml").write_text('name = "Sketch"\nfolder = "weights"\n')
    tiny.lora(folder / "models" / "weights", folder / "loras" / "line.safetensors")
    (folder / "embeddings").mkdir()
    save_file({"emb_params": torch.ones(1, WIDTH)}, folder / "embeddings" / "scribbly.safetensors")
    tiny.controlnet(folder / "models" / "weights", folder / "controlnets" / "edges")
    Image.new("RGB", (tiny.SIDE, tiny.SIDE), "white").save(folder / "map.png")
    return folder


def test_a_family_is_one_file_and_its_models_loras_embeddings_and_controlnets_work(tmp_path: Path, home: Path) -> None:
    own = tmp_path / "families"
    own.mkdir()
    (own / "sketcher.py").write_text(FAMILY)
    ran = subprocess.run(
        [python(anew=True), "-c", SCRIPT, own, home], capture_output=True, text=True, check=False, timeout=200
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert json.loads(ran.stdout.splitlines()[-1]) == {"family": "sketcher", "pictures": 4, "faults": []}
