"""The library of poses: each is OpenPose's JSON, and a person could stand so."""

import json
from math import dist
from pathlib import Path

import pytest

from studio.openpose import JOINTS, LIMBS, draw, from_openpose, to_openpose
from studio.settings import PRESETS

POSES = sorted((PRESETS / "poses").glob("*.json"))
BODY = JOINTS[:14]
# What a limb may be of the whole height at most, and at least, in perspective.
LONGEST, SHORTEST = 0.45, 0.02


@pytest.fixture(params=POSES, ids=lambda path: path.stem)
def pose(request):
    return json.loads(Path(request.param).read_text("utf-8"))


def test_there_is_a_choice_of_poses():
    assert len(POSES) >= 12


def test_each_person_is_whole_and_within_the_canvas(pose):
    width, height = pose["canvas_width"], pose["canvas_height"]
    people = from_openpose(pose)
    assert people
    for person in people:
        assert set(BODY) <= set(person)
        assert {"right_eye", "left_eye"} & set(person)
        assert all(0 <= x < width and 0 <= y < height for x, y in person.values())


def test_each_person_has_believable_limbs(pose):
    for person in from_openpose(pose):
        lengths = {limb: dist(person[limb[0]], person[limb[1]]) for limb in LIMBS if set(limb) <= set(person)}
        reach = sum(lengths.get(limb, 0) for limb in (("neck", "right_hip"), *LIMBS[7:9]))
        assert all(SHORTEST * reach < length < LONGEST * reach for length in lengths.values())
        for (start, end), length in lengths.items():
            other = lengths.get((start.replace("right_", "left_"), end.replace("right_", "left_")), length)
            assert 0.6 < length / other < 1.7


def test_each_is_drawn_and_written_again_as_it_was_read(pose):
    people, size = from_openpose(pose), (pose["canvas_width"], pose["canvas_height"])
    drawn = draw(people, *size)
    assert drawn.size == size
    assert drawn.getbbox()
    assert to_openpose(people, *size) == pose
