"""The invisible watermark: found again after JPEG and a resize, not found where there is none, and hardly seen."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.safety import watermark

ID = "5afe1d07"
PICTURES = sorted(Path(__file__).with_name("pictures").glob("*.webp"))


def jpeg(image: Image.Image, quality: int = 75) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def sized(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)


CHANGES = {
    "nothing": lambda image: image,
    "JPEG 75": jpeg,
    "a resize to three quarters": lambda image: sized(image, 0.75),
    "a resize to twice the size": lambda image: sized(image, 2),
    "JPEG 75 and then a resize": lambda image: sized(jpeg(image), 0.75),
    "a resize and then JPEG 75": lambda image: jpeg(sized(image, 1.5)),
    "another shape": lambda image: image.resize((image.width, image.height * 3 // 4)),
}


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    """The starter's, as they are and enlarged to the size of other models."""
    small = [Image.open(path).convert("RGB") for path in PICTURES]
    return [*small, *(sized(one, 4) for one in small[:2])]


@pytest.fixture(scope="module")
def marked(pictures: list[Image.Image]) -> list[Image.Image]:
    return [watermark.put(one, ID) for one in pictures]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_watermark_is_found_again_after(change, marked: list[Image.Image]) -> None:
    found = [watermark.find(change(one)) for one in marked]
    assert [one and one.id for one in found] == [ID] * len(marked)


def test_no_watermark_is_found_where_there_is_none(pictures: list[Image.Image]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 96, 96, 3), np.uint8)
    plain = [Image.new("RGB", (128, 128), colour) for colour in ("black", "white", "teal")]
    for one in (*pictures, *map(jpeg, pictures), *map(Image.fromarray, noise), *plain):
        assert watermark.find(one) is None


def test_a_watermark_changes_a_picture_by_little(pictures: list[Image.Image], marked: list[Image.Image]) -> None:
    apart = [np.asarray(a, float) - np.asarray(b, float) for a, b in zip(pictures, marked, strict=True)]
    assert all(10 * np.log10(255**2 / (one**2).mean()) > 33 for one in apart)
    assert min(10 * np.log10(255**2 / (one**2).mean()) for one in apart[-2:]) > 40, "in larger ones by less"


def test_the_same_picture_is_marked_to_the_same_bytes(pictures: list[Image.Image], marked: list[Image.Image]) -> None:
    assert watermark.put(pictures[0], ID).tobytes() == marked[0].tobytes()


def test_a_second_watermark_takes_the_place_of_the_first(marked: list[Image.Image]) -> None:
    found = watermark.find(watermark.put(marked[0], "00c0ffee"))
    assert found is not None
    assert found.id == "00c0ffee"


def test_what_is_transparent_stays_so() -> None:
    picture = Image.open(PICTURES[0]).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    marked = watermark.put(picture, ID)
    assert marked.getchannel("A").tobytes() == picture.getchannel("A").tobytes()
    assert watermark.find(marked) == watermark.Found(ID, 0)


def test_a_picture_that_is_too_small_stays_as_it_is() -> None:
    small = Image.linear_gradient("L").resize((64, 200)).convert("RGB")
    assert watermark.put(small, ID) is small
    assert watermark.find(small.resize((20, 20))) is None
