"""Art of simple shapes: the true art comes from packages, which a test does not fetch."""

import json
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch

from starter_factory import base, text, vae
from starter_factory.art import SETS, SIDE
from starter_factory.sprites import sprite
from starter_factory.store import Stored
from starter_factory.things import THINGS
from starter_factory.tokenizer import build_tokenizer


@pytest.fixture(scope="session", autouse=True)
def art(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For each thing and set an ellipse of another hue with a dark middle."""
    folder = tmp_path_factory.mktemp("art")
    sprites = np.stack([np.stack([shape(number, of) for of in range(len(SETS))]) for number in range(len(THINGS))])
    np.save(folder / "sprites.npy", sprites)
    (folder / "sprites.json").write_text(json.dumps(list(THINGS)), encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setenv("STARTER_FACTORY_CACHE", str(folder))
    yield
    patch.undo()
    sprite.cache_clear()


def shape(number: int, of: int) -> np.ndarray:
    hue = np.uint8([[[number * 37 % 180, 220, 230]]])
    colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    cv2.ellipse(picture, (SIDE // 2, SIDE // 2), (80, 60 + 10 * of), 0, 0, 360, (*colour, 255), -1)
    cv2.circle(picture, (SIDE // 2, SIDE // 2), 20, (40, 30, 50, 255), -1)
    return picture


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """The model before any training: its real sizes, but for the denoiser."""
    torch.manual_seed(0)
    stored = Stored(tmp_path_factory.mktemp("stored"))
    tokenizer = build_tokenizer()
    stored.put_vae(vae.build_vae())
    stored.put_text(tokenizer, text.build_text_encoder(tokenizer))
    stored.put_unet(base.build_unet((8, 8, 16, 16)), base.build_scheduler())
    return stored
