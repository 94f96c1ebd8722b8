"""What is outside a mask and its feather keeps its pixels; sizes come out as asked."""

import itertools
import math

import numpy as np
import pytest
from PIL import Image

from studio.engine import masking

RNG = np.random.default_rng(1)


def picture(width, height):
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


def mask(width, height, box, value=255):
    made = Image.new("L", (width, height))
    made.paste(value, box)
    return made


@pytest.mark.parametrize("size", [(64, 64), (61, 47), (1, 1), (200, 33)])
@pytest.mark.parametrize("blur", [0, 1, 4, 9])
@pytest.mark.parametrize("grow", [-3, 0, 6])
def test_outside_the_mask_and_its_feather_every_pixel_is_the_originals(size, blur, grow):
    box = (size[0] // 3, size[1] // 3, size[0] // 3 + max(1, size[0] // 8), size[1] // 3 + max(1, size[1] // 8))
    original, new = picture(*size), picture(*size)
    alpha = masking.feathered(mask(*size, box), grow, blur)
    made = np.asarray(masking.laid_over(original, new, alpha))
    reach = max(grow, 0) + math.ceil(masking.FEATHER * blur)
    outside = np.ones((size[1], size[0]), dtype=bool)
    outside[max(0, box[1] - reach) : box[3] + reach, max(0, box[0] - reach) : box[2] + reach] = False
    assert (made[outside] == np.asarray(original)[outside]).all()
    assert (made[np.asarray(alpha) == 255] == np.asarray(new)[np.asarray(alpha) == 255]).all()


def test_a_hard_mask_is_not_changed():
    hard = mask(20, 20, (3, 4, 9, 9))
    assert masking.feathered(hard, 0, 0).tobytes() == hard.tobytes()


def test_a_mask_grows_and_shrinks_by_pixels():
    box = masking.feathered(mask(60, 60, (20, 20, 40, 40)), 5, 0).getbbox()
    assert box == (15, 15, 45, 45)
    assert masking.feathered(mask(60, 60, (20, 20, 40, 40)), -5, 0).getbbox() == (25, 25, 35, 35)
    assert masking.feathered(mask(60, 60, (20, 20, 40, 40)), -20, 0).getbbox() is None


def test_a_full_mask_stays_full():
    full = mask(33, 21, (0, 0, 33, 21))
    assert masking.feathered(full, -8, 6).getextrema() == (255, 255)
    assert not masking.is_empty(full)
    assert masking.is_empty(mask(33, 21, (0, 0, 5, 5), 3))


def test_a_grey_mask_blends_by_its_value():
    original, new = Image.new("RGB", (8, 8), (0, 0, 0)), Image.new("RGB", (8, 8), (200, 100, 50))
    alpha = mask(8, 8, (0, 0, 8, 8), 128)
    assert masking.laid_over(original, new, alpha).getpixel((3, 3)) == (100, 50, 25)
    assert masking.painted(alpha).getextrema() == (255, 255)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 127), (300, 9)])
def test_padding_to_a_multiple_and_back_gives_the_picture_back(size):
    original = picture(*size)
    padded = masking.divisible(original, 16, 64)
    assert padded.width % 16 == padded.height % 16 == 0
    assert min(padded.size) >= 64
    assert padded.crop((0, 0, *size)).tobytes() == original.tobytes()
    assert padded.getpixel((padded.width - 1, padded.height - 1)) == original.getpixel((size[0] - 1, size[1] - 1))


@pytest.mark.parametrize("shape", [(64, 64), (128, 64), (64, 192), None])
@pytest.mark.parametrize("box", [(0, 0, 4, 4), (90, 50, 100, 60), (40, 5, 60, 55), (0, 0, 100, 60)])
def test_the_view_holds_the_mask_and_lies_in_the_picture(shape, box):
    view = masking.view_of(mask(100, 60, box), 7, shape)
    assert 0 <= view[0] <= box[0] < box[2] <= view[2] <= 100
    assert 0 <= view[1] <= box[1] < box[3] <= view[3] <= 60
    if shape == (64, 64) and box[2] - box[0] < 40 and box[3] - box[1] < 40:
        assert view[2] - view[0] == view[3] - view[1]


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (31, 90), (1, 1)])
def test_a_picture_is_fitted_to_the_size_that_was_asked(resize, size):
    assert masking.fitted(picture(50, 40), size, resize).size == size
    assert masking.fitted(mask(50, 40, (0, 0, 50, 40)), size, resize).size == size


