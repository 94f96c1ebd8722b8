import json

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from peft.tuners.tuners_utils import BaseTunerLayer
from PIL import Image
from safetensors import safe_open

from studio.errors import InvalidTrainingData, ModelError
from studio.training import lora
from studio.training.adapters import save_kohya, save_lora
from studio.training.denoising import networks_of
from studio.training.loop import Plan, Team
from studio.training.lora import Shape, train_lora
from studio.training.pictures import PictureFolder, find_pictures

CPU = torch.device("cpu")
SIDE = 32


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        pixels = rng.integers(0, 256, (SIDE, SIDE + 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"a picture of the {name}\n", "utf-8")
    return folder


def train(model, pictures, work, reach="attention", steps=2, stop=None):
    """A tiny model with an adapter that was trained for a few steps; large ones, so that they show."""
    networks = networks_of(model, CPU)
    data = PictureFolder(find_pictures(pictures, "sks"), SIDE, networks.ids)
    work.mkdir(exist_ok=True)
    plan = Plan("tiny", 2, 0.05, steps=steps)
    complete = train_lora(networks, data, Shape(rank=2, alpha=4, reach=reach), plan, Team(work), stop_after=stop)
    assert complete == (stop is None)
    return networks


def paint(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(0)
    return pipeline("sks", num_inference_steps=2, height=64, width=64, generator=noise, output_type="np").images[0]


def attached(pipeline):
    """The tensors of the adapters on the denoiser, those that change nothing left out."""
    layers = [layer for layer in pipeline.unet.modules() if isinstance(layer, BaseTunerLayer)]
    return [
        value for layer in layers for name, value in layer.named_parameters() if ".weight" in name and "lora_" in name
    ]


def tensors_in(path):
    with safe_open(path, "pt") as file:
        return [name for name in file.keys() if not name.endswith(".alpha")]  # noqa: SIM118 - it is no mapping


@pytest.mark.parametrize(("family", "reach"), [("sd15", "everything"), ("sd21", "attention"), ("sdxl", "everything")])
def test_both_formats_attach_whole_in_the_stock_pipeline_and_draw_alike(tiny_model, pictures, tmp_path, family, reach):
    unet = train(tiny_model(family), pictures, tmp_path / "work", reach).unet
    save_lora(unet, tmp_path / "a.safetensors", {})
    save_kohya(unet, tmp_path / "b.safetensors", {})
    pipeline = DiffusionPipeline.from_pretrained(tiny_model(family))
    plain, shown = paint(pipeline), []
    for name in ("a", "b"):
        pipeline.load_lora_weights(tmp_path, weight_name=f"{name}.safetensors", adapter_name=name)
        assert len(attached(pipeline)) == len(tensors_in(tmp_path / f"{name}.safetensors"))
        shown.append(paint(pipeline))
        pipeline.unload_lora_weights()
    assert np.abs(shown[0] - plain).max() > 0.02
    assert np.abs(shown[0] - shown[1]).max() < 1e-4
    assert np.array_equal(paint(pipeline), plain)


def test_at_scale_0_it_is_the_base_bit_for_bit(tiny_model, pictures, tmp_path):
    save_lora(train(tiny_model("sd15"), pictures, tmp_path / "work").unet, tmp_path / "a.safetensors", {})
    pipeline = DiffusionPipeline.from_pretrained(tiny_model("sd15"))
    plain = paint(pipeline)
    pipeline.load_lora_weights(tmp_path, weight_name="a.safetensors", adapter_name="a")
    pipeline.set_adapters(["a"], [0.0])
    assert np.array_equal(paint(pipeline), plain)


def test_a_resumed_training_ends_with_the_same_adapter(tiny_model, pictures, tmp_path):
    whole = train(tiny_model("sd15"), pictures, tmp_path / "whole")
    train(tiny_model("sd15"), pictures, tmp_path / "parts", stop=1)
    parts = train(tiny_model("sd15"), pictures, tmp_path / "parts")
    assert all(torch.equal(a, b) for a, b in zip(whole.unet.parameters(), parts.unet.parameters(), strict=True))


def test_the_command_writes_a_file_that_says_what_it_is(tiny_model, pictures, tmp_path, monkeypatch):
    out = tmp_path / "mine.safetensors"
    asked = ["--model", tiny_model("sd15"), "--pictures", pictures, "--trigger", "sks", "--out", out, "--steps", 1]
    for extra, name in ([], ".lora_A.weight"), (["--kohya"], ".lora_down.weight"):
        monkeypatch.setattr("sys.argv", [str(part) for part in ["lora", *asked, "--side", SIDE, "--rank", 2, *extra]])
        lora.main()
        with safe_open(out, "pt") as file:
            facts = file.metadata()
        assert any(tensor.endswith(name) for tensor in tensors_in(out))
        assert facts["ss_base_model_version"] == "sd_v1"
        assert facts["ss_network_dim"] == facts["ss_network_alpha"] == "2"
        assert json.loads(facts["ss_tag_frequency"])["pictures"]["sks, a picture of the one"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.safetensors", "pictures"]


def test_the_command_says_what_is_wrong_in_one_line(tiny_model, tmp_path, monkeypatch):
    asked = ["--model", tiny_model("sd15"), "--pictures", tmp_path, "--out", tmp_path / "a.safetensors"]
    monkeypatch.setattr("sys.argv", ["lora", *map(str, asked)])
    with pytest.raises(SystemExit, match="holds no pictures"):
        lora.main()


def test_a_file_that_would_not_be_what_its_ending_says_is_refused(tiny_model, tmp_path, monkeypatch):
    asked = ["--model", tiny_model("sd15"), "--pictures", tmp_path, "--out", tmp_path / "a.pt"]
    monkeypatch.setattr("sys.argv", ["lora", *map(str, asked)])
    with pytest.raises(SystemExit, match=r"--out: a\.pt has the wrong ending"):
        lora.main()


def test_a_folder_without_pictures_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InvalidTrainingData, match="holds no pictures"):
            find_pictures(folder, "sks")


def test_a_picture_that_cannot_be_read_is_named(pictures):
    (pictures / "broken.png").write_bytes((pictures / "one.png").read_bytes()[:60])
    with pytest.raises(InvalidTrainingData, match=r"broken\.png cannot be read as a picture"):
        find_pictures(pictures, "sks")


def test_a_missing_caption_is_named_unless_a_trigger_or_one_caption_stands_for_it(pictures):
    (pictures / "two.txt").unlink()
    with pytest.raises(InvalidTrainingData, match=r"two\.png has no caption: two\.txt is missing"):
        find_pictures(pictures)
    assert [picture.caption for picture in find_pictures(pictures, "sks")] == ["sks, a picture of the one", "sks"]
    assert {picture.caption for picture in find_pictures(pictures, caption="the sea")} == {"the sea"}


def test_a_trigger_that_is_in_the_caption_is_not_said_twice(pictures):
    assert find_pictures(pictures, "picture")[0].caption == "a picture of the one"


def test_each_turn_shows_each_picture_once_and_a_seed_draws_the_same(pictures):
    data = [PictureFolder(find_pictures(pictures), SIDE, lambda _: torch.zeros(1, 3), seed) for seed in (1, 1, 2)]
    shown = [[part[index]["images"] for index in range(6)] for part in data]
    assert all(torch.equal(a, b) for a, b in zip(shown[0], shown[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(shown[0], shown[2], strict=True))
    assert all(not torch.allclose(shown[0][turn][:, :, 8], shown[0][turn + 1][:, :, 8]) for turn in (0, 2, 4))
    assert shown[0][0].shape == (3, SIDE, SIDE)
    assert -1 <= float(shown[0][0].min()) < float(shown[0][0].max()) <= 1


def test_a_family_that_cannot_be_trained_is_refused(tiny_model):
    with pytest.raises(ModelError, match="FLUX"):
        networks_of(tiny_model("flux"), CPU)
