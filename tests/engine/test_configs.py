"""The configs that come with the studio, against the layout that single files of their families have."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.backends.local import LocalBackend
from studio.catalogue import configs
from studio.catalogue.checkpoints import family_of_tensors
from studio.catalogue.configs import CONFIGS, bundled
from studio.catalogue.models import Catalogue
from studio.catalogue.vocabulary import read_tokenizer
from studio.engine.loading import _tokenizers, load
from studio.families import FAMILIES, sd21
from studio.recipe import Recipe
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody
from tests.headers import write_safetensors, write_single_file
from tests.tiny.original import original

BUNDLED = sorted(path.parent.name for path in CONFIGS.glob("*/model_index.json"))
# What the published tokenizer makes of it, with its marks.
CAT = [49406, 320, 1125, 539, 320, 2368, 49407]


def parts_of(family: str) -> dict[str, Any]:
    """The networks that the configs describe, without numbers."""
    import diffusers
    import transformers
    from accelerate import init_empty_weights

    folder = CONFIGS / family
    made = {}
    for name, value in json.loads((folder / "model_index.json").read_text()).items():
        if isinstance(value, list) and (folder / name / "config.json").is_file():
            library, kind = value
            cls = getattr({"diffusers": diffusers, "transformers": transformers}[library], kind)
            with init_empty_weights():
                if library == "diffusers":
                    made[name] = cls.from_config(cls.load_config(folder / name))
                else:
                    made[name] = cls(cls.config_class.from_pretrained(folder / name))
    return made


@pytest.mark.parametrize("family", BUNDLED)
def test_the_networks_of_a_config_are_those_of_its_single_files(family: str) -> None:
    from diffusers.loaders.single_file_utils import (
        convert_ldm_clip_checkpoint,
        convert_ldm_unet_checkpoint,
        convert_ldm_vae_checkpoint,
        convert_open_clip_checkpoint,
    )

    parts = parts_of(family)
    states = {name: dict(part.state_dict()) for name, part in parts.items()}
    layers = parts["unet"].config.layers_per_block
    whole = original({n: dict(s) for n, s in states.items()}, layers, open_clip=family == "sd21")
    assert family_of_tensors({name: tuple(tensor.shape) for name, tensor in whole.items()}) == family
    read = {
        "unet": convert_ldm_unet_checkpoint(dict(whole), dict(parts["unet"].config)),
        "vae": convert_ldm_vae_checkpoint(dict(whole), dict(parts["vae"].config)),
    }
    if family == "sd21":
        read["text_encoder"] = convert_open_clip_checkpoint(parts["text_encoder"], dict(whole))
    elif "text_encoder" in parts:
        read["text_encoder"] = convert_ldm_clip_checkpoint(dict(whole))
    if "text_encoder_2" in parts:
        prefix = f"conditioner.embedders.{int('text_encoder' in parts)}.model."
        read["text_encoder_2"] = convert_open_clip_checkpoint(parts["text_encoder_2"], dict(whole), prefix=prefix)
    for name, state in states.items():
        plain = {key.removeprefix("text_model."): tuple(tensor.shape) for key, tensor in read[name].items()}
        expected = {key.removeprefix("text_model."): tuple(tensor.shape) for key, tensor in state.items()}
        assert plain == expected, name


@pytest.mark.parametrize("family", BUNDLED)
def test_the_denoiser_of_a_config_is_told_to_be_its_familys(family: str) -> None:
    config = json.loads((CONFIGS / family / "unet" / "config.json").read_text())
    assert FAMILIES[family].signature.fits_config(config)


def test_the_vocabulary_is_clips() -> None:
    for family, name, pad in (("sd15", "tokenizer", 49407), ("sd21", "tokenizer", 0), ("sdxl", "tokenizer_2", 0)):
        tokenizer = _tokenizers(CONFIGS / family)[name]
        assert len(tokenizer) == 49408
        assert tokenizer("a photo of a cat").input_ids == CAT
        assert (tokenizer.pad_token_id, tokenizer.model_max_length) == (pad, 77)
        counted = read_tokenizer(CONFIGS / family / name)
        assert counted is not None
        for text in ("a photo of a cat", "Größe, 雪, isn't it? 42"):
            assert [49406, *counted.encode(text).ids, 49407] == tokenizer(text).input_ids


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "models").mkdir()
    return Settings(home=tmp_path, device="cpu")


@pytest.mark.parametrize("family", BUNDLED)
def test_a_single_file_of_a_common_family_needs_no_configs_beside_it(home: Settings, family: str) -> None:
    write_single_file(home.home / "models" / "painter.safetensors", family)
    known = Catalogue(home)
    model = known["painter"]
    assert (model.family, model.config) == (family, bundled(family))
    assert known.why_not(model) is None
    assert known.count_tokens(model, "a photo of a cat") == 5


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_single_file_alone_gives_the_image_of_its_folder_without_network(
    home: Settings,
    tiny_model: Callable[[str], Path],
    backend: LocalBackend,
    recipe: Callable[..., Recipe],
    family: str,
    no_network: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same way in small: the studio's own configs are those of a tiny model here."""
    monkeypatch.setattr(configs, "CONFIGS", home.home / "configs")
    tiny.configs_only(tiny_model(family), home.home / "configs" / family)
    tiny.single_file(tiny_model(family), home.home / "models" / "single.safetensors")
    (home.home / "models" / "single.toml").write_text(f'family = "{family}"\n')
    (whole,) = backend.generate([recipe(family)], nobody)
    alone = LocalBackend(home, Catalogue(home))
    (made,) = alone.generate([recipe(family, model="single")], nobody)
    alone.close()
    assert made.image.tobytes() == whole.image.tobytes()


