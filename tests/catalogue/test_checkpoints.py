import json

import pytest

from studio.catalogue.checkpoints import family_of_file, family_of_folder, weights
from studio.catalogue.tensor_files import MOST_TENSORS, tensor_shapes
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
    with pytest.raises(ModelError, match="header"):
        tensor_shapes(path)


def tensor(dtype: str, shape: list[object], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("tensors", "data_bytes", "says"),
    [
        ({"a": tensor("F16", [2], 0, 4), "b": tensor("F16", [2], 2, 6)}, 6, "b lies over another tensor"),
        ({"a": tensor("F16", [2], 0, 4), "b": tensor("F16", [2], 8, 12)}, 12, "b follows a gap"),
        ({"a": tensor("F32", [2, 3], 0, 12)}, 12, "a has 12 bytes where its shape takes 24"),
        ({"a": tensor("F32", [2**40, 2**40], 0, 12)}, 12, "a has 12 bytes where its shape takes"),
        ({"a": tensor("F16", [2], 0, 4)}, 6, "holds 6 bytes of weights where its header promises 4"),
        ({"a": tensor("F16", [2], 4, 0)}, 4, "a follows a gap"),
        ({"a": tensor("F16", [-2], 0, 4)}, 4, "its header is garbled"),
        ({"a": tensor("F16", [1.5], 0, 3)}, 3, "its header is garbled"),
        ({"a": tensor("F16", [2**64], 0, 4)}, 4, "its header is garbled"),
        ({"a": tensor("object", [1], 0, 4)}, 4, "its header is garbled"),
        ({"a": tensor("F16", [[[1]]], 0, 4)}, 4, "its header is garbled"),
        ({"__metadata__": {"ss_tag_frequency": {}}}, 0, "notes .* are not texts"),
    ],
)
def test_tensors_that_do_not_lie_side_by_side_in_their_file_are_seen(tmp_path, tensors, data_bytes, says):
    text = json.dumps(tensors).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(data_bytes))
    with pytest.raises(ModelError, match=says):
        tensor_shapes(path)


@pytest.mark.parametrize(
    "header", [b"[" * 100_000, b'{"a":' * 50_000, b'{"a": {"shape": [%s]}}' % (b"9" * 9000)], ids=["lists", "maps", "9"]
)
def test_a_header_that_is_nested_or_counted_to_harm_is_seen(tmp_path, header):
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match=r"its header (is nested|holds a number)"):
        tensor_shapes(path)


def test_a_header_of_too_many_tensors_is_seen(tmp_path):
    shapes = {f"t{n}": (0,) for n in range(MOST_TENSORS + 1)}
    with pytest.raises(ModelError, match=f"lists {MOST_TENSORS + 1} tensors"):
        tensor_shapes(write_safetensors(tmp_path / "m.safetensors", shapes))


def test_every_number_format_of_the_reference_writer_is_known(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import _TYPES, save_file

    tensors = {name: torch.zeros(2, dtype=dtype) for name, dtype in _TYPES.items()}
    save_file(tensors, tmp_path / "m.safetensors")
    assert set(tensor_shapes(tmp_path / "m.safetensors")) == set(_TYPES)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\n<!DOCTYPE html><html>Sign in</html>", r"is a web page, not weights\. The site asks for a login"),
        (b'{"error": "Unauthorized"}', r"is a site's answer, not weights\. The site asks for a login"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS.*`git lfs pull`"),
        (b"PK\x03\x04\0\0\x08\x08archive/data.pkl" + bytes(40), "is a renamed pickle.*Get it as .safetensors"),
        (b"\x80\x02}q\x00X\x05\x00\x00\x00model" + bytes(40), "is a renamed pickle"),
        (b"PK\x03\x04\x14\0\x08\x08ink.safetensors" + bytes(40), "is an archive. Unpack it"),
        (b"GGUF\x03\0\0\0" + bytes(40), "is a GGUF file.*Get it as .safetensors"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "is a picture"),
        (b"", r"is damaged: it is empty\. .*get the file again"),
        (bytes(4096), "is damaged: it is empty space.*get the file again"),
        (b'\x7b\x22\0\0\0\0\0\0{"a"', "is damaged: it ends within its header"),
    ],
)
def test_what_only_has_the_name_of_weights_is_named_as_what_it_is(tmp_path, content, says):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content * (40 if content.startswith(b"\n<") else 1))
    with pytest.raises(ModelError, match=rf"x\.safetensors {says}"):
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
