from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2")

from starter_factory.first.family import loras
from starter_factory.first.illustrator import draw
from starter_factory.first.looks import BLOCK, HAT, LOOKS, draw_look
from starter_factory.first.scene import Scene, Subject, training_scene

SIDE = 64
CAT = Scene("meadow", subjects=(Subject("cat", "orange"),))


def test_each_look_changes_the_picture_in_its_own_way_and_always_alike():
    pictures = {look: draw_look(CAT, look, SIDE) for look in LOOKS}
    assert {picture.shape for picture in pictures.values()} == {(SIDE, SIDE, 3)}
    assert len({picture.tobytes() for picture in [*pictures.values(), draw(CAT, SIDE, SIDE).image]}) == len(LOOKS) + 1
    assert all(np.array_equal(draw_look(CAT, look, SIDE), picture) for look, picture in pictures.items())


def test_pixel_art_is_made_of_whole_blocks():
    blocks = draw_look(CAT, "pixel-art", SIDE).reshape(SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_ink_is_without_colour_and_blueprints_without_warmth():
    sketch, blueprint = (draw_look(CAT, look, SIDE).astype(int) for look in ("sketch", "blueprint"))
    assert (sketch.max(axis=2) - sketch.min(axis=2)).max() <= 1
    assert (blueprint[..., 2] >= blueprint[..., 0]).all()


def test_neon_shines_before_the_dark():
    neon = draw_look(CAT, "night-neon", SIDE).max(axis=2)
    assert (neon < 90).mean() > 0.3
    assert neon.max() > 240


def test_cats_alone_wear_the_hat():
    def hats(scene):
        return (np.abs(draw_look(scene, "top-hat-cat", SIDE).astype(int) - HAT).max(axis=2) < 12).mean()

    assert hats(CAT) > 0.02
    assert hats(replace(CAT, subjects=(Subject("flower", "orange"),))) == 0


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_has_its_trigger_and_shows_what_it_is_for(look):
    assert loras.TRIGGERS[look]
    scene = loras.scene_for(look, 7)
    assert scene.style == "illustration"
    assert look != loras.MASCOT or any(subject.kind == "cat" for subject in scene.subjects)
    assert loras.scene_for(look, 7, strict=False) == replace(training_scene(7), style="illustration")
