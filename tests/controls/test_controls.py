"""What holds for every control, and what each of those without weights makes of a picture."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.catalogue.preprocessors import PICKLES
from studio.controls import CONTROLS
from studio.controls.base import MOST_ASPECT, EstimatorContext, Option, as_seen
from studio.errors import InvalidRecipe
from studio.recipe import IMAGE_PROMPT

SIZE = (160, 96)
SEEN = ("depth", "pose")
MAPPED = [kind for kind in CONTROLS if kind != IMAGE_PROMPT]


@pytest.fixture
def picture() -> Image.Image:
    """A dark house with a window on a light ground."""
    image = Image.new("RGB", SIZE, (230, 235, 240))
    pen = ImageDraw.Draw(image)
    pen.polygon([(40, 40), (80, 10), (120, 40)], (150, 40, 30))
    pen.rectangle((48, 40, 112, 88), (60, 50, 90))
    pen.rectangle((70, 52, 90, 68), (240, 220, 90))
    return image


def flat(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (128, 128, 128))


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


@pytest.mark.parametrize("kind", CONTROLS)
def test_an_unknown_option_is_refused(kind):
    with pytest.raises(InvalidRecipe, match="has no option 'treshold'") as refused:
        CONTROLS[kind].check({"treshold": 1})
    assert refused.value.field == "controls"
    assert "Known are: " in refused.value.hint or refused.value.hint == "It has none."


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_value_that_cannot_be_is_refused(kind):
    for option in CONTROLS[kind].options:
        for value in ("none of them", True, None, [], float("nan"), float("inf"), -1, 10_000):
            with pytest.raises(InvalidRecipe, match=f"{option.label} cannot be"):
                CONTROLS[kind].check({option.name: value})


def test_whole_numbers_stay_whole():
    option = Option("low", "Low", "Help.", 100, 1, 255, 1)
    assert isinstance(option.check(7.0), int)
    assert option.check(7.5) is None
    assert option.allowed == "a whole number from 1 to 255"


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_pickle_that_is_wanted_has_a_known_hash(kind):
    for weights in CONTROLS[kind].needs:
        pickles = {file for file in weights.files if any(file.endswith(ending) for ending in PICKLES)}
        assert pickles == set(weights.sha256)
        assert all(len(digest) == 64 for digest in weights.sha256.values())
        assert weights.bytes > 10**6
        assert weights.licence


@pytest.mark.parametrize("kind", [kind for kind in MAPPED if kind not in SEEN])
def test_a_map_is_as_large_as_the_picture_and_the_same_each_time(kind, picture, context):
    made = CONTROLS[kind].map(picture, {}, context)
    assert (made.size, made.mode) == (SIZE, "RGB")
    assert made.getbbox()
    assert made.tobytes() == CONTROLS[kind].map(picture, {}, context).tobytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (200, 3)])
@pytest.mark.parametrize("kind", MAPPED)
def test_a_picture_of_hardly_any_pixels_has_a_map_or_a_reason(kind, size, context):
    control = CONTROLS[kind]
    made = control.draw(flat(*size), control.check({}), context)
    assert (made.size, made.mode) == (size, "RGB")
    if not made.getbbox():
        with pytest.raises(InvalidRecipe, match=control.nothing):
            control.map(flat(*size), {}, context)


@pytest.mark.parametrize("kind", ["canny", "lineart", "scribble"])
def test_a_picture_without_content_is_refused(kind, context):
    with pytest.raises(InvalidRecipe, match=r"were found in the picture\. Choose another") as refused:
        CONTROLS[kind].map(flat(64, 64), {}, context)
    assert refused.value.field == "controls"


def test_a_black_map_is_refused(context):
    with pytest.raises(InvalidRecipe, match="all black"):
        CONTROLS["map"].map(Image.new("RGB", (8, 8)), {}, context)


def test_an_image_prompt_has_no_map(picture, context):
    with pytest.raises(InvalidRecipe, match="has no map: the model sees the picture itself") as refused:
        CONTROLS[IMAGE_PROMPT].map(picture, {}, context)
    assert refused.value.field == "controls"


def test_canny_is_opencvs(picture, context):
    made = CONTROLS["canny"].map(picture, {"low": 50, "high": 120}, context)
    assert (levels(made) == cv2.Canny(np.asarray(picture), 50, 120)).all()


def test_cannys_thresholds_have_an_order(picture, context):
    with pytest.raises(InvalidRecipe, match="low threshold 200 is above the high one, 100"):
        CONTROLS["canny"].map(picture, {"low": 200, "high": 100}, context)


def test_a_drawing_is_read_on_light_paper_and_on_dark(context):
    drawing = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(drawing).line((8, 8, 56, 50), "black", 2)
    made = levels(CONTROLS["scribble"].map(drawing, {"thickness": 0}, context))
    assert set(np.unique(made)) == {0, 255}
    assert ((made > 0) == (levels(drawing) < 128)).all()
    negative = Image.eval(drawing, lambda level: 255 - level)
    assert (made == levels(CONTROLS["scribble"].map(negative, {"thickness": 0}, context))).all()
    thicker = levels(CONTROLS["scribble"].map(drawing, {"thickness": 3}, context))
    assert thicker.sum() > 2 * made.sum()
    assert (thicker >= made).all()


def test_a_scribble_of_a_picture_follows_its_outlines(picture, context):
    made = levels(CONTROLS["scribble"].map(picture, {"source": "picture", "thickness": 0}, context))
    assert made[60, 50] == 255
    assert made[60, 44] == made[5, 5] == 0


def test_line_art_is_brightest_on_the_darkest_lines(context):
    drawing = Image.new("RGB", (64, 64), "white")
    pen = ImageDraw.Draw(drawing)
    pen.line((20, 0, 20, 63), (0, 0, 0), 2)
    pen.line((44, 0, 44, 63), (150, 150, 150), 2)
    made = levels(CONTROLS["lineart"].map(drawing, {}, context))
    assert made[32, 20] > made[32, 44] > made[32, 32]


def test_a_tile_keeps_colours_and_loses_detail(picture, context):
    made = np.asarray(CONTROLS["tile"].map(picture, {"factor": 8}, context), np.float32)
    given = np.asarray(picture, np.float32)
    assert np.abs(made.mean(axis=(0, 1)) - given.mean(axis=(0, 1))).max() < 3
    assert np.abs(np.diff(made, axis=1)).max() < np.abs(np.diff(given, axis=1)).max() / 2
    assert CONTROLS["tile"].map(picture, {"factor": 1}, context).tobytes() == picture.tobytes()


def test_a_ready_map_is_left_as_it_is(picture, context):
    assert CONTROLS["map"].map(picture, {}, context).tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    ("size", "seen"), [((640, 480), (168, 126)), ((10, 20), (126, 252)), ((4000, 10), (504, 126)), ((1, 1), (126, 126))]
)
def test_a_network_sees_sides_that_it_can_take(size, seen):
    assert as_seen(flat(*size), 126, 14).size == seen
    assert max(seen) <= MOST_ASPECT * min(seen)


def test_auto_takes_the_starters_own_for_the_starter_only(context, tmp_path):
    known = {weights.id: weights for weights in CONTROLS["depth"].needs}
    assert context.estimator("auto", known) == "starter"
    abroad = EstimatorContext(context.settings)
    assert abroad.estimator("auto", known) == next(iter(known))
    assert abroad.estimator("midas", known) == "midas"
    second = list(known.values())[1]
    second.folder(abroad.settings).mkdir(parents=True)
    for file in second.files:
        (second.folder(abroad.settings) / file).touch()
    assert abroad.estimator("auto", known) == second.id
