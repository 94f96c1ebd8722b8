"""Whose configs and tokenizers a single file is loaded with, where none come with it or with the studio."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.catalogue import configs
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.downloads.items import Items
from studio.engine.loading import load
from studio.errors import ModelError
from studio.events import Done
from studio.families import FAMILIES, flux, sd15
from studio.families.base import Configs
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests import tiny
from tests.downloads.conftest import files_of
from tests.headers import write_configs, write_safetensors
from tests.people import who
from tests.small_hub import Manners, small_hub, turn_to

BLOCKS = "model.diffusion_model.joint_blocks"


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "home" / "models").mkdir(parents=True)
    return Settings(home=tmp_path / "home", device="cpu")


def single(home: Settings, family: str, *more: str) -> Path:
    """A single file of the family with these tensors beside those that it is told by."""
    keys = {name: shape or (2, 3) for name, shape in FAMILIES[family].signature.keys.items()}
    return write_safetensors(home.home / "models" / "single.safetensors", keys | dict.fromkeys(more, (2, 3)))


def folder(home: Settings, name: str, family: str, **facts: object) -> Path:
    """The configs of a model in diffusers format whose denoiser is so."""
    place = write_configs(home.home / "models" / name, family)
    (config,) = (place / part / "config.json" for part in ("unet", "transformer") if (place / part).is_dir())
    config.write_text(json.dumps({**json.loads(config.read_text()), **facts}))
    for part in ("vae", "text_encoder"):
        (place / part).mkdir()
        (place / part / "config.json").write_text("{}")
    return place


@pytest.mark.parametrize(
    ("family", "tensors", "facts", "other", "repo"),
    [
        ("flux", [flux.GUIDANCE], {"guidance_embeds": True}, {"guidance_embeds": False}, "FLUX.1-dev"),
        ("flux", [], {"guidance_embeds": False}, {"guidance_embeds": True}, "FLUX.1-schnell"),
        (
            "sd3",
            [f"{BLOCKS}.{n}.x_block.attn2.qkv.weight" for n in range(24)],
            {"num_layers": 24, "dual_attention_layers": [0, 1]},
            {"num_layers": 24, "dual_attention_layers": []},
            "stable-diffusion-3.5-medium",
        ),
        (
            "sd3",
            [f"{BLOCKS}.{n}.x_block.attn.qkv.weight" for n in range(38)],
            {"num_layers": 38, "dual_attention_layers": []},
            {"num_layers": 24, "dual_attention_layers": []},
            "stable-diffusion-3.5-large",
        ),
    ],
    ids=["flux dev", "flux schnell", "sd3.5 medium", "sd3.5 large"],
)
def test_the_configs_of_a_model_that_is_here_and_of_the_same_build_are_taken(
    home: Settings,
    family: str,
    tensors: list[str],
    facts: dict[str, object],
    other: dict[str, object],
    repo: str,
) -> None:
    single(home, family, *tensors)
    folder(home, "another", family, **other)
    known = Catalogue(home)
    model = known["single"]
    assert known.config(model) is None
    assert str(known.lender(model)).endswith(repo)
    fault = known.why_not(model)  # the hub is off here
    assert fault is not None
    assert "Unset HF_HUB_OFFLINE" in fault.hint
    assert f"{repo} into single.config/ beside it: model_index.json, scheduler/*.json" in fault.hint
    with pytest.raises(ModelError, match="needs the configs"):
        known.place(model)
    like = folder(home, "like", family, **facts)
    known = Catalogue(home)
    assert known.config(known["single"]) == like
    assert known.lender(known["single"]) is None
    assert known.why_not(known["single"]) is None


def test_a_folder_that_lacks_a_part_lends_nothing(home: Settings) -> None:
    single(home, "flux")
    place = folder(home, "like", "flux", guidance_embeds=False)
    index = json.loads((place / "model_index.json").read_text())
    (place / "model_index.json").write_text(json.dumps({**index, "tokenizer_2": ["transformers", "T5TokenizerFast"]}))
    known = Catalogue(home)
    assert known.config(known["single"]) is None
    (place / "tokenizer_2").mkdir()
    (place / "tokenizer_2" / "spiece.model").write_bytes(b"words")
    assert known.config(known["single"]) == place


@pytest.fixture
def painter(home: Settings, tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with a single file of a family that the studio has no configs of, here one that is small."""
    monkeypatch.setattr(configs, "CONFIGS", home.home / "no configs")
    known = Configs({None: "some/tiny"}, ("scheduler", "text_encoder", "tokenizer", "unet", "vae"))
    monkeypatch.setattr(sd15, "FAMILY", replace(sd15.FAMILY, configs=known))
    tiny.single_file(tiny_model("sd15"), home.home / "models" / "single.safetensors")
    (home.home / "models" / "single.toml").write_text('family = "sd15"\n')
    return home


def picture(settings: Settings, model: str) -> bytes:
    with Studio(settings, durable=False) as studio:
        asked = {"prompt": tiny.PROMPT, "width": tiny.SIDE, "height": tiny.SIDE, "steps": 1, "seed": 7}
        job = studio.submit(Recipe.make(model=model, **asked), who("me"))
        events = list(job.follow())
        assert isinstance(events[-1], Done), events[-1]
        return Image.open(job.results[0].path).tobytes()


def test_a_single_file_makes_the_picture_of_its_folder_with_the_configs_of_that(
    painter: Settings, tiny_model: Callable[[str], Path]
) -> None:
    (painter.home / "models" / "whole").symlink_to(tiny_model("sd15"))
    assert picture(painter, "single") == picture(painter, "whole")


def test_configs_alone_are_fetched_before_the_first_picture(
    painter: Settings, tiny_model: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manners = Manners()
    with small_hub({"some/tiny": files_of(tiny_model("sd15"))}, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        known = Catalogue(painter)
        assert known.why_not(known["single"]) is None, "they can be fetched"
        with pytest.raises(ModelError, match=r"tokenizers of single .* studio models fetch single\.config"):
            load(known["single"], known, torch.float32)
        items = {item.id: item for item in Items(painter, known, ControlNets(painter))}
        assert not items["single.config"].here
        made = picture(painter, "single")
    assert {file for file, _ in manners.heard} == {
        name for name in files_of(tiny_model("sd15")) if not name.endswith(".safetensors")
    }
    (painter.home / "models" / "whole").symlink_to(tiny_model("sd15"))
    assert made == picture(painter, "whole")
    assert "single.config" not in {item.id for item in Items(painter, known, ControlNets(painter))}
