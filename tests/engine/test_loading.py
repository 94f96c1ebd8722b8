import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.errors import ModelError
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody
from tests.test_foreign_words import FOREIGN


@pytest.fixture
def home(tmp_path):
    (tmp_path / "models").mkdir()
    return Settings(home=tmp_path, device="cpu")


def image_of(settings, recipe):
    backend = LocalBackend(settings, Catalogue(settings))
    try:
        (made,) = backend.generate([recipe], nobody)
    finally:
        backend.close()
    return made.image


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_single_file_gives_the_image_of_its_folder_without_network(
    home, tiny_model, backend, recipe, family, no_network
):
    models = home.home / "models"
    tiny.single_file(tiny_model(family), models / "single.safetensors")
    tiny.configs_only(tiny_model(family), models / "single.config")
    (models / "single.toml").write_text(f'family = "{family}"\n')
    (whole,) = backend.generate([recipe(family)], nobody)
    assert image_of(home, recipe(family, model="single")).tobytes() == whole.image.tobytes()


def test_a_folder_is_loaded_without_network(home, tiny_model, recipe, no_network):
    (home.home / "models" / "mine").symlink_to(tiny_model("sd3"))
    assert np.asarray(image_of(home, recipe("sd3", model="mine"))).std() > 0


def test_loading_and_rendering_write_nothing_to_the_terminal(home, tiny_model, recipe, capfd):
    (home.home / "models" / "mine").symlink_to(tiny_model("sdxl"))
    image_of(home, recipe("sdxl", model="mine"))
    assert capfd.readouterr() == ("", "")


def broken(home, tiny_model, family="sd15"):
    """A copy of a tiny model to break."""
    folder = home.home / "models" / "broken"
    shutil.copytree(tiny_model(family), folder)
    return folder


def refusal(home, recipe, family="sd15"):
    with pytest.raises(ModelError) as caught:
        image_of(home, recipe(family, model="broken"))
    assert caught.value.hint
    assert not [words for words in FOREIGN if words in str(caught.value)]
    return str(caught.value)


def test_a_truncated_weights_file_is_named(home, tiny_model, recipe):
    path = next((broken(home, tiny_model) / "unet").glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1000])
    assert str(path) in refusal(home, recipe)


def test_a_missing_weights_file_is_named(home, tiny_model, recipe):
    folder = broken(home, tiny_model)
    next((folder / "vae").glob("*.safetensors")).unlink()
    assert str(folder / "vae") in refusal(home, recipe)


def test_pickled_weights_are_refused(home, tiny_model, recipe):
    folder = broken(home, tiny_model)
    path = next((folder / "unet").glob("*.safetensors"))
    path.rename(path.with_suffix(".bin"))
    assert "pickle" in refusal(home, recipe)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_lack_a_tensor_are_refused(home, tiny_model, recipe, part):
    folder = broken(home, tiny_model)
    path = next((folder / part).glob("*.safetensors"))
    tensors = load_file(path)
    del tensors[min(tensors)]
    save_file(tensors, path, metadata={"format": "pt"})
    assert f"{folder / part} lacks 1 of its weights" in refusal(home, recipe)


def test_weights_of_another_shape_are_refused(home, tiny_model, recipe):
    folder = broken(home, tiny_model)
    config = folder / "vae/config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "layers_per_block": 2}))
    assert str(folder / "vae") in refusal(home, recipe)


def test_a_damaged_config_is_named(home, tiny_model, recipe):
    folder = broken(home, tiny_model)
    (folder / "text_encoder/config.json").write_text("{")
    assert str(folder / "text_encoder") in refusal(home, recipe)


def test_a_single_file_that_lacks_a_tensor_is_refused(home, tiny_model, recipe):
    models = home.home / "models"
    path = tiny.single_file(tiny_model("sd15"), models / "broken.safetensors")
    tensors = load_file(path)
    del tensors["model.diffusion_model.out.2.weight"]
    save_file(tensors, path)
    tiny.configs_only(tiny_model("sd15"), models / "broken.config")
    (models / "broken.toml").write_text('family = "sd15"\n')
    assert "broken.safetensors" in refusal(home, recipe)


def test_a_repo_that_is_not_here_says_how_to_get_it(home, recipe, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    toml = 'family = "sd15"\nrepo = "someone/something"\ndownload_bytes = 4300000000\n'
    (home.home / "models" / "broken.toml").write_text(toml)
    assert "studio models fetch broken" in refusal(home, recipe)


@pytest.mark.parametrize("variant", ["fp16", "bf16", "non_ema"])
def test_a_folder_takes_the_one_variant_that_is_there_for_each_of_its_parts(
    home, tiny_model, backend, recipe, variant, no_network
):
    folder = home.home / "models" / "mine"
    shutil.copytree(tiny_model("sd15"), folder)
    for part in ("unet", "text_encoder"):
        (path,) = (folder / part).glob("*.safetensors")
        path.rename(path.with_suffix(f".{variant}.safetensors"))
    (whole,) = backend.generate([recipe("sd15")], nobody)
    assert image_of(home, recipe("sd15", model="mine")).tobytes() == whole.image.tobytes()


def test_a_model_that_broke_does_not_keep_the_next_from_loading(home, tiny_model, recipe):
    folder = broken(home, tiny_model)
    (folder / "text_encoder/config.json").write_text("{")
    (home.home / "models" / "mine").symlink_to(tiny_model("sd15"))
    backend = LocalBackend(home, Catalogue(home))
    with pytest.raises(ModelError):
        list(backend.generate([recipe("sd15", model="broken")], nobody))
    assert len(list(backend.generate([recipe("sd15", model="mine")], nobody))) == 1
    backend.close()
