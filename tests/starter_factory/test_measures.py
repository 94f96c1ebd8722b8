import random
from dataclasses import replace

import numpy as np

from starter_factory import probe
from starter_factory.captions import SAID, describe
from starter_factory.draw import draw
from starter_factory.measures import agreement, difference, variety
from starter_factory.probe import Seen, Sight
from starter_factory.scene import Scene, training_scene
from starter_factory.sprites import COLOURS


def true_sight(scene: Scene) -> Sight:
    """What a probe that errs nowhere sees."""
    answers = probe.targets(scene, draw(scene))
    things, colours = (
        np.eye(count, dtype=np.float32)[:, answers[key].clamp(min=0).numpy()]
        for key, count in (("things", len(probe.THING_NAMES) + 1), ("colours", len(COLOURS)))
    )
    return Sight(scene.place, scene.time, scene.style, scene.ground or "white", probe._things(things, colours))


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


def test_cells_that_touch_name_one_thing_together():
    cat, dog = (probe.THING_NAMES.index(name) for name in ("cat", "dog"))
    things = np.zeros((len(probe.THING_NAMES) + 1, 32, 32), np.float32)
    things[-1] = 1
    things[:, 4:20, 4:14] = 0
    things[cat, 4:20, 4:14], things[dog, 4:20, 4:14] = 0.7, 0.3
    things[[cat, dog], 4:8, 4:8] = things[[dog, cat], 4:8, 4:8]  # some cells alone would say another thing
    seen = probe._things(things, np.ones((len(COLOURS), 32, 32), np.float32))
    assert [(one.thing, one.count) for one in seen] == [("cat", 1)]
    things[[cat, dog], 4:20, 4:9] = things[[dog, cat], 4:20, 4:9]
    assert {one.thing for one in probe._things(things, np.ones((len(COLOURS), 32, 32), np.float32))} == {"cat", "dog"}


def test_things_are_named_from_left_to_right_where_nothing_says_which_is_where():
    told = 0
    for seed in range(400):
        scene = training_scene(seed)
        caption = describe(scene, random.Random(seed))
        alone = {subject.thing: subject.middle for subject in scene.subjects}
        said = caption.relation or any(mention.position for mention in caption.mentions)
        if len(caption.mentions) == len(alone) > 1 and not said:
            middles = [alone[mention.thing] for mention in caption.mentions]
            assert middles == sorted(middles)
            told += 1
    assert told > 20


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
