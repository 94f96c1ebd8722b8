import json
import re

import pytest

from studio import openpose
from studio.errors import StudioError
from studio.openpose import COLOURS, JOINTS, LIMB_LIGHT, LIMBS, draw, from_openpose, left_out, to_openpose

SIDE = 512
PERSON = {joint: (100.0 + 12 * number, 60.0 + 20 * number) for number, joint in enumerate(JOINTS)}


def test_joints_and_limbs_are_those_of_openpose_in_its_order():
    assert len(JOINTS) == len(COLOURS) == 18
    assert JOINTS[:5] == ("nose", "neck", "right_shoulder", "right_elbow", "right_wrist")
    assert JOINTS[13:] == ("left_ankle", "right_eye", "left_eye", "right_ear", "left_ear")
    numbered = [[JOINTS.index(start) + 1, JOINTS.index(end) + 1] for start, end in LIMBS]
    assert numbered[:6] == [[2, 3], [2, 6], [3, 4], [4, 5], [6, 7], [7, 8]]
    assert numbered[6:12] == [[2, 9], [9, 10], [10, 11], [2, 12], [12, 13], [13, 14]]
    assert numbered[12:] == [[2, 1], [1, 15], [15, 17], [1, 16], [16, 18]]


@pytest.mark.parametrize("number", range(18))
def test_each_joint_is_a_dot_of_its_colour(number):
    image = draw([{JOINTS[number]: (100, 200)}], SIDE, SIDE)
    assert image.getpixel((100, 200)) == COLOURS[number]
    assert image.getpixel((103, 200)) == COLOURS[number]
    assert image.getpixel((106, 200)) == (0, 0, 0)


@pytest.mark.parametrize("number", range(17))
def test_each_limb_is_an_oval_of_its_darker_colour(number):
    start, end = LIMBS[number]
    image = draw([{start: (100, 200), end: (200, 200)}], SIDE, SIDE)
    dark = tuple(int(LIMB_LIGHT * level) for level in COLOURS[number])
    assert image.getpixel((150, 200)) == image.getpixel((150, 202)) == dark
    assert image.getpixel((150, 206)) == (0, 0, 0)


def test_strokes_grow_with_the_picture():
    def height(side):
        column = draw([{"nose": (side / 2, side / 2)}], side, side).crop((side // 2, 0, side // 2 + 1, side))
        return sum(any(pixel) for pixel in column.get_flattened_data())

    assert height(1024) == pytest.approx(2 * height(512), abs=2)
    assert height(64) >= 1


def test_a_limb_with_a_missing_end_is_left_out():
    image = draw([{"left_hip": (100, 200), "left_knee": (200, 200), "left_ankle": (200, 300)}], SIDE, SIDE)
    assert any(image.getpixel((150, 200)))
    assert image.crop((0, 0, SIDE, 190)).getbbox() is None
    assert draw([{}], 8, 8).getbbox() is None


def test_a_person_partly_outside_is_drawn_as_far_as_it_is_inside():
    image = draw([{"neck": (-40, 30), "nose": (40, 30), "left_ear": (900, -900)}], SIDE, SIDE)
    assert image.size == (SIDE, SIDE)
    assert image.getpixel((2, 30)) == (0, 0, int(255 * LIMB_LIGHT))


def test_people_survive_openpose_json():
    someone = {joint: point for joint, point in PERSON.items() if joint != "left_ear"}
    content = json.loads(json.dumps(to_openpose([PERSON, someone], 640, 480)))
    assert (content["canvas_width"], content["canvas_height"]) == (640, 480)
    assert content["people"][1]["pose_keypoints_2d"][-3:] == [0, 0, 0]
    assert from_openpose(content) == [PERSON, someone]


def test_a_joint_at_the_corner_survives_openpose_json():
    assert from_openpose(to_openpose([{"nose": (0.0, 0.0)}], 8, 8)) == [{"nose": (0.0, 0.0)}]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([], "people"),
        ({"people": {}}, "people"),
        ({"people": [{}]}, "person 1"),
        ({"people": [{"pose_keypoints_2d": [0] * 57}]}, "3 numbers"),
        ({"people": [{"pose_keypoints_2d": ["0"] * 54}]}, "3 numbers"),
        ({"people": [{"pose_keypoints_2d": [float("nan")] * 54}]}, "3 numbers"),
    ],
)
def test_what_is_no_pose_is_refused_with_the_reason(content, what):
    with pytest.raises(StudioError, match=what):
        from_openpose(content)


WITH_HIPS = [*range(8), None, *range(8, 18)]
COCO_ORDER = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]


def keypoints(*, order=range(18), scale=1.0, sure=1.0):
    points = [PERSON[JOINTS[joint]] if joint is not None else (9.0, 9.0) for joint in order]
    return [number for x, y in points for number in (x * scale, y * scale, sure)]


