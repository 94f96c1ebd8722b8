"""A workshop for the starter's world, whose networks are loaded once a session."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from studio.controls.base import EstimatorContext, Load
from studio.settings import Settings

T = TypeVar("T")


class Shelf:
    """Keeps all, and counts what it had to load."""

    def __init__(self) -> None:
        self.kept = {}

    def __call__(self, key: str, what: str, loader: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = loader()
        return self.kept[key]


@pytest.fixture(scope="session")
def shelf() -> Load:
    import torch

    torch.set_num_threads(1)
    return Shelf()


@pytest.fixture
def context(shelf, tmp_path) -> EstimatorContext:
    return EstimatorContext(Settings(home=tmp_path), starter=True, load=shelf)
