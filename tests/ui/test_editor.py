"""What the mask editor sends, and what becomes of it: a mask of the picture's own size, the picture untouched."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.errors import InvalidRecipe
from studio.inputs import Input, InputStore
from studio.storage.database import Database
from studio.ui.editor import MOST_LAYER, painted, read_layer, sketched

# Left, top, right, bottom of a stroke, as shares of the picture.
STROKE = (0.25, 0.25, 0.5, 0.75)


@pytest.fixture
def inputs(tmp_path: Path) -> InputStore:
    return InputStore(tmp_path, Database.of(tmp_path))


def noise(*shape: int, top: int = 256, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, top, shape, dtype=dtype)


def rgba() -> tuple[bytes, tuple[int, int], str]:
    return saved(Image.fromarray(noise(90, 160, 4), "RGBA"), "PNG"), (160, 90), "Transparency was filled with white."


def palette() -> tuple[bytes, tuple[int, int], str]:
    picture = Image.fromarray(noise(90, 160, 3)).quantize(16)
    return saved(picture, "PNG"), (160, 90), "Converted from a palette to RGB."


def deep() -> tuple[bytes, tuple[int, int], str]:
    picture = Image.fromarray(noise(90, 160, top=65536, dtype=np.uint16))
    return saved(picture, "PNG"), (160, 90), "Reduced from 16 to 8 bits."


def turned() -> tuple[bytes, tuple[int, int], str]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(noise(90, 160, 3)), "JPEG", exif=exif), (90, 160), "Turned upright"


def large() -> tuple[bytes, tuple[int, int], str]:
    return saved(Image.fromarray(noise(1500, 3000, 3)), "PNG"), (3000, 1500), ""


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def stroke(size: tuple[int, int], colour: str = "white") -> Image.Image:
    """A layer as the browser gives it back, painted on once."""
    layer = Image.new("RGBA", size)
    box = [round(share * side) for share, side in zip(STROKE, size * 2, strict=True)]
    ImageDraw.Draw(layer).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), colour)
    return layer


def expected(size: tuple[int, int]) -> Image.Image:
    return stroke(size).getchannel("A")


def differing(one: Image.Image, other: Image.Image) -> float:
    """Share of the pixels that differ."""
    assert (one.mode, one.size) == (other.mode, other.size)
    return float((np.asarray(one) != np.asarray(other)).mean())


@pytest.mark.parametrize("upload", [rgba, palette, deep, turned, large])
def test_a_stroke_over_an_upload_becomes_a_mask_of_its_upright_size(
    inputs: InputStore, upload: Callable[[], tuple[bytes, tuple[int, int], str]]
) -> None:
    source, size, note = upload()
    init = inputs.add(source)
    assert note in " ".join(init.notes)
    shown = (init.width // 2, init.height // 2)
    mask = painted(stroke(shown), (init.width, init.height))
    assert mask is not None
    assert (init.width, init.height) == size
    assert differing(mask, expected(size)) < 0.03
    assert inputs.add(inputs.open(init.id)).id == init.id


@pytest.mark.parametrize("layer", [Image.new("RGBA", (8, 8)), Image.new("RGB", (8, 8))])
def test_nothing_painted_is_no_mask(layer: Image.Image) -> None:
    assert painted(layer, (40, 30)) is None
    assert sketched(Image.new("RGB", (40, 30)), layer) is None


def test_a_layer_of_the_pictures_size_is_its_mask_to_the_pixel() -> None:
    layer = Image.new("RGBA", (30, 40), "white")
    layer.putalpha(Image.fromarray(noise(40, 30)))
    mask = painted(layer, (30, 40))
    assert mask is not None
    assert mask.tobytes() == layer.getchannel("A").tobytes()


def test_colours_lie_on_the_picture_and_all_else_keeps_its_pixels() -> None:
    picture = Image.fromarray(noise(40, 40, 3))
    made = sketched(picture, stroke((20, 20), "red"))
    assert made is not None
    assert made.getpixel((14, 20)) == (255, 0, 0)
    changed = (np.asarray(made) != np.asarray(picture)).any(axis=-1)
    assert not changed[:, 24:].any()
    assert not changed[:8].any()


def test_what_is_no_layer_of_the_editor_is_refused(inputs: InputStore, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(Image.new("RGB", (8, 8)), "JPEG"))
    (tmp_path / "wide.png").write_bytes(saved(Image.new("L", (MOST_LAYER + 1, 1)), "PNG"))
    for name, fault in (("a.jpg", "A layer is a PNG file"), ("wide.png", f"{MOST_LAYER} pixels a side")):
        with pytest.raises(InvalidRecipe, match=fault):
            read_layer(inputs, tmp_path / name)


def test_a_stored_mask_is_found_again_by_its_pixels(inputs: InputStore) -> None:
    first, again = (stored(inputs, painted(stroke((360, 240)), (90, 60))) for _ in range(2))
    assert first.id == again.id


def stored(inputs: InputStore, mask: Image.Image | None) -> Input:
    assert mask is not None
    return inputs.add_mask(mask)
