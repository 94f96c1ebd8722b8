"""A home with tiny models, and a studio on it that makes pictures for good."""

import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests import tiny

Values = dict[str, Any]
PLAIN: Values = {
    "prompt": tiny.PROMPT, "model": "tiny-sd15", "width": tiny.SIDE, "height": tiny.SIDE, "scheduler": "Euler",
    "steps": 2, "guidance_scale": 5, "seed": 7,
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny_home(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("replays")
    (home / "models").mkdir()
    for family in ("sd15", "sdxl", "sd3", "flux", "starter"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "edges")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what diffusers' own ControlNet for FLUX uses
        for family, facts in tiny.UNIONS.items():
            tiny.controlnet(tiny_model(family), home / "controlnets" / f"{family}-all", **facts)
    tiny.lora(tiny_model("sd15"), home / "loras" / "ink.safetensors")
    tiny.lora(tiny_model("sd15"), home / "loras" / "pen.safetensors", seed=1, text=True)
    for form in ("loha", "lokr", "oft", "dora"):
        tiny.lora(tiny_model("sd15"), home / "loras" / f"{form}.safetensors", form, seed=2)
    other = tiny.build("sd15", home / "models" / "tiny-second", seed=9)
    shutil.copytree(other / "vae", home / "vaes" / "another")
    shutil.copy(other / "vae" / "diffusion_pytorch_model.safetensors", home / "vaes" / "single.safetensors")
    for seed, sort in enumerate(("plain", "plus")):
        tiny.ip_adapter(tiny_model("sd15"), home / "ip-adapters" / f"{sort}.safetensors", sort, seed)
    tiny.image_encoder(home / "ip-adapters" / "encoder")
    tiny.upscaler(home / "upscalers" / "grow.safetensors", scale=2)
    return home


@pytest.fixture(scope="session")
def studio(tiny_home: Path) -> Iterator[Studio]:
    with Studio(Settings(home=tiny_home, device="cpu"), durable=False) as studio:
        yield studio


Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(studio: Studio) -> Make:
    """The file of the picture of a recipe, in few steps; None takes a value of `PLAIN` away."""

    def made(**values: Any) -> Path:
        given = {name: value for name, value in {**PLAIN, **values}.items() if value is not None}
        job = studio.submit(Recipe.make(**given), COMMAND_LINE)
        end = list(job.follow())[-1]
        assert job.results, end
        return job.results[0].path

    return made


@pytest.fixture(scope="session")
def start(studio: Studio) -> Values:
    """A picture to start from, and a mask for it."""
    picture = Image.linear_gradient("L").resize((tiny.SIDE, tiny.SIDE)).convert("RGB")
    picture.paste("firebrick", (10, 10, 40, 50))
    mask = Image.new("L", picture.size)
    mask.paste(255, (16, 16, 40, 40))
    return {"init_image": studio.inputs.add(picture).id, "mask_image": studio.inputs.add_mask(mask).id}
