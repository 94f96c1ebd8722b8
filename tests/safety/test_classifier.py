"""The classifier of the output check: the very numbers of nsfwjs, from weights that came along."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.errors import DamagedModel
from studio.safety.classifier import CLASSES, FILE, Classifier

PICTURES = Path(__file__).with_name("pictures")
# What nsfwjs 4.3.0 says of these by tfjs 4.22.0, its MobileNetV2Mid, in its order of classes.
THERE = {
    "0.webp": (0.04123, 0.00018, 0.95850, 0.00003, 0.00004),
    "1.webp": (0.02308, 0.00267, 0.95019, 0.01807, 0.00599),
    "4.webp": (0.16327, 0.02914, 0.42373, 0.37748, 0.00638),
    "5.webp": (0.09526, 0.01317, 0.10085, 0.78873, 0.00199),
}


def test_it_says_the_same_as_the_network_that_it_was_made_of() -> None:
    classifier = Classifier.load()
    for name, shares in THERE.items():
        found = classifier(Image.open(PICTURES / name))
        assert tuple(found) == CLASSES
        assert tuple(found.values()) == pytest.approx(shares, abs=1e-4)


def test_it_takes_pictures_of_any_size_and_mode() -> None:
    classifier = Classifier.load()
    for picture in (Image.new("RGBA", (900, 31), "teal"), Image.new("L", (1, 1))):
        assert np.isclose(sum(classifier(picture).values()), 1)


def test_its_weights_are_small_and_their_licence_lies_beside_them() -> None:
    assert FILE.stat().st_size < 10_000_000
    assert "MIT License" in FILE.with_name("LICENSE.txt").read_text()


def test_weights_that_are_not_whole_are_said_and_nothing_passes(tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(FILE.read_bytes()[:-100])
    with pytest.raises(DamagedModel, match="cannot be loaded"):
        Classifier.load(tmp_path / "cut.safetensors")
    with pytest.raises(DamagedModel, match="cannot be loaded"):
        Classifier.load(tmp_path / "missing.safetensors")
    with pytest.raises(DamagedModel, match="does not run"):
        Classifier({})(Image.new("RGB", (8, 8)))