DIALECTS = {
    "pixels": {"people": [{"pose_keypoints_2d": keypoints()}]},
    "shares": {
        "people": [{"pose_keypoints_2d": keypoints(scale=1 / SIDE)}],
        "canvas_width": SIDE,
        "canvas_height": SIDE,
    },
    "BODY_25": {"people": [{"pose_keypoints_2d": keypoints(order=WITH_HIPS) + [0.0] * 18}]},
    "a list of frames": [{"people": [{"pose_keypoints_2d": keypoints()}], "canvas_height": 9, "canvas_width": 9}, {}],
    "points in pairs": {"people": [{"pose_keypoints_2d": [list(PERSON[joint]) for joint in JOINTS]}]},
    "hands, faces and animals": {
        "people": [
            {"pose_keypoints_2d": keypoints(), "face_keypoints_2d": [1, 1, 1], "hand_left_keypoints_2d": None},
            {"pose_keypoints_2d": None, "hand_right_keypoints_2d": [1, 1, 1]},
        ],
        "animals": [],
    },
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_pose_is_read_in_every_dialect(dialect):
    (person, *others) = from_openpose(DIALECTS[dialect])
    assert {joint: pytest.approx(point) for joint, point in PERSON.items()} == person
    assert not any(others)


def test_the_17_joints_of_coco_are_read_with_the_neck_between_the_shoulders():
    (person,) = from_openpose({"people": [{"pose_keypoints_2d": keypoints(order=COCO_ORDER)}]})
    (left, _), (right, _) = PERSON["left_shoulder"], PERSON["right_shoulder"]
    assert person["neck"][0] == pytest.approx((left + right) / 2)
    assert {joint: point for joint, point in person.items() if joint != "neck"} == {
        joint: point for joint, point in PERSON.items() if joint != "neck"
    }


def test_joints_that_were_not_seen_are_left_out_however_that_is_said():
    missing = [(0, 0, 0), (None, None, None), (-1, -1, 1), (5, 5, -1), (5, 5, None), (0, 0, None)]
    numbers = [number for point in missing for number in point] + keypoints()[3 * len(missing) :]
    (person,) = from_openpose({"people": [{"pose_keypoints_2d": numbers}]})
    assert [joint for joint in JOINTS if joint not in person] == [JOINTS[k] for k in (0, 1, 2, 3, 5)]


def test_what_of_a_pose_has_no_place_is_told():
    assert left_out(DIALECTS["hands, faces and animals"]) == ["faces", "hands"]
    assert left_out(DIALECTS["a list of frames"]) == ["all frames but the first"]
    assert left_out([]) == left_out(None) == []


PAIRS = [[float(number), float(number + 1)] for number in range(10, 27)]
SCORES = [0.9] * 16 + [0.0]


@pytest.mark.parametrize(
    "content",
    [
        {"instances": [{"keypoints": PAIRS, "keypoint_scores": SCORES}]},
        {"predictions": [[{"keypoints": PAIRS, "keypoint_scores": SCORES, "bbox": [[1, 2, 3, 4]]}]]},
        {"instance_info": [{"frame_id": 1, "instances": [{"keypoints": PAIRS, "keypoint_scores": SCORES}]}]},
        [{"name": "person", "keypoints": {"x": [x for x, _ in PAIRS], "y": [y for _, y in PAIRS], "visible": SCORES}}],
        [{"category_id": 1, "keypoints": [n for (x, y), s in zip(PAIRS, SCORES, strict=True) for n in (x, y, s)]}],
    ],
)
def test_what_estimators_write_without_people_is_read(content):
    (person,) = openpose.from_openpose(content)
    assert person["nose"] == (10, 11)
    assert "neck" in person
    assert "right_ankle" not in person


def _named(style: str) -> list[dict[str, object]]:
    """The points as MoveNet names them, or in the older way of PoseNet."""
    if style == "MoveNet":
        rows = zip(openpose.COCO, PAIRS, SCORES, strict=True)
        return [{"name": name, "x": x, "y": y, "score": score} for name, (x, y), score in rows]
    return [
        {"part": re.sub(r"_(\w)", lambda found: found[1].upper(), name), "position": {"x": x, "y": y}, "score": score}
        for name, (x, y), score in zip(openpose.COCO, PAIRS, SCORES, strict=True)
    ]


@pytest.mark.parametrize(
    "content",
    [
        [{"keypoints": _named("MoveNet"), "score": 0.9}],
        {"score": 0.9, "keypoints": _named("PoseNet")},
        [{"pose": {"score": 0.9, "keypoints": _named("PoseNet")}, "skeleton": []}],
        [{"keypoints": list(reversed(_named("MoveNet"))), "keypoints3D": []}],
    ],
    ids=["MoveNet", "PoseNet", "ml5.js", "in another order"],
)
def test_points_with_names_are_read_by_them(content: object):
    (person,) = from_openpose(content)
    (same,) = from_openpose({"instances": [{"keypoints": PAIRS, "keypoint_scores": SCORES}]})
    assert person == same


def test_points_whose_names_are_not_known_are_refused():
    with pytest.raises(StudioError, match="person 1 is not 3 numbers for each"):
        from_openpose([{"keypoints": [{"name": "tail", "x": 1, "y": 2}]}])


@pytest.mark.parametrize(
    ("content", "tool"),
    [
        ({"poseLandmarks": [{"x": 0.1, "y": 0.2}]}, "MediaPipe"),
        ([{"landmarks": []}], "MediaPipe"),
        ({"header": "Openpose Editor", "object": {"bodies": []}}, "the 3D OpenPose editor"),
        ({"scene": {"bones": []}}, "a 3D program"),
        ({"shapes": [], "imagePath": "a.png"}, "LabelMe"),
        ({"part_candidates": [{}]}, "OpenPose without its people"),
    ],
)
def test_a_pose_of_a_tool_that_is_not_read_names_it(content: object, tool: str):
    with pytest.raises(StudioError, match=f"a pose of {tool}") as caught:
        from_openpose(content)
    assert "Export it" in caught.value.hint
