"""What the tests of a deployment share: a hub on loopback, and a small project."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from pydantic import SecretStr

from studio.deploy import Hub
from studio.deploy.watch import Timeouts
from studio.settings import Settings
from tests.deploy import hub_server

QUICK = Timeouts(whole=20, between=0.01, end=5)


def pytest_configure(config: pytest.Config) -> None:
    # The client's own way of sending a large file.
    config.addinivalue_line("filterwarnings", "ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[hub_server.Hub]:
    """A hub that takes large files as one piece, as it does for clients without xet."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    with hub_server.running() as remote:
        yield remote


@pytest.fixture
def hub(remote: hub_server.Hub) -> Hub:
    return Hub(SecretStr(hub_server.TOKEN), remote.endpoint)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one file of each sort."""
    root = tmp_path / "project"
    contents = {
        "app.py": b"print('a page')\n",
        "requirements.txt": b"torch>=2.8\n",
        "LICENSE": b"Apache-2.0\n",
        "studio/__init__.py": b"",
        "studio/errors.py": b"class StudioError(Exception): ...\n",
        "presets/models/starter.toml": b"name = 'Starter'\n",
        "presets/models/sdxl-turbo.toml": b"name = 'SDXL Turbo'\n",
        "assets/starter/unet/weights.safetensors": bytes(range(256)) * 300,
    }
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root
