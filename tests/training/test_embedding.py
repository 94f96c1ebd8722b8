import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from studio.errors import InvalidTrainingData, ModelError
from studio.training import embedding
from studio.training.denoising import networks_of
from studio.training.embedding import add_word, spelt

CPU = torch.device("cpu")
WORD = "<mine>"


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / "one.png")
    return folder


def ask(monkeypatch, model, pictures, out, *more):
    asked = ["--model", model, "--pictures", pictures, "--out", out, "--steps", 1, "--side", 32, *more]
    monkeypatch.setattr("sys.argv", ["embedding", *map(str, asked)])
    embedding.main()


def test_the_stock_pipeline_reads_the_new_word_as_training_did(tiny_model, pictures, tmp_path, monkeypatch):
    ask(monkeypatch, tiny_model("sd15"), pictures, tmp_path / "mine.safetensors", "--trigger", WORD, "--start", "the")
    pipeline = DiffusionPipeline.from_pretrained(tiny_model("sd15"))
    start = pipeline.text_encoder.get_input_embeddings().weight[pipeline.tokenizer("the").input_ids[1]].detach()
    pipeline.load_textual_inversion(tmp_path, weight_name="mine.safetensors")
    ids = pipeline.tokenizer(pipeline.maybe_convert_prompt(f"a {WORD}", pipeline.tokenizer)).input_ids
    learned = pipeline.text_encoder.get_input_embeddings().weight[ids[2:4]].detach()
    assert len(ids) == 1 + 1 + 2 + 1
    assert 0 < float((learned - start).abs().max()) < 0.1
    networks = networks_of(tiny_model("sd15"), CPU)
    add_word(networks, WORD, "the", 2).vectors.data.copy_(learned)
    own = networks.conditions(networks.ids(spelt(f"a {WORD}", WORD, 2))[None], 32)["encoder_hidden_states"]
    assert torch.allclose(own, pipeline.encode_prompt(f"a {WORD}", CPU, 1, do_classifier_free_guidance=False)[0])


def test_a_word_that_the_model_knows_is_refused(tiny_model):
    with pytest.raises(InvalidTrainingData, match="'the' already"):
        add_word(networks_of(tiny_model("sd15"), CPU), "the", "a", 1)


def test_a_model_with_two_text_encoders_is_refused(tiny_model):
    with pytest.raises(ModelError, match="two text encoders"):
        add_word(networks_of(tiny_model("sdxl"), CPU), WORD, "the", 1)


def test_the_command_asks_for_the_word(tiny_model, pictures, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="new word is missing"):
        ask(monkeypatch, tiny_model("sd15"), pictures, tmp_path / "mine.safetensors", "--caption", "a picture")
