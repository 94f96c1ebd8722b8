import random

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from starter_factory.first.captions import describe, vocabulary, words_of  # noqa: E402
from starter_factory.first.illustrator import draw, joints  # noqa: E402
from starter_factory.first.scene import (  # noqa: E402
    COLOURS,
    KINDS,
    PLACES,
    POSES,
    STYLES,
    TIMES,
    Scene,
    Subject,
    held_out_scene,
    is_held_out,
    training_scene,
)
from starter_factory.first.tokenizer import LENGTH, build_tokenizer, save_tokenizer  # noqa: E402


def test_a_seed_draws_the_same_picture_each_time():
    for seed in range(8):
        first, again = draw(training_scene(seed), 64, 64), draw(training_scene(seed), 64, 64)
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.depth, again.depth)
        assert np.array_equal(first.labels, again.labels)


@pytest.mark.parametrize("size", [(64, 64), (96, 128), (160, 96)])
def test_every_word_of_the_world_can_be_drawn_at_any_size(size):
    for place in PLACES:
        for time in TIMES:
            assert draw(Scene(place, time), *size).image.shape == (size[1], size[0], 3)
    for style in STYLES:
        for kind in KINDS:
            drawing = draw(Scene("meadow", style=style, subjects=(Subject(kind, "red"),)), *size)
            assert (drawing.labels == 1).mean() > 0.03


def test_colours_are_told_apart_on_every_object():
    for kind in KINDS:
        looks = [draw(Scene("meadow", subjects=(Subject(kind, colour),)), 32, 32).image for colour in COLOURS]
        assert len({look.tobytes() for look in looks}) == len(COLOURS)


def test_training_never_draws_a_held_out_pair():
    assert not any(is_held_out(training_scene(seed)) for seed in range(3000))
    assert all(is_held_out(held_out_scene(seed)) for seed in range(100))


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("position", ["left", "middle", "right"])
def test_joints_lie_on_their_person(pose, position):
    for mirrored in (False, True):
        person = Subject("person", "red", position, "medium", pose, mirrored=mirrored, look=0.7)
        scene = Scene("beach", subjects=(person,))
        labels = draw(scene, 128, 128).labels
        (found,) = joints(scene, 128, 128)
        for x, y in found.values():
            if 0 <= x < 128:
                assert labels[round(y), round(x)] == 1


def test_nearer_subjects_lie_before_the_land():
    scene = Scene("mountains", subjects=(Subject("castle", "white"),))
    drawing = draw(scene, 64, 64)
    assert drawing.depth[drawing.labels == 1].min() > drawing.depth[5, 5]
    assert drawing.depth[5, 5] == 0


def test_each_word_of_a_caption_is_in_the_vocabulary():
    rng, known = random.Random(0), set(vocabulary())
    used = {word for seed in range(4000) for word in words_of(describe(training_scene(seed), rng).text)}
    assert used <= known
    assert known <= used


def test_captions_say_what_they_do_not_leave_free():
    rng = random.Random(0)
    scene = Scene("city", "night", "pixel art", (Subject("car", "pink", "left"), Subject("cat", "black", "right")))
    for _ in range(200):
        caption = describe(scene, rng)
        said = words_of(caption.text)
        assert "pink" in said
        assert ("black" in said) == (1 not in caption.free)
        assert {"pixel", "art"} <= set(said)
        assert {"night", "midnight", "moon"} & set(said)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def test_known_words_are_one_token_each(tokenizer):
    for word in vocabulary():
        assert len(tokenizer(word).input_ids) == 3, word


@pytest.mark.parametrize("text", ["a red house on the left", "zebra, quartz 12", "héron 日本"])
def test_the_tokenizer_spells_any_text(tokenizer, text):
    spelt = tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True)
    assert spelt.replace(" ", "") == text.replace(" ", "")


def test_captions_fit_the_context(tokenizer):
    rng = random.Random(1)
    captions = [describe(training_scene(seed), rng).text for seed in range(2000)]
    assert max(len(ids) for ids in tokenizer(captions).input_ids) <= LENGTH


def test_the_stored_tokenizer_reads_alike_from_its_old_and_new_files(tokenizer, tmp_path):
    from transformers import CLIPTokenizer

    save_tokenizer(tokenizer, tmp_path)
    text = "A violet castle, in the ALPS!"
    ids = tokenizer(text).input_ids
    assert CLIPTokenizer.from_pretrained(tmp_path)(text).input_ids == ids
    (tmp_path / "tokenizer.json").unlink()
    assert CLIPTokenizer.from_pretrained(tmp_path)(text).input_ids == ids
