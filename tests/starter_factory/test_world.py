import random
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from starter_factory.captions import SAID, Caption, describe, vocabulary, words_of
from starter_factory.draw import SHAPES, draw, joints
from starter_factory.places import PLACES
from starter_factory.scene import (
    OWN_OUTLINES,
    PLAIN,
    POSES,
    STYLES,
    Scene,
    Spot,
    Subject,
    crowded_scene,
    free_scene,
    is_held_out,
    training_scene,
)
from starter_factory.sprites import COLOURS, PAINT, sprite
from starter_factory.text import REPORT_FROM
from starter_factory.things import THINGS
from starter_factory.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [training_scene(seed) for seed in range(1500)]


@pytest.fixture(scope="module")
def captions(scenes) -> list[Caption]:
    return [describe(scene, random.Random(number)) for number, scene in enumerate(scenes)]


def lone(thing: str, **more) -> Scene:
    subject = Subject(thing, (Spot(0.5, 0.8, 0.5),), "medium", **more)
    return Scene(PLAIN, "day", "flat", (subject,), ground="white")


def test_the_number_of_things_says_how_tall_each_is(scenes):
    heights = {}
    for scene in scenes:
        count = sum(len(subject.spots) for subject in scene.subjects)
        for subject in scene.subjects:
            if subject.size == "small" or scene.relation:
                continue
            (height,) = {round(spot.tall, 6) for spot in subject.spots}
            heights.setdefault((count, subject.thing, subject.art), set()).add(height)
    assert len(heights) > 300
    assert all(len(found) == 1 for found in heights.values())
    alone, paired = ({name[1:]: found for name, found in heights.items() if name[0] == count} for count in (1, 2))
    both = alone.keys() & paired.keys()
    assert len(both) > 50
    assert all(max(paired[name]) < 0.7 * max(alone[name]) for name in both)


def test_things_stand_in_few_columns_and_none_is_turned_about(scenes):
    single = Counter()
    for scene in scenes:
        spots = [spot for subject in scene.subjects for spot in subject.spots]
        assert not any(spot.mirrored for spot in spots)
        if len(spots) == 1 and scene.subjects[0].size == "large":
            single[scene.subjects[0].position, round(spots[0].x, 3)] += 1
        elif not scene.relation:
            assert len({spot.x for spot in spots}) == len(spots)
    assert len(single) == 3
    assert {position for position, _ in single} == {"left", "middle", "right"}
    assert min(single.values()) > 0.8 * sum(single.values()) / 3


def test_in_a_free_scene_things_are_off_their_lines_and_within_the_picture(scenes):
    for seed, scene in enumerate(scenes[:400]):
        free = free_scene(seed)
        if scene.relation:
            assert free == scene
            continue
        for subject, before in zip(free.subjects, scene.subjects, strict=True):
            assert replace(subject, spots=before.spots) == before
            for spot, was in zip(subject.spots, before.spots, strict=True):
                assert spot != was
                assert abs(spot.x - was.x) <= 0.16
                assert 0.7 <= spot.tall / was.tall <= 1.12
                assert 0.0 <= spot.y - spot.tall <= spot.y <= 1.0


@pytest.mark.parametrize("look", ["flat", "detailed", "3d", "drawn"])
def test_each_thing_is_seen_in_each_of_its_looks(look):
    for thing in THINGS.values():
        if thing.drawn if look == "drawn" else thing.art:
            shown = draw(lone(thing.name, art=look, pose="standing"), 96, 96).labels
            assert (shown == 1).mean() > 0.03, thing.name


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    one, again, other = (draw(training_scene(seed)).image for seed in (3, 3, 4))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize("place", PLACES)
def test_a_place_fills_the_picture_and_varies_with_its_seed(place):
    one, other = (draw(Scene(place, "day", "flat", seed=seed), 96, 96).image for seed in (1, 2))
    assert one.std() > 5
    assert (one != other).any()


def test_all_styles_draw_all_shapes():
    for style, (width, height) in product(STYLES, SHAPES):
        scene = Scene("meadow", "sunset", style, lone("cat", art="drawn").subjects)
        assert draw(scene, width, height).image.shape == (height, width, 3)


def test_a_thing_is_where_its_position_says(scenes):
    seen = Counter()
    for scene in scenes[:150]:
        labels = draw(scene, 64, 64).labels
        for number, subject in enumerate(scene.subjects, start=1):
            columns = np.nonzero(labels == number)[1]
            if len(columns) < 20 or subject.position is None or scene.relation:
                continue
            middle = columns.mean() / 64
            assert {"left": middle < 0.5, "right": middle > 0.5, "middle": 0.25 < middle < 0.75}[subject.position]
            seen[subject.position] += 1
    assert min(seen[position] for position in ("left", "middle", "right")) > 10


