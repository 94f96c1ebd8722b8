import json

import pytest

from studio.catalogue.checkpoints import family_of_file, family_of_folder, tensor_shapes, weights
from studio.errors import ModelError
from studio.families import FAMILIES
from tests.headers import write_configs, write_json, write_model, write_safetensors, write_single_file

WITH_SINGLE_FILES = [name for name, family in FAMILIES.items() if family.signature.keys]


def test_shapes_are_read_without_the_tensors(tmp_path):
    path = write_safetensors(tmp_path / "m.safetensors", {"a": (4, 2), "b": ()})
    assert tensor_shapes(path) == {"a": (4, 2), "b": ()}


def test_the_header_is_that_of_the_reference_writer(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3, 5), "b": torch.zeros(2, dtype=torch.float16)}, tmp_path / "m.safetensors")
    assert tensor_shapes(tmp_path / "m.safetensors") == {"a": (3, 5), "b": (2,)}


@pytest.mark.parametrize("kept", [0, 5, 60, -1])
def test_a_truncated_file_is_seen(tmp_path, kept):
    path = write_safetensors(tmp_path / "m.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[:kept])
    with pytest.raises(ModelError, match=r"m\.safetensors is damaged.*get the file again"):
        tensor_shapes(path)


@pytest.mark.parametrize(
    "header",
    [b"[1, 2]", b'{"a": 3}', b'{"a": {"shape": [1]}}', b"{" * 9, b'{"a": {"shape": ["x"], "data_offsets": [0, 0]}}'],
)
def test_a_garbled_header_is_seen(tmp_path, header):
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="header is garbled"):
        tensor_shapes(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"m\.safetensors cannot be read: No such file"):
        tensor_shapes(tmp_path / "m.safetensors")


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt", ".PTH"])
def test_a_pickle_is_refused_unopened(tmp_path, suffix):
    with pytest.raises(ModelError, match=r"pickle, which can run any program.*safetensors"):
        tensor_shapes(tmp_path / f"not-there{suffix}")


@pytest.mark.parametrize("name", WITH_SINGLE_FILES)
def test_a_single_file_is_of_its_family(tmp_path, name):
    assert family_of_file(write_single_file(tmp_path / "m.safetensors", name)) == name


def test_a_file_of_other_tensors_is_of_no_family(tmp_path):
    assert family_of_file(write_safetensors(tmp_path / "lora.safetensors")) is None


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_is_of_its_family(tmp_path, name):
    assert family_of_folder(write_configs(tmp_path, name)) == name


def test_a_folder_without_denoiser_is_of_no_family(tmp_path):
    assert family_of_folder(tmp_path) is None


def test_the_weights_of_each_part_are_found(tmp_path):
    write_model(tmp_path, "sd15")
    assert [str(path.relative_to(tmp_path)) for path in weights(tmp_path)] == [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    ]


def test_a_variant_is_taken_where_it_is_there(tmp_path):
    write_model(tmp_path, "sd15")
    write_safetensors(tmp_path / "unet/diffusion_pytorch_model.fp16.safetensors")
    assert [path.name for path in weights(tmp_path, "fp16")] == [
        "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.safetensors",
        "model.safetensors",
    ]


def test_every_shard_has_to_be_there(tmp_path):
    write_model(tmp_path, "sd15")
    whole = tmp_path / "unet/diffusion_pytorch_model.safetensors"
    whole.unlink()
    names = [f"diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    write_json(whole.with_suffix(".safetensors.index.json"), {"weight_map": {"a": names[0], "b": names[1]}})
    write_safetensors(tmp_path / "unet" / names[0])
    with pytest.raises(ModelError, match=r"00002-of-00002\.safetensors is missing"):
        weights(tmp_path)
    write_safetensors(tmp_path / "unet" / names[1])
    assert [path.name for path in weights(tmp_path)][:2] == names


def test_a_part_that_is_only_there_as_a_pickle_is_refused(tmp_path):
    write_model(tmp_path, "sd15")
    (tmp_path / "vae/diffusion_pytorch_model.safetensors").rename(tmp_path / "vae/diffusion_pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        weights(tmp_path)


def test_a_part_without_weights_is_named(tmp_path):
    write_configs(tmp_path, "sd15")
    with pytest.raises(ModelError, match=r"unet holds no weights"):
        weights(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"_class_name": "StableDiffusionPipeline"})])
def test_a_damaged_index_is_named(tmp_path, text):
    (tmp_path / "model_index.json").write_text(text)
    with pytest.raises(ModelError, match=r"model_index\.json"):
        weights(tmp_path)
