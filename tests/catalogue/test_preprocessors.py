"""What controls need from elsewhere: downloaded with its progress told, or refused with a reason."""

import os
import subprocess
import sys

import pytest

from studio.catalogue import preprocessors
from studio.errors import ModelError
from tests.headers import write_safetensors
from tests.small_hub import small_hub

PROGRAM = """
import sys
from pathlib import Path
from studio.errors import ModelError
from studio.catalogue.preprocessors import Weights
from studio.settings import Settings

weights = Weights("tiny", "Tiny", "some/tiny", ("config.json", sys.argv[2]), 2000, "MIT")
try:
    folder = weights.ready(Settings(home=Path(sys.argv[1])), print)
    print("ready", sorted(path.name for path in folder.iterdir() if path.is_file()))
except ModelError as error:
    print("refused", error)
"""


@pytest.fixture
def hub(tmp_path):
    """A hub on loopback; called with a file's name, it asks for it in a program of its own and gives what it says."""
    weights = write_safetensors(tmp_path / "source.safetensors", {"weight": (1000,)}).read_bytes()
    files = {"config.json": b"{}", "model.safetensors": weights, "model.pth": b"a pickle"}

    def ask(file, **environment):
        variables = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub"), **environment}
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "home"), file]
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    with small_hub({"some/tiny": files}) as address:
        yield ask


def test_missing_weights_are_downloaded_once_with_progress(hub):
    first = hub("model.safetensors")
    assert first[0] == "Downloading Tiny (0 MB) ..."
    assert first[1].startswith("Downloading Tiny: ")
    assert first[-1] == "ready ['config.json', 'model.safetensors']"
    assert hub("model.safetensors", HF_HUB_OFFLINE="1") == first[-1:]


def test_what_cannot_be_downloaded_is_refused_with_the_reason(hub):
    refusal = hub("other.safetensors")[-1]
    assert refusal.startswith("refused There is no other.safetensors in the repository on the hub.")
    assert hub("model.pth")[-1].startswith("refused ")
    assert "it is a pickle" in hub("model.pth", HF_HUB_OFFLINE="1")[-1]


def test_a_package_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(preprocessors, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r'OpenPose needs the package controlnet-aux.*"image-studio\[annotators\]"'):
        preprocessors.annotator("open_pose", "OpenPose")


def test_a_package_is_imported_without_what_its_own_start_imports(monkeypatch, tmp_path):
    package = tmp_path / "heavy_annotators"
    (package / "light").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('everything at once')\n")
    (package / "light" / "__init__.py").write_text("import warnings\nwarnings.warn('old')\nNAME = 'light'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(preprocessors, "PACKAGE", "heavy_annotators")
    assert preprocessors.annotator("light", "A test").NAME == "light"
