"""Which IP-Adapters there are, told by their files alone, through which encoder they look, and for what they serve."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue import ip_adapters
from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.catalogue.tensor_files import count_numbers
from studio.errors import InvalidRecipe, ModelError
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.headers import write_json, write_model, write_safetensors

HUGE = {"model_type": "clip_vision_model", "hidden_size": 1280, "projection_dim": 1024}
GIANT = {"model_type": "clip_vision_model", "hidden_size": 1664, "projection_dim": 1280}
PLAIN = {"image_proj.proj.weight": (3072, 1024)}
PLUS = {"image_proj.latents": (1, 16, 768), "image_proj.proj_in.weight": (768, 1280)}
FULL = {"image_proj.proj.0.weight": (1280, 1280), "image_proj.proj.3.weight": (768,)}
FACE_ID = {"image_proj.proj.0.weight": (1024, 512), "image_proj.norm.weight": (768,)}
PAIRS = {768: (320, 768), 2048: (640, 2048)}


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "ip-adapters").mkdir()
    return tmp_path / "ip-adapters"


def known(home: Path) -> ControlNets:
    return ControlNets(Settings(home=home.parent))


def adapter(path: Path, projection: dict = PLAIN, words: int = 768) -> Path:
    return write_safetensors(path, {**projection, "ip_adapter.1.to_k_ip.weight": PAIRS[words]})


def encoder(folder: Path, config: dict = HUGE) -> Path:
    write_json(folder / "config.json", config)
    write_safetensors(folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("words", PAIRS)
@pytest.mark.parametrize("projection", [PLAIN, PLUS, FULL], ids=["plain", "plus", "full"])
def test_a_file_is_told_by_its_tensors_and_finds_the_encoder_that_fits(home, projection, words):
    file = adapter(home / "canny-like.safetensors", projection, words)
    encoder(home / "a-giant", GIANT)
    folder = encoder(home / "huge")
    one = known(home)["canny-like"]
    assert (one.family, one.file, one.kinds) == ({768: "sd15", 2048: "sdxl"}[words], file, ("ip_adapter",))
    assert known(home).encoder(one) == folder
    assert known(home).why_not(one) is None
    assert known(home).place(one) == file
    assert "huge" not in known(home)
    assert "huge" not in known(home).faults


def test_a_folder_can_hold_an_adapter_with_its_encoder(home):
    file, folder = adapter(home / "portrait" / "any.safetensors"), encoder(home / "portrait" / "image_encoder")
    one = known(home)["portrait"]
    assert (one.file, one.folder, known(home).encoder(one)) == (file, None, folder)
    assert known(home).why_not(one) is None
    assert known(home).numbers(one) == count_numbers([file]) + known(home).encoder_numbers(one)
    assert known(home).encoder_numbers(one) > 0
    adapter(home / "portrait" / "more.safetensors")
    assert "holds 2 .safetensors files" in str(known(home).faults["portrait"])


def test_adapters_serve_image_prompts_and_no_maps(home):
    adapter(home / "mine.safetensors")
    encoder(home / "huge")
    there = known(home)
    assert there.fitting("sd15", "ip_adapter") == ["mine", "sd15-image", "sd15-image-face", "sd15-image-plus"]
    assert there.fitting("sd15_inpaint", "ip_adapter") == there.fitting("sd15", "ip_adapter")
    assert there.fitting("sdxl", "ip_adapter") == ["sdxl-image", "sdxl-image-plus"]
    assert there.fitting("flux", "ip_adapter") == there.fitting("starter", "ip_adapter") == []
    assert not set(there.fitting("sd15", "map") + there.fitting("sd15", "canny")) & {"mine", "sd15-image"}


def test_an_adapter_without_an_encoder_that_fits_says_where_to_put_one(home):
    adapter(home / "mine.safetensors")
    encoder(home / "giant", GIANT)
    assert "lacks the image encoder that it looks through" in str(known(home).why_not(known(home)["mine"]))
    (home / "mine.toml").write_text('encoder = "giant"\n')
    assert "wants one with projection_dim = 1024" in str(known(home).why_not(known(home)["mine"]))
    (home / "mine.toml").write_text('encoder = "nowhere"\n')
    assert "there is no" in str(known(home).why_not(known(home)["mine"]))


def test_what_is_no_adapter_is_a_fault_that_says_why(home):
    (home / "old.bin").write_bytes(b"a pickle")
    encoder(home / "pickled" / "image_encoder")
    (home / "pickled" / "old.bin").write_bytes(b"a pickle")
    adapter(home / "face.safetensors", FACE_ID)
    write_safetensors(home / "other.safetensors", {**PLAIN, "ip_adapter.1.to_k_ip.weight": (320, 1024)})
    (home / "garbled.safetensors").write_bytes(b"not in the format")
    adapter(home / "called.safetensors")
    (home / "called.toml").write_text('kinds = ["canny"]\n')
    faults = {name: str(fault) for name, fault in known(home).faults.items()}
    assert "is a pickle" in faults["old"]
    assert "is a pickle" in faults["pickled"]
    assert "an IP-Adapter for Stable Diffusion 1.5 or Stable Diffusion XL" in faults["face"]
    assert "nor an IP-Adapter that the studio knows" in faults["other"]
    assert "is damaged" in faults["garbled"]
    assert "its weights are an IP-Adapter" in faults["called"]


def test_a_pickled_encoder_is_refused(home):
    adapter(home / "mine.safetensors")
    weights = encoder(home / "huge") / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    assert "is a pickle" in str(known(home).why_not(known(home)["mine"]))


def test_what_was_downloaded_is_found_with_its_encoder(home, tmp_path, monkeypatch):
    one = known(home)["sdxl-image-plus"]
    assert "is not on this disk, and the hub is switched off" in str(known(home).why_not(one))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    repo = tmp_path / "hub" / "models--h94--IP-Adapter"
    snapshot = repo / "snapshots" / "0"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0")
    plus = {**PLUS, "image_proj.proj_in.weight": (1280, 1280)}
    adapter(snapshot / "sdxl_models" / "ip-adapter-plus_sdxl_vit-h.safetensors", plus, 2048)
    assert not known(home).present(one)
    encoder(snapshot / "models" / "image_encoder")
    assert known(home).present(one)
    assert known(home).why_not(one) is None
    assert known(home).place(one).parent == snapshot / "sdxl_models"
    assert known(home).encoder(one) == snapshot / "models" / "image_encoder"
    shutil.copy(adapter(tmp_path / "wrong.safetensors"), known(home).location(one))
    assert "is an IP-Adapter for Stable Diffusion 1.5, not for Stable Diffusion XL" in str(known(home).why_not(one))


def test_an_adapter_on_the_hub_names_its_encoder():
    values = {"id": "x", "name": "x", "family": "sd15", "kinds": ("ip_adapter",), "repo": "a/b"}
    with pytest.raises(ValueError, match="its `encoder` has to be named"):
        ControlNet(**values, weights="x.safetensors")
    with pytest.raises(ValueError, match="is a single file"):
        ControlNet(**values, encoder="encoder")


def test_an_encoder_is_told_by_its_config(home):
    assert ip_adapters.is_encoder(encoder(home / "huge"))
    assert not ip_adapters.is_encoder(home)
    assert not ip_adapters.is_encoder(None)
    with pytest.raises(ModelError, match="holds 0"):
        ip_adapters.beside_encoder(home)


@pytest.fixture
def studio(home) -> Iterator[Studio]:
    for family in ("sd15", "flux"):
        write_model(home.parent / "models" / family, family)
    adapter(home / "mine.safetensors")
    adapter(home / "large.safetensors", words=2048)
    encoder(home / "huge")
    write_json(
        home.parent / "controlnets" / "any" / "config.json",
        {"_class_name": "ControlNetModel", "cross_attention_dim": 768},
    )
    write_safetensors(home.parent / "controlnets" / "any" / "diffusion_pytorch_model.safetensors")
    with Studio(Settings.load(home=home.parent, model="sd15"), backend=Drawer()) as studio:
        yield studio


def resolved(studio: Studio, by: str = "sd15", **values):
    unit = {"kind": "ip_adapter", "image": studio.inputs.add(Image.new("RGB", (9, 9), "red")).id, **values}
    (recipe,) = studio.resolve(Recipe(prompt="a red house", model=by, controls=[unit]))
    return recipe.controls


def test_an_image_prompt_is_resolved_to_an_adapter_that_is_here(studio):
    (unit,) = resolved(studio)
    assert (unit.model, unit.map, dict(unit.options)) == ("mine", None, {})
    assert resolved(studio, weight=0) == ()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": "large"}, r"(?=.*IP-Adapter for Stable Diffusion XL)(?=.*sd15 is Stable Diffusion 1\.5)"),
        ({"model": "any"}, "any is a ControlNet: it does not serve “ip_adapter”"),
        ({"model": "mine", "kind": "canny"}, "mine is an IP-Adapter: it does not serve “canny”"),
        ({"model": "mine", "kind": "map"}, "mine is an IP-Adapter: it does not serve “map”"),
        ({"map": "0" * 64}, "has no map"),
        ({"image": None}, "has no picture"),
        ({"image": "0" * 64}, "is not in"),
        ({"mode": "control"}, "cannot favour prompt or map"),
        ({"options": {"low": 1}}, "has no option 'low'"),
        ({"model": "sd15-image"}, "hub is switched off"),
    ],
)
def test_an_image_prompt_that_cannot_be_is_refused(studio, values, says):
    with pytest.raises(InvalidRecipe, match=says) as caught:
        resolved(studio, **values)
    assert caught.value.field == "controls"
    assert caught.value.hint


def test_a_model_of_a_family_without_adapters_says_so(studio):
    with pytest.raises(InvalidRecipe, match=r"There is no IP-Adapter for FLUX\.1") as caught:
        resolved(studio, "flux")
    assert "ip-adapters" in caught.value.hint
