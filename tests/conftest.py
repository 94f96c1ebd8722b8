"""What all tests share: no hub, one thread, and tiny models that are built once a session."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny

# Read when the libraries are imported. One thread, because two on a busy machine take turns at waiting.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


# Where torch's tensors do not yet speak numpy 2; diffusers' schedulers hand them over.
TORCH_TO_NUMPY = (
    "__array__ implementation doesn't accept a copy keyword",
    "__array_wrap__ must accept context and return_scalar",
)


def pytest_configure(config: pytest.Config) -> None:
    for message in TORCH_TO_NUMPY:
        config.addinivalue_line("filterwarnings", f"ignore:{message}:DeprecationWarning")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The diffusers folder of a family's tiny model, by the family's id; read it, do not change it."""
    root = tmp_path_factory.mktemp("tiny-models")

    def folder(family: str) -> Path:
        path = root / family
        if not path.is_dir():
            _one_thread()
            tiny.build(family, path)
        return path

    return folder


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
