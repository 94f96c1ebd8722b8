import random
from dataclasses import replace

import numpy as np

from starter_factory import probe
from starter_factory.captions import SAID, describe
from starter_factory.draw import draw
from starter_factory.measures import agreement, difference, variety
from starter_factory.probe import Seen, Sight
from starter_factory.scene import Scene, training_scene


def true_sight(scene: Scene) -> Sight:
    """What a probe that errs nowhere sees."""
    answers = probe.targets(scene, draw(scene))
    things = probe._things(answers["things"].numpy(), answers["colours"].clamp(min=0).numpy())
    return Sight(scene.place, scene.time, scene.style, scene.ground or "white", things)


def test_true_pictures_agree_with_their_captions_and_others_do_not():
    scenes = [training_scene(seed) for seed in range(60)]
    # No probe is told what colour a thing is by itself.
    said = {**SAID, "own colour": 0.0}
    captions = [describe(scene, random.Random(number), said) for number, scene in enumerate(scenes)]
    sights = [true_sight(scene) for scene in scenes]
    right, wrong = agreement(captions, sights), agreement(captions[1:] + captions[:1], sights)
    assert {right[key] for key in ("place", "time", "style", "ground")} == {100}
    assert all(right[key] >= 85 for key in ("one thing", "colour", "position", "count, one"))
    assert all(wrong[key] < 50 for key in ("place", "one thing"))


def test_what_a_caption_leaves_out_is_not_asked():
    scene = training_scene(4)
    caption = replace(describe(scene, random.Random(0)), place=None, time=None, style=None, ground=None, mentions=())
    assert agreement([caption], [true_sight(scene)]) == {}


def test_variety_counts_places_colours_and_sides():
    sights = [
        Sight(place, "day", "flat", "white", (Seen("house", 1, colour, x),))
        for place, colour, x in (("beach", "red", 0.2), ("city", "red", 0.5), ("city", "blue", 0.8))
    ]
    found = variety("house", sights)
    assert (found["places"], found["colours"], found["sides"], found["pictures with it"]) == (2, 2, 3, 3)
    assert variety("cat", sights)["pictures with it"] == 0


def test_the_difference_of_equal_pictures_is_none_and_of_black_and_white_is_all():
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    assert difference([black, black]) == 0
    assert difference([black, white]) == 255
