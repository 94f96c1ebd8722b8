"""A studio home with a tiny model of every family, and the parts that render from it."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue, Model
from studio.inputs import InputStore
from studio.recipe import Recipe, ResolvedRecipe, as_resolved
from studio.settings import Settings
from tests import tiny


@pytest.fixture(scope="session")
def settings(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    for family in (*tiny.FAMILIES, *tiny.INPAINTERS, *tiny.INSTRUCTED, *tiny.REFINERS):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.upscaler(home / "upscalers" / "tiny.safetensors")
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="session")
def inputs(settings: Settings) -> InputStore:
    return InputStore.of(settings)


@pytest.fixture(scope="session")
def catalogue(settings: Settings) -> Catalogue:
    return Catalogue(settings)


@pytest.fixture(scope="session")
def backend(settings: Settings, catalogue: Catalogue) -> Iterator[LocalBackend]:
    backend = LocalBackend(settings, catalogue)
    yield backend
    backend.close()


@pytest.fixture
def manager(settings: Settings, catalogue: Catalogue) -> Iterator[Any]:
    from studio.engine.manager import PipelineManager

    manager = PipelineManager(catalogue, settings)
    yield manager
    manager.close()


@pytest.fixture(scope="session")
def recipe(catalogue: Catalogue) -> Callable[..., ResolvedRecipe]:
    """A resolved recipe for a family's tiny model, in a few steps."""

    def make(family: str, **changes: Any) -> ResolvedRecipe:
        model: Model = catalogue[f"tiny-{family}"]
        values = {
            "prompt": tiny.PROMPT,
            "model": model.id,
            "width": tiny.SIDE,
            "height": tiny.SIDE,
            "scheduler": model.default("scheduler"),
            "steps": 3,
            "guidance_scale": model.default("guidance_scale"),
            "seed": 7,
        }
        return as_resolved(Recipe.make(**{**values, **changes}))

    return make


def nobody(*events: Any) -> None:
    """Hears what a backend reports, and keeps none of it."""


def picture(seed: int = 5, size: tuple[int, int] = (tiny.SIDE, tiny.SIDE)) -> Image.Image:
    """Soft colours without a pattern."""
    noise = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def edit(recipe: Callable[..., ResolvedRecipe], inputs: InputStore) -> Callable[..., ResolvedRecipe]:
    """As `recipe`, from a picture, of which a `masked` one repaints a square."""

    def make(family: str, masked: bool = False, **changes: Any) -> Recipe:
        values = {"init_image": inputs.add(picture()).id, "resize": "crop", "strength": 0.7, "steps": 4}
        if masked:
            mask = Image.new("L", (tiny.SIDE, tiny.SIDE))
            mask.paste(255, (16, 16, 40, 40))
            values |= {"mask_image": inputs.add_mask(mask).id, "mask_area": "whole", "mask_fill": "original"}
            values |= {"mask_blur": 0, "mask_grow": 0}
        return recipe(family, **{**values, **changes})

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"something contacts the network: {args}")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
