"""A data folder for commands, with a tiny model and what stands beside one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny
from tests.cli.asking import MODEL


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Callable[[str], Path]) -> Path:
    """A data folder with one tiny model of Stable Diffusion 1.5's classes."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model("sd15"), home / "models" / MODEL)
    tiny.controlnet(home / "models" / MODEL, home / "controlnets" / "canny")
    tiny.ip_adapter(home / "models" / MODEL, home / "ip-adapters" / "image.safetensors")
    tiny.image_encoder(home / "ip-adapters" / "encoder")
    return home


@pytest.fixture(autouse=True)
def _studio_home(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOME", str(home))
