"""Which files of a folder or repository are a network's weights."""

from pathlib import Path

import pytest

from studio.catalogue import checkpoints, variants
from studio.catalogue.models import Catalogue
from studio.errors import ModelError
from studio.settings import Settings
from tests.headers import write_safetensors

PLAIN, HALF = "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"
SHARDS = [f"model-0000{k}-of-00002.safetensors" for k in (1, 2)]
HALF_SHARDS = [f"model.fp16-0000{k}-of-00002.safetensors" for k in (1, 2)]


@pytest.mark.parametrize(
    ("names", "wanted", "taken"),
    [
        ([PLAIN, HALF], None, None),
        ([PLAIN, HALF], "fp16", "fp16"),
        ([PLAIN], "fp16", None),
        ([HALF], None, "fp16"),
        (["model.bf16.safetensors"], None, "bf16"),
        (["model.bf16.safetensors", "model.fp16.safetensors"], None, "fp16"),
        (["diffusion_pytorch_model.non_ema.safetensors"], None, "non_ema"),
        (HALF_SHARDS, None, "fp16"),
        (["model-00001-of-00002.fp16.safetensors"], None, "fp16"),
        (["model.safetensors.index.fp16.json"], None, "fp16"),
        (["config.json", "model.bin"], None, None),
    ],
)
def test_the_wanted_variant_is_taken_else_the_plain_one_else_the_only_one(names, wanted, taken):
    assert variants.choose("unet", names, wanted) == taken


def test_of_several_strange_variants_one_has_to_be_named():
    names = [f"model.{variant}.safetensors" for variant in ("int8", "non_ema")]
    with pytest.raises(ModelError, match=r"unet holds its weights in 2 variants: int8, non_ema\. Say which"):
        variants.choose("unet", names)
    assert variants.choose("unet", names, "int8") == "int8"


def test_of_a_repository_only_what_a_model_needs_is_chosen():
    named = {
        "": ["README.md", "model_index.json", "model.ckpt", "single.safetensors"],
        "unet/": ["config.json", PLAIN, HALF, "diffusion_pytorch_model.bin", "model.onnx"],
        "text_encoder_2/": ["config.json", *SHARDS, "model.safetensors.index.json", *HALF_SHARDS],
        "vae/": ["config.json", HALF],
        "vae_1_0/": ["config.json", PLAIN],
        "tokenizer/": ["vocab.json", "merges.txt", "spiece.model"],
        "scheduler/": ["scheduler_config.json"],
        "safety_checker/": ["config.json", "model.safetensors"],
        "unet/deeper/": ["config.json"],
    }
    names = [folder + name for folder, files in named.items() for name in files]
    chosen = checkpoints.repo_files("some/model", names)
    assert chosen[0] == "model_index.json"
    assert set(chosen) == {
        "model_index.json",
        *("unet/config.json", f"unet/{PLAIN}", "vae/config.json", f"vae/{HALF}", "scheduler/scheduler_config.json"),
        *(f"text_encoder_2/{name}" for name in ("config.json", *SHARDS, "model.safetensors.index.json")),
        *("tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/spiece.model"),
    }
    half = checkpoints.repo_files("some/model", names, "fp16", checker=True)
    assert f"unet/{HALF}" in half
    assert f"unet/{PLAIN}" not in half
    assert "safety_checker/model.safetensors" in half


def test_a_repository_without_fit_weights_is_refused_before_anything_is_fetched():
    with pytest.raises(ModelError, match=r"some/model holds no model in diffusers format: it has no model_index"):
        checkpoints.repo_files("some/model", ["model.safetensors"])
    with pytest.raises(ModelError, match="is a pickle"):
        checkpoints.repo_files("some/model", ["model_index.json", "unet/config.json", "unet/model.bin"])


def test_a_folder_of_one_file_is_that_file(tmp_path: Path):
    shapes = {
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
        "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": (77, 768),
        "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    }
    folder = tmp_path / "models" / "mine"
    file = write_safetensors(folder / "someones-name.fp16.safetensors", shapes)
    (folder / "README.md").write_text("From the hub.")
    model = Catalogue(Settings(home=tmp_path))["mine"]
    assert (model.file, model.family) == (file, "sd15")