def test_padding_keeps_the_whole_picture_and_gives_a_mask_black_borders():
    fitted = masking.fitted(mask(50, 50, (0, 0, 50, 50)), (100, 50), "pad")
    assert fitted.getbbox() == (25, 0, 75, 50)


@pytest.mark.parametrize("fill", ["noise", "surroundings", "original"])
def test_a_fill_changes_nothing_outside_the_mask(fill):
    original, hole = picture(70, 50), mask(70, 50, (20, 10, 40, 30))
    made = masking.filled(original, hole, fill)
    outside = np.asarray(hole) == 0
    assert (np.asarray(made)[outside] == np.asarray(original)[outside]).all()
    assert (made.tobytes() == original.tobytes()) == (fill == "original")
    assert masking.filled(original, hole, fill).tobytes() == made.tobytes()


def test_surroundings_run_into_the_mask():
    plain = Image.new("RGB", (400, 300), (200, 40, 90))
    hole = mask(400, 300, (100, 100, 300, 200))
    plain.paste((0, 255, 0), (100, 100, 300, 200))
    inside = np.asarray(masking.filled(plain, hole, "surroundings"))[100:200, 100:300]
    assert np.abs(inside.astype(int) - (200, 40, 90)).max() <= 4


def test_a_grown_picture_keeps_its_own_pixels_and_fades_in_the_new_area_only():
    original = picture(50, 30)
    grown = masking.grown(original, 10, 0, 20, 5, feather=4)
    assert grown.canvas.size == grown.area.size == (80, 35)
    old = (10, 0, 60, 30)
    assert grown.canvas.crop(old).tobytes() == grown.start.crop(old).tobytes() == original.tobytes()
    assert grown.canvas.getpixel((9, 15)) == original.getpixel((0, 15))
    assert grown.area.crop(old).getextrema() == (0, 0)
    assert grown.area.getpixel((9, 15)) == 51
    assert grown.area.getpixel((0, 15)) == grown.area.getpixel((79, 34)) == 255
    made = masking.laid_over(grown.canvas, picture(80, 35), grown.area)
    assert made.crop(old).tobytes() == original.tobytes()


@pytest.mark.parametrize(("length", "tile", "overlap"), [(64, 64, 16), (65, 64, 16), (300, 64, 16), (1000, 512, 128)])
def test_tiles_cover_everything_and_overlap(length, tile, overlap):
    places = masking.starts(length, tile, overlap)
    assert places[0] == 0
    assert places[-1] + tile == max(length, tile)
    assert all(0 < after - before <= tile - overlap for before, after in itertools.pairwise(places))


@pytest.mark.parametrize("size", [(200, 150), (64, 300), (65, 64)])
def test_tiles_that_differ_as_much_as_can_be_fade_without_a_seam(size):
    tile, overlap = 64, 16
    canvas = Image.new("RGB", size)
    for k, top in enumerate(masking.starts(size[1], tile, overlap)):
        strip = Image.new("RGB", (size[0], tile))
        for j, left in enumerate(masking.starts(size[0], tile, overlap)):
            shade = 255 * ((k + j) % 2)
            masking.fade_in(strip, Image.new("RGB", (tile, tile), (shade, shade, shade)), (left, 0), overlap)
        masking.fade_in(canvas, strip, (0, top), overlap)
    pixels = np.asarray(canvas, dtype=int)
    steepest = math.ceil(255 / (overlap + 1)) + 2
    assert np.abs(np.diff(pixels, axis=0)).max() <= steepest
    assert np.abs(np.diff(pixels, axis=1)).max() <= steepest
