"""VAEs that stand in for a model's own: told by their headers and configs, each for models whose latents it knows."""

from pathlib import Path

import pytest

from studio.catalogue.models import Catalogue
from studio.catalogue.vaes import Vaes
from studio.settings import Settings
from tests.headers import Shapes, write_json, write_model, write_safetensors


def vae(channels: int = 4, prefix: str = "") -> Shapes:
    ends = {"decoder.conv_in.weight": (512, channels, 3, 3), "encoder.conv_in.weight": (128, 3, 3, 3)}
    return {f"{prefix}{end}": shape for end, shape in ends.items()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for family in ("sd15", "sdxl", "sd3"):
        write_model(tmp_path / "models" / family, family)
    return tmp_path


def fits(home: Path, name: str) -> set[str]:
    settings = Settings(home=home)
    known = Vaes(settings)
    return {model.id for model in Catalogue(settings).values() if name in known.fitting(model)} & {
        "sd15",
        "sdxl",
        "sd3",
    }


@pytest.mark.parametrize("prefix", ["", "first_stage_model.", "vae."])
def test_a_single_file_is_for_models_of_as_many_channels(home: Path, prefix: str) -> None:
    write_safetensors(home / "vaes" / "four.safetensors", vae(4, prefix))
    write_safetensors(home / "vaes" / "many.safetensors", vae(16, prefix))
    assert fits(home, "four") == {"sd15", "sdxl"}
    assert fits(home, "many") == {"sd3"}


def test_a_single_file_that_says_its_model_is_for_no_other(home: Path) -> None:
    said = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    write_safetensors(home / "vaes" / "xl.safetensors", vae(), said)
    assert fits(home, "xl") == {"sdxl"}


@pytest.mark.parametrize(("scale", "families"), [(0.18215, {"sd15"}), (0.13025, {"sdxl"}), (0.5, {"sd15", "sdxl"})])
def test_a_folder_is_told_by_how_its_latents_are_scaled(home: Path, scale: float, families: set[str]) -> None:
    write_json(home / "vaes" / "mine" / "config.json", {"_class_name": "AutoencoderKL", "scaling_factor": scale})
    write_safetensors(home / "vaes" / "mine" / "diffusion_pytorch_model.safetensors", vae())
    assert fits(home, "mine") == families


def test_what_is_no_vae_has_a_fault_with_its_cure(home: Path) -> None:
    write_safetensors(home / "vaes" / "ink.safetensors", {"lora_unet_conv_in.lora_down.weight": (4, 4, 3, 3)})
    write_safetensors(home / "vaes" / "half.safetensors", {"decoder.conv_in.weight": (512, 4, 3, 3)})
    write_safetensors(home / "vaes" / "film.safetensors", {k: (*s, 3) for k, s in vae().items()})
    (home / "vaes" / "old.ckpt").write_bytes(b"pickle")
    (home / "vaes" / "bare").mkdir()
    (home / "vaes" / "page.safetensors").write_bytes(b"<!DOCTYPE html><html>Sign in</html>")
    says = {
        "ink": "it is a LoRA. Move it into loras",
        "half": "it has no encoder",
        "film": "made for video",
        "old": "is a pickle",
        "bare": "it has no config.json",
        "page": "is a web page",
    }
    known = Vaes(Settings(home=home))
    assert {name: words in str(known.faults[name]) for name, words in says.items()} == dict.fromkeys(says, True)
    assert "There is no VAE" in str(known.missing("nothing"))
