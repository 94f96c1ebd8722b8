"""Which ControlNets there are, told by their files alone: kind, family and size, and why one cannot be taken."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel, ControlNetUnionModel

from studio.catalogue import networks
from studio.catalogue.controlnets import ControlNet, ControlNets
from studio.catalogue.models import Catalogue
from studio.catalogue.networks import NETWORKS
from studio.catalogue.tensor_files import tensor_shapes
from studio.controls import CONTROLS
from studio.errors import InvalidRecipe, ModelError
from studio.families import FAMILIES
from studio.families.starter import WORDS_WIDTH
from studio.settings import ASSETS, Settings
from tests.headers import write_json, write_safetensors

STARTER = ASSETS / "starter" / "controlnets" / "canny"
SINGLE = [network for network in NETWORKS if network.config]
CONFIGS = {
    "sd15": {"_class_name": "ControlNetModel", "cross_attention_dim": 768},
    "sdxl": {"_class_name": "ControlNetModel", "cross_attention_dim": 2048},
    "sd3": {
        "_class_name": "SD3ControlNetModel",
        "in_channels": 16,
        "joint_attention_dim": None,
        "num_attention_heads": 38,
        "attention_head_dim": 64,
    },
    "flux": {
        "_class_name": "FluxControlNetModel",
        "in_channels": 64,
        "joint_attention_dim": 4096,
        "num_attention_heads": 24,
        "attention_head_dim": 128,
        "num_mode": 10,
    },
}


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "controlnets").mkdir()
    return tmp_path / "controlnets"


def known(home: Path) -> ControlNets:
    return ControlNets(Settings(home=home.parent))


def write_folder(folder: Path, config: dict) -> Path:
    write_json(folder / "config.json", config)
    write_safetensors(folder / "diffusion_pytorch_model.safetensors")
    return folder


def single_file(path: Path, network: networks.Network) -> Path:
    shapes = {name: shape or (2, 3) for name, shape in network.signature.keys.items()}
    if network.modes:
        shapes["task_embedding"] = (8, 320)
    return write_safetensors(path, shapes)


def test_the_projects_controlnets_are_all_well_formed(home):
    there = known(home)
    assert there.faults == {}
    assert {one.family for one in there.values()} >= {"starter", "sd15", "sdxl", "sd3", "flux"}
    for one in there.values():
        assert one.kinds
        assert set(one.kinds) <= set(CONTROLS)
        assert one.folder or (one.summary.endswith(".") and one.licence and one.download_bytes)


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        ("sd15", {"canny", "depth", "pose", "scribble", "lineart", "tile", "ip_adapter"}),
        ("sdxl", {"canny", "depth", "pose", "scribble", "lineart", "tile", "ip_adapter"}),
        ("sd3", {"canny", "depth"}),
        ("flux", {"canny", "depth", "pose"}),
    ],
)
def test_each_family_has_controlnets_to_be_downloaded(home, family, kinds):
    there = known(home)
    assert {kind for name in there.fitting(family) for kind in there[name].kinds} == kinds
    assert all(there.fitting(family, kind) for kind in kinds)


def test_the_starters_own_are_told_by_their_config_and_can_be_loaded(home):
    one = known(home)["starter-canny"]
    assert (one.family, one.kinds, one.network, one.modes) == ("starter", ("canny",), "ControlNetModel", ())
    assert one.folder == STARTER
    assert known(home).why_not(one) is None
    assert known(home).place(one) == STARTER
    assert known(home).config(one)["cross_attention_dim"] == WORDS_WIDTH
    assert known(home).size_bytes(one) == (STARTER / "diffusion_pytorch_model.safetensors").stat().st_size


@pytest.mark.parametrize("family", CONFIGS)
def test_a_folder_in_the_home_is_told_by_its_config_and_its_name(home, family):
    folder = write_folder(home / "my-OpenPose-v2", CONFIGS[family])
    one = known(home)["my-OpenPose-v2"]
    assert (one.family, one.folder, one.name) == (family, folder, "my-OpenPose-v2")
    assert one.kinds == (("canny", "tile", "depth", "pose") if family == "flux" else ("pose",))
    assert one.network == CONFIGS[family]["_class_name"]
    assert one.width == {"sd3": 2432, "flux": 3072}.get(family)
    assert known(home).why_not(one) is None
    assert "my-OpenPose-v2" in known(home).fitting(family, "pose")


@pytest.mark.parametrize("network", SINGLE, ids=lambda each: f"{each.family}-{len(each.signature.keys)}")
def test_a_single_file_is_told_by_its_tensors(home, network):
    file = single_file(home / "painter_scribble.safetensors", network)
    one = known(home)["painter_scribble"]
    assert (one.family, one.file, one.single_file) == (network.family, file, True)
    assert "scribble" in one.kinds
    assert one.network == network.signature.denoiser
    assert known(home).why_not(one) is None
    assert known(home).place(one) == file
    config = known(home).config(one)
    assert config["_class_name"] == network.signature.denoiser
    assert config.get("num_control_type") == (8 if network.modes else None)


@pytest.mark.parametrize("cls", [ControlNetModel, ControlNetUnionModel])
def test_the_config_of_a_single_file_builds_the_very_network_of_sdxl(home, cls):
    (network,) = [each for each in SINGLE if each.family == "sdxl" and each.signature.denoiser == cls.__name__]
    single_file(home / "painter.safetensors", network)
    config = known(home).config(known(home)["painter"])
    with torch.device("meta"):
        built = cls.from_config({**config, "transformer_layers_per_block": [1, 1, 1]})
    shapes = {name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}
    assert networks.of_tensors(shapes) is network
    assert networks.mode_count_of_tensors(shapes) == config.get("num_control_type", 0)


@pytest.mark.parametrize("family", ["sd15", "sd21"])
def test_the_config_of_a_single_file_builds_the_very_network(home, family):
    network = next(each for each in SINGLE if each.family == family)
    single_file(home / "painter.safetensors", network)
    with torch.device("meta"):
        built = ControlNetModel.from_config(known(home).config(known(home)["painter"]))
    assert networks.of_tensors({name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}) is network


def test_a_union_has_a_number_for_each_kind_it_was_taught(home):
    union = next(network for network in SINGLE if network.modes)
    single_file(home / "all.safetensors", union)
    write_folder(home / "six", {"_class_name": "ControlNetUnionModel", "cross_attention_dim": 2048})
    there = known(home)
    assert [there["all"].mode(kind) for kind in ("pose", "canny", "tile", "map")] == [0, 3, 6, None]
    assert [there["six"].mode(kind) for kind in ("pose", "canny", "tile")] == [0, 3, None]
    assert not there["six"].follows("map")
    assert there["sdxl-union"].network == "ControlNetUnionModel"
    assert there["sdxl-union"].mode("depth") == 1
    assert there["sdxl-canny"].mode("canny") is None


def test_what_names_the_kind_comes_first_and_what_is_here_before_the_hub(home):
    write_folder(home / "anything", CONFIGS["sd15"])
    write_folder(home / "my-canny", CONFIGS["sd15"])
    assert known(home).fitting("sd15", "canny") == ["my-canny", "sd15-canny", "anything"]
    assert known(home).fitting("sd15_inpaint", "canny") == known(home).fitting("sd15", "canny")
    assert known(home).fitting("sd21") == []
    maps = {name for name in known(home).fitting("sd15") if not known(home)[name].is_prompt}
    assert set(known(home).fitting("sd15", "map")) == maps


def test_a_toml_says_what_cannot_be_seen(home):
    single_file(home / "painter.safetensors", SINGLE[0])
    (home / "painter.toml").write_text('name = "The Painter"\nkinds = ["tile"]\n')
    one = known(home)["painter"]
    assert (one.name, one.family, one.kinds) == ("The Painter", "sd15", ("tile",))


def test_a_toml_that_errs_is_a_fault_that_names_it(home):
    write_folder(home / "painter", CONFIGS["sd15"])
    (home / "painter.toml").write_text('family = "sdxl"\n')
    (home / "nothing.toml").write_text('family = "sdxl"\n')
    (home / "stray.toml").write_text('family = "sdxl"\nrepo = "a/b"\nkind = "canny"\n')
    there = known(home)
    assert 'said to be sdxl, but its weights are for sd15. Write family = "sd15"' in str(there.faults["painter"])
    assert "does not say where the weights are" in str(there.faults["nothing"])
    assert "there is no key `kind`" in str(there.faults["stray"])
    with pytest.raises(ModelError, match="said to be sdxl"):
        there["painter"]


def test_one_of_another_family_is_refused_with_the_names_of_both(home):
    there, models = known(home), Catalogue(Settings(home=home.parent))
    there.check_fit(there["starter-canny"], models["starter"])
    with pytest.raises(InvalidRecipe) as refused:
        there.check_fit(there["sdxl-canny"], models["starter"])
    assert refused.value.field == "controls"
    assert "is a ControlNet for Stable Diffusion XL; Starter is" in refused.value.message
    assert refused.value.hint.startswith("Available for it: starter-canny")
    with pytest.raises(InvalidRecipe, match=r"Stable Diffusion 2\.1.* Put one for it into .*controlnets"):
        there.check_fit(there["sd15-canny"], models["sd21"])


def test_one_for_a_larger_model_of_the_family_is_refused(home, tmp_path):
    there, medium = known(home), Catalogue(Settings(home=home.parent))["sd35-medium"]
    place = tmp_path / "medium"
    sizes = {"joint_attention_dim": 4096, "num_attention_heads": 24, "attention_head_dim": 64}
    write_json(place / "transformer" / "config.json", sizes)
    assert there.fitting("sd3", "canny", place) == ["sd35-canny"]
    there.check_fit(there["sd35-canny"], medium, place)
    with pytest.raises(InvalidRecipe, match=r"of another size: it is 2432 wide, Stable Diffusion 3\.5 Medium 1536"):
        there.check_fit(there["sd35-large-canny"], medium, place)


def test_one_that_is_not_here_says_so_while_the_hub_is_off(home):
    there = known(home)
    for name in ("sd15-canny", "sd15-tile"):
        assert not there.present(there[name])
        assert there.location(there[name]) is None
        assert "is not on this disk, and the hub is switched off" in str(there.why_not(there[name]))
        with pytest.raises(ModelError, match="Unset HF_HUB_OFFLINE to download"):
            there.place(there[name])


def test_one_whose_weights_are_missing_cut_off_or_a_pickle_is_refused(home):
    write_folder(home / "bare", CONFIGS["sd15"])
    (home / "bare" / "diffusion_pytorch_model.safetensors").unlink()
    write_folder(home / "pickled", CONFIGS["sd15"])
    path = home / "pickled" / "diffusion_pytorch_model.safetensors"
    path.rename(path.with_suffix(".bin"))
    shutil.copytree(STARTER, home / "cut")
    path = home / "cut" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    there = known(home)
    assert "holds no weights" in str(there.why_not(there["bare"]))
    assert "is a pickle" in str(there.why_not(there["pickled"]))
    assert "is damaged" in str(there.why_not(there["cut"]))


def test_weights_beside_the_config_of_another_family_are_refused(home):
    (sdxl,) = [each for each in SINGLE if each.family == "sdxl" and not each.modes]
    write_json(home / "mixed" / "config.json", CONFIGS["sd15"])
    single_file(home / "mixed" / "diffusion_pytorch_model.safetensors", sdxl)
    fault = str(known(home).why_not(known(home)["mixed"]))
    assert "is a ControlNet for Stable Diffusion XL, not for Stable Diffusion 1.5 as its config says" in fault


def test_what_is_no_controlnet_is_a_fault_that_says_why(home):
    (home / "pickle.pth").write_bytes(b"a pickle")
    (home / "empty").mkdir()
    (home / "garbled.safetensors").write_bytes(b"not in the format")
    write_folder(home / "adapter", {"_class_name": "T2IAdapter"})
    write_safetensors(home / "lora.safetensors")
    flux = next(network for network in NETWORKS if network.family == "flux")
    write_safetensors(home / "flux.safetensors", dict.fromkeys(flux.signature.keys, (2, 3)))
    faults = {name: str(fault) for name, fault in known(home).faults.items()}
    assert "is a pickle" in faults["pickle"]
    assert "has no config.json" in faults["empty"]
    assert "is damaged" in faults["garbled"]
    assert (
        "adapter is neither a ControlNet nor an IP-Adapter that the studio knows. It must be a ControlNet for FLUX.1, "
        in faults["adapter"]
    )
    assert "lora.safetensors is neither a ControlNet nor an IP-Adapter" in faults["lora"]
    assert "a ControlNet for FLUX.1, lacks its config.json, which says its size. Put both" in faults["flux"]


def test_an_unknown_one_is_named_with_the_closest_first(home):
    with pytest.raises(ModelError, match=r"no ControlNet 'sd15-cany'\. Did you mean sd15-canny .*Known are: "):
        known(home)["sd15-cany"]
    assert "sd15-cany" not in known(home)


def test_the_kinds_of_network_differ(home):
    assert {each.family for each in NETWORKS} <= set(FAMILIES)
    for network in NETWORKS:
        config = {"_class_name": network.signature.denoiser, **network.signature.facts}
        assert networks.of_config(config).family == network.family
    assert networks.of_tensors(tensor_shapes(STARTER / "diffusion_pytorch_model.safetensors")) is None
    assert networks.of_config(json.loads((STARTER / "config.json").read_text())).family == "starter"


def test_equal_controlnets_are_one_key(home):
    table = {known(home)["sdxl-union"]: 1}
    assert known(home)["sdxl-union"] in table
    with pytest.raises(ValueError, match="exactly one of the keys"):
        ControlNet(id="x", name="x", family="sd15")
