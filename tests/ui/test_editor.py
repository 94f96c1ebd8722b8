"""The mask editor's value, and what becomes of it: a mask of the picture's own size, the picture itself untouched."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.inputs import Input, InputStore
from studio.storage.database import Database
from studio.ui.editor import SHOWN_SIDE, painted, shown

# Left, top, right, bottom of a stroke, as shares of the picture.
STROKE = (0.25, 0.25, 0.5, 0.75)


@pytest.fixture
def inputs(tmp_path: Path) -> InputStore:
    return InputStore(tmp_path, Database.of(tmp_path))


def noise(*shape: int, top: int = 256, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, top, shape, dtype=dtype)


def rgba() -> tuple[bytes, tuple[int, int], str]:
    return saved(Image.fromarray(noise(90, 160, 4), "RGBA"), "PNG"), (160, 90), "Transparency was laid on white."


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


def stroke(size: tuple[int, int], alpha: int = 153) -> Image.Image:
    """A layer as the browser gives it back, painted on once."""
    layer = Image.new("RGBA", size)
    box = [round(share * side) for share, side in zip(STROKE, size * 2, strict=True)]
    ImageDraw.Draw(layer).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), (63, 123, 224, alpha))
    return layer


def expected(size: tuple[int, int]) -> Image.Image:
    return stroke(size, 255).getchannel("A")


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
    value = shown(inputs.open(init.id))
    assert max(value["background"].size) == min(SHOWN_SIDE, 4 * max(size))
    mask = painted([stroke(value["background"].size)], (init.width, init.height))
    assert mask is not None
    assert (init.width, init.height) == size
    assert set(np.unique(np.asarray(mask))) == {0, 255}
    assert differing(mask, expected(size)) < 0.02
    assert inputs.add(inputs.open(init.id)).id == init.id


@pytest.mark.parametrize("layers", [[], [Image.new("RGBA", (8, 8))], [Image.new("RGB", (8, 8))]])
def test_nothing_painted_is_no_mask(layers: list[Image.Image]) -> None:
    assert painted(layers, (40, 30)) is None


def test_layers_count_together_whatever_their_size() -> None:
    small, wide = Image.new("RGBA", (50, 50)), Image.new("RGBA", (100, 100))
    ImageDraw.Draw(small).rectangle((0, 0, 9, 49), (0, 0, 255, 153))
    ImageDraw.Draw(wide).rectangle((80, 0, 99, 99), (0, 0, 255, 153))
    mask = painted([small, wide], (50, 50))
    assert mask is not None
    columns = np.asarray(mask).all(axis=0)
    assert columns[:10].all()
    assert columns[40:].all()
    assert not np.asarray(mask)[:, 11:39].any()


def test_a_loaded_mask_that_nobody_painted_on_comes_back_itself() -> None:
    loaded = Image.fromarray(noise(40, 30)).resize((300, 400))
    layers = shown(Image.new("RGB", (600, 800)), loaded)["layers"]
    assert painted(layers, (600, 800), loaded) is loaded


@pytest.mark.parametrize("alpha", [0, 153], ids=["erased", "painted"])
def test_a_loaded_mask_that_was_changed_is_read_anew(alpha: int) -> None:
    loaded = expected((400, 400))
    layers = shown(Image.new("RGB", (400, 400)), loaded)["layers"]
    ImageDraw.Draw(layers[0]).rectangle((300, 300, 700, 700), (63, 123, 224, alpha))
    mask = painted(layers, (400, 400), loaded)
    assert mask is not None
    assert mask is not loaded
    assert mask.getpixel((150, 150)) == (255 if alpha else 0)
    assert mask.getpixel((120, 90)) == 0
    assert mask.getpixel((105, 105)) == 255


def test_a_thin_loaded_mask_can_be_erased() -> None:
    loaded = Image.new("L", (1024, 1024))
    ImageDraw.Draw(loaded).line((0, 500, 1023, 500), 255, 2)
    layers = shown(Image.new("RGB", (1024, 1024)))["layers"]
    assert painted(layers, (1024, 1024), loaded) is None


def test_a_stored_mask_is_found_again_by_its_pixels(inputs: InputStore) -> None:
    first, again = (stored(inputs, painted([stroke((360, 240))], (90, 60))) for _ in range(2))
    assert first.id == again.id


def stored(inputs: InputStore, mask: Image.Image | None) -> Input:
    assert mask is not None
    return inputs.add_mask(mask)