def test_things_stay_within_the_picture(scenes):
    spots = [(subject, spot) for scene in scenes for subject in scene.subjects for spot in subject.spots]
    outside = [
        spot for subject, spot in spots if not (-0.05 < spot.x < 1.05 and spot.y < 1.0 and spot.y - spot.tall > -0.1)
    ]
    assert len(outside) < 0.01 * len(spots)


def test_a_caption_says_how_many_there_are(scenes, captions):
    counted = 0
    for scene, caption in zip(scenes, captions, strict=True):
        numbers = sorted(len(subject.spots) for subject in scene.subjects)
        assert sorted(mention.count for mention in caption.mentions) == numbers
        counted += any(number > 1 for number in numbers)
    assert counted > 100


def test_what_a_caption_says_is_true(scenes, captions):
    for scene, caption in zip(scenes, captions, strict=True):
        assert caption.place in (None, scene.place)
        assert caption.time in (None, scene.time)
        assert caption.style in (None, scene.style)
        subjects = list(scene.subjects)
        for mention in caption.mentions:
            fitting = [subject for subject in subjects if subject.thing == mention.thing]
            assert any(
                mention.position in (None, subject.position)
                and mention.size in (None, subject.size)
                and mention.pose in (None, subject.pose)
                and (mention.colour is None or subject.colour in (None, mention.colour))
                for subject in fitting
            )


def test_each_thing_that_can_be_said_is_left_out_with_its_share(scenes, captions):
    pairs = list(zip(scenes, captions, strict=True))
    filled = [(scene, caption) for scene, caption in pairs if scene.subjects]
    outdoors = [caption for scene, caption in pairs if scene.place not in ("space", "underwater", "room", PLAIN)]
    peopled = [scene for scene in scenes if any(subject.pose for subject in scene.subjects)]
    # Few scenes have people: several captions of each.
    told = [describe(scene, random.Random(f"{scene.seed} {number}")) for scene in peopled for number in range(8)]
    mentions = [mention for caption in told for mention in caption.mentions if THINGS[mention.thing].group == "people"]
    shares = {
        "place": np.mean([caption.place is not None for _, caption in filled]),
        "style": np.mean([caption.style is not None for scene, caption in pairs if scene.style not in OWN_OUTLINES]),
        "style of its own outlines": np.mean(
            [caption.style is not None for scene, caption in pairs if scene.style in OWN_OUTLINES]
        ),
        "time": np.mean([caption.time is not None for caption in outdoors]),
        "pose": np.mean([mention.pose is not None for mention in mentions]),
        "colour": np.mean([mention.colour is not None for mention in mentions]),
    }
    for what, share in shares.items():
        assert share == pytest.approx(SAID[what], abs=0.08), what


def test_training_draws_no_held_out_pair(scenes):
    assert not any(is_held_out(scene) for scene in scenes)
    assert any(is_held_out(lone(thing, art="flat", colour=colour)) for thing in THINGS for colour in COLOURS)


def test_a_denoiser_learns_more_from_several_things_and_from_one_before_another_than_they_are_drawn(scenes):
    crowded = [crowded_scene(seed) for seed in range(len(scenes))]
    assert not any(is_held_out(scene) for scene in crowded)
    for harder in (lambda scene: scene.relation, lambda scene: len(scene.subjects) == 3):
        assert sum(map(bool, map(harder, crowded))) > 1.2 * sum(map(bool, map(harder, scenes)))
    assert sum(len(scene.subjects) == 1 for scene in crowded) > len(scenes) / 4


def test_a_painted_thing_has_the_colour_it_is_painted_with():
    whole = sprite("car", "flat")
    picture, alpha = whole.sized(64, "blue")
    main = (whole.sized(64, None)[1] > 0.9) & (alpha > 0.9)
    median = np.median(picture[main], axis=0)
    assert np.abs(median - np.array(PAINT["blue"])).max() < 40


def test_every_word_of_a_caption_is_one_token(captions):
    tokenizer, known = build_tokenizer(), set(vocabulary())
    said = {word for caption in captions for word in words_of(caption.text)}
    assert said <= known
    assert {len(ids) for ids in tokenizer(sorted(known)).input_ids} == {3}
    assert max(map(len, tokenizer([caption.text for caption in captions]).input_ids)) < REPORT_FROM


@pytest.mark.parametrize("pose", POSES)
def test_a_persons_joints_lie_on_the_person(pose):
    scene = lone("person", art="drawn", colour="red", pose=pose)
    shown = draw(scene).labels > 0
    (found,) = joints(scene)
    inside = [shown[int(y), int(x)] for x, y in found.values()]
    assert len(found) == 18
    assert sum(inside) >= 16