def test_the_refiner_as_a_single_file_paints_the_second_pass_of_its_folder(
    home: Settings,
    tiny_model: Callable[[str], Path],
    recipe: Callable[..., Recipe],
    no_network: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(configs, "CONFIGS", home.home / "configs")
    tiny.configs_only(tiny_model("sdxl_refiner"), home.home / "configs" / "sdxl_refiner")
    for family in ("sdxl", "sdxl_refiner"):
        (home.home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.single_file(tiny_model("sdxl_refiner"), home.home / "models" / "single.safetensors")
    (home.home / "models" / "single.toml").write_text('family = "sdxl_refiner"\n')
    backend = LocalBackend(home, Catalogue(home))
    second = {"hires_scale": 1, "hires_upscaler": "latent", "hires_strength": 0.6, "hires_steps": 4}
    twice = [recipe("sdxl", **second, hires_model=name) for name in ("tiny-sdxl_refiner", "single")]
    folder, single = (next(backend.generate([one], nobody)).image for one in twice)
    backend.close()
    assert single.tobytes() == folder.tobytes()


def scheduler_of(home: Settings, model: Path, metadata: dict[str, str] | None = None, **marks: Any) -> dict[str, Any]:
    """What is learned of the noise of the model as a single file with these marks."""
    from safetensors.torch import load_file, save_file

    path = tiny.single_file(model, home.home / "models" / "single.safetensors", **marks)
    if metadata:
        save_file(load_file(path), path, metadata)
    tiny.configs_only(model, home.home / "models" / "single.config")
    (home.home / "models" / "single.toml").write_text('family = "sdxl"\n')
    known = Catalogue(home)
    return dict(load(known["single"], known, torch.float32).scheduler.config)


MARK = torch.zeros(0)


@pytest.mark.parametrize(
    ("metadata", "marks", "prediction", "zero"),
    [
        (None, {}, "epsilon", False),
        (None, {"v_pred": MARK}, "v_prediction", False),
        (None, {"v_pred": MARK, "ztsnr": MARK}, "v_prediction", True),
        ({"modelspec.prediction_type": "v"}, {}, "v_prediction", False),
        ({"modelspec.prediction_type": "epsilon"}, {"ztsnr": MARK}, "epsilon", True),
    ],
    ids=["unmarked", "v_pred", "v_pred and ztsnr", "modelspec v", "modelspec epsilon and ztsnr"],
)
def test_a_single_file_is_sampled_by_what_it_says_of_its_training(
    home: Settings,
    tiny_model: Callable[[str], Path],
    metadata: dict[str, str] | None,
    marks: dict[str, Any],
    prediction: str,
    zero: bool,
) -> None:
    learned = scheduler_of(home, tiny_model("sdxl"), metadata, **marks)
    assert learned["prediction_type"] == prediction
    assert bool(learned.get("rescale_betas_zero_snr")) == zero
    assert (learned["timestep_spacing"] == "trailing") == zero


def test_what_is_written_beside_a_file_counts_over_what_it_says(home: Settings) -> None:
    path = home.home / "models" / "painter.safetensors"
    shapes = {name: shape or (2, 3) for name, shape in FAMILIES["sdxl"].signature.keys.items()}
    write_safetensors(path, {**shapes, "v_pred": (0,)})
    assert Catalogue(home)["painter"].prediction_type == "v_prediction"
    path.with_suffix(".toml").write_text('prediction_type = "epsilon"\n')
    assert Catalogue(home)["painter"].prediction_type == "epsilon"


@pytest.mark.parametrize(
    ("metadata", "spread", "prediction", "side"),
    [
        ({"modelspec.prediction_type": "v", "modelspec.resolution": "768x768"}, 0.0, "v_prediction", 768),
        ({"modelspec.prediction_type": "epsilon"}, 0.5, "epsilon", 512),
        (None, 0.5, "v_prediction", 768),
        (None, 0.01, "epsilon", 512),
        ({"modelspec.prediction_type": "v", "modelspec.resolution": "512x512"}, 0.5, "v_prediction", 512),
    ],
)
def test_the_two_models_of_stable_diffusion_2_are_told_apart(
    home: Settings, metadata: dict[str, str] | None, spread: float, prediction: str, side: int
) -> None:
    from safetensors.torch import save_file

    shapes = {name: shape or (2, 3) for name, shape in FAMILIES["sd21"].signature.keys.items()}
    tensors = {name: torch.zeros(shape, dtype=torch.float16) for name, shape in shapes.items()}
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        tensors[sd21.TELLING] = torch.linspace(-1, 1, 320).mul(spread * 1.7).to(dtype)
        save_file(tensors, home.home / "models" / "two.safetensors", metadata)
        model = Catalogue(home)["two"]
        assert (model.prediction_type, model.default("width"), model.default("height")) == (prediction, side, side)
