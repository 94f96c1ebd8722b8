"""A VAE that stands in for a model's own makes the picture that a model with it makes, and only where it is chosen."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from studio.backends.local import LocalBackend
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.errors import InvalidRecipe, ModelError
from studio.inputs import InputStore
from studio.presets.reading import Presets
from studio.recipe import Recipe
from studio.resolve.resolve import resolve
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody
from tests.test_foreign_words import FOREIGN
from tests.tiny.original import vae_original


@pytest.fixture(scope="module")
def home(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A model, and the VAE of another in all that it may come as; `whole` is the model with that VAE."""
    home = tmp_path_factory.mktemp("vaes-home")
    models, vaes = home / "models", home / "vaes"
    models.mkdir()
    vaes.mkdir()
    (models / "tiny-sd15").symlink_to(tiny_model("sd15"))
    other = tiny.build("sd15", home / "other", seed=9)
    shutil.copytree(tiny_model("sd15"), models / "whole")
    shutil.copytree(other / "vae", models / "whole" / "vae", dirs_exist_ok=True)
    shutil.copytree(other / "vae", vaes / "folder")
    tensors = load_file(other / "vae" / "diffusion_pytorch_model.safetensors")
    save_file(tensors, vaes / "plain.safetensors")
    first = vae_original(tensors)
    save_file(first, vaes / "first.safetensors")
    save_file({f"first_stage_model.{name}": value for name, value in first.items()}, vaes / "prefixed.safetensors")
    save_file({name: value for name, value in tensors.items() if "mid_block" not in name}, vaes / "torn.safetensors")
    shutil.copytree(tiny_model("sd3") / "vae", vaes / "wide")
    (models / "told.toml").write_text(f'folder = "{models / "tiny-sd15"}"\nvae = "plain"\n')
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def backend(home: Settings) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


def pixels(backend: LocalBackend, recipe: Recipe) -> np.ndarray[Any, Any]:
    (made,) = backend.generate([recipe], nobody)
    return np.asarray(made.image)


@pytest.mark.parametrize("name", ["folder", "plain", "first", "prefixed"])
def test_a_chosen_vae_makes_the_picture_of_a_model_that_has_it(
    backend: LocalBackend, recipe: Callable[..., Recipe], name: str
) -> None:
    own = pixels(backend, recipe("sd15"))
    wanted = pixels(backend, recipe("sd15", model="whole"))
    assert (own != wanted).any()
    assert (pixels(backend, recipe("sd15", vae=name)) == wanted).all()
    assert (pixels(backend, recipe("sd15")) == own).all()


def test_it_reads_pictures_too(backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe]) -> None:
    from tests.engine.conftest import picture

    given = {"init_image": InputStore.of(home).add(picture()).id, "resize": "crop", "strength": 0.5}
    wanted = pixels(backend, recipe("sd15", model="whole", **given))
    assert (pixels(backend, recipe("sd15", vae="plain", **given)) == wanted).all()


def test_an_offloaded_model_has_it_too(home: Settings, recipe: Callable[..., Recipe]) -> None:
    from studio.engine.denoise import denoise
    from studio.engine.manager import PipelineManager

    del denoise
    manager, wanted = PipelineManager(Catalogue(home), home), recipe("sd15", vae="plain")
    with manager.borrow(Catalogue(home)["tiny-sd15"], "text2img") as lease:
        manager.decode_by(lease, wanted, nobody)
        lease.offload("sequential")
        assert lease.turn_to("text2img").vae is lease.vae is not lease.loaded.pipe.vae
    manager.close()


@pytest.mark.parametrize(("name", "says"), [("torn", "torn.safetensors does not fit the model")])
def test_one_that_does_not_fit_whole_is_refused(
    backend: LocalBackend, recipe: Callable[..., Recipe], name: str, says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        pixels(backend, recipe("sd15", vae=name))
    assert not [words for words in FOREIGN if words in str(caught.value)]


def resolved(home: Settings, **values: Any) -> Recipe:
    parts = (Catalogue(home), Presets(home.home), InputStore.of(home), ControlNets(home), PromptAssets.of(home))
    (one,) = resolve(Recipe(prompt="a", **values), home, *parts)
    return one


def test_a_model_may_name_its_vae_and_a_recipe_another(home: Settings) -> None:
    assert resolved(home, model="tiny-sd15").vae is None
    assert resolved(home, model="told").vae == "plain"
    assert resolved(home, model="told", vae="first").vae == "first"


@pytest.mark.parametrize(("name", "says"), [("none", "no VAE “none”"), ("wide", "16 channels; tiny-sd15 has 4")])
def test_what_cannot_be_is_said_before_anything_is_queued(home: Settings, name: str, says: str) -> None:
    with pytest.raises(InvalidRecipe, match=says) as caught:
        resolved(home, model="tiny-sd15", vae=name)
    assert caught.value.field == "vae"
