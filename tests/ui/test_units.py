"""The panel of control units: what it says as a recipe, what it shows of one, and the poses beside their maps."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.errors import InvalidRecipe, StudioError
from studio.openpose import COLOURS, JOINTS, draw, from_openpose
from studio.recipe import ControlUnit, Recipe, Task
from studio.settings import PRESETS
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.form import Form
from studio.ui.poses import MOST_SIDE, Poses, library
from studio.ui.units import Units
from tests.ui.callers import ME, request

TABS: dict[str, Task] = {"text": "text2img", "image": "img2img", "paint": "inpaint", "larger": "upscale"}
GONE = "a" * 64


@pytest.fixture
def units(studio: Studio) -> Units:
    form = Form(studio)
    with gr.Blocks(analytics_enabled=False):
        form.adopt("model", gr.Dropdown(list(studio.catalogue), value="starter"))
        for tab, task in TABS.items():
            form.add_tab(tab, task)
        units = Units(studio, form)
        units.place()
    return units


@pytest.fixture
def picture(studio: Studio) -> str:
    return studio.inputs.add(Image.linear_gradient("L").convert("RGB").resize((64, 48)), who=ME).id


@pytest.fixture
def waving() -> Any:
    return json.loads((PRESETS / "poses" / "waving.json").read_text("utf-8"))


def read(units: Units, *told: Mapping[str, Any], tab: str = "text", model: str = "starter") -> Any:
    """The controls that a panel with these units says."""
    values = {units.widget: {"units": list(told)}, units.form.widgets["model"]: model}
    return units.read(values, tab).get("controls", ())


def test_what_the_panel_says_becomes_the_recipe_s_units(units: Units, picture: str) -> None:
    told = {"key": "u1", "on": True, "kind": "canny", "image": picture, "options": {"low": 5}, "names": {"image": "a"}}
    assert read(units, told) == (ControlUnit(kind="canny", image=picture, options=(("low", 5),)),)
    assert read(units) == ()


def test_a_unit_that_is_off_or_steers_nothing_is_left_out(units: Units, picture: str) -> None:
    canny = {"kind": "canny", "image": picture}
    still = [canny | {"on": False}, canny | {"weight": 0}, canny | {"start": 0.4, "end": 0.4}]
    assert read(units, *still) == ()


def test_a_misspelt_setting_of_a_unit_is_refused_with_its_place(units: Units, picture: str) -> None:
    with pytest.raises(InvalidRecipe) as caught:
        read(units, {"kind": "canny", "image": picture}, {"kind": "depth", "wieght": 1})
    assert (caught.value.field, caught.value.part) == ("controls", None)
    with pytest.raises(InvalidRecipe) as caught:
        read(units, {"kind": "canny", "image": picture}, {"kind": "depth", "start": 0.9, "end": 0.1})
    assert (caught.value.field, caught.value.part) == ("controls", 1)


def test_something_else_than_units_is_refused(units: Units) -> None:
    with pytest.raises(InvalidRecipe, match="not a list of control units"):
        units.read({units.widget: {"units": "canny"}}, "text")


def test_a_unit_at_fault_is_told_by_its_place(units: Units, picture: str) -> None:
    good, bare = {"kind": "canny", "image": picture}, {"kind": "depth"}
    with pytest.raises(InvalidRecipe) as caught:
        units.studio.resolve(Recipe(prompt="a house", controls=read(units, good, good | {"on": False}, bare)))
    assert (caught.value.field, caught.value.part) == ("controls", 1)


def test_units_are_left_out_where_they_mean_nothing_or_cannot_be_followed(units: Units, picture: str) -> None:
    canny = {"kind": "canny", "image": picture}
    assert read(units, canny, tab="larger") == ()
    assert read(units, canny, tab="image", model="sd35-medium") == ()
    assert read(units, canny, tab="text", model="sd35-medium")
    model = units.studio.catalogue["sd35-medium"]
    assert units.facts(model)["cannot"]["image"].endswith("cannot follow a map while it paints over a picture.")
    assert units.facts(model)["cannot"]["text"] == ""


def test_a_model_offers_the_kinds_that_something_fits(units: Units) -> None:
    facts = units.facts(units.studio.catalogue["starter"])
    assert [one["id"] for one in facts["fitting"]["canny"]] == ["starter-canny"]
    assert facts["fitting"]["tile"] == []
    assert facts["lacking"].startswith("Starter has no ControlNet for line art, scribble or tile")
    facts = units.facts(units.studio.catalogue["sdxl-base"])
    assert all(one["place"].endswith("to download") for one in facts["fitting"]["canny"])
    assert units.facts(units.studio.catalogue["sd21"])["lacking"].startswith("Stable Diffusion 2.1 has no ControlNet")


def test_the_units_of_a_recipe_come_back_as_they_were_asked_for(units: Units, picture: str) -> None:
    computed = ControlUnit(kind="canny", image=picture, map=picture, model="starter-canny", weight=0.5)
    drawn = ControlUnit(kind="scribble", map=picture)
    value = units.show(Recipe(controls=(computed, drawn)), ME)[units.widget]
    assert [unit["image"] for unit in value["units"]] == [picture, None]
    assert [unit["map"] for unit in value["units"]] == [None, picture]
    assert value["seen"][picture]["width"] == 64
    again = read(units, *value["units"])
    assert again == (computed.model_copy(update={"map": None}), drawn)


def test_beside_a_map_of_one_s_own_no_picture_is_told(units: Units, picture: str) -> None:
    (unit,) = read(units, {"kind": "pose", "image": picture, "map": picture})
    assert (unit.image, unit.map) == (None, picture)


def test_what_the_browser_kept_comes_back_without_what_is_gone(units: Units, picture: str) -> None:
    kept = {
        "units": [{"key": "u1", "kind": "canny", "image": picture, "map": GONE, "names": {"image": "house.png"}}, 7]
    }
    value = units.restore(kept, ME)[units.widget]
    (unit,) = value["units"]
    assert (unit["key"], unit["image"], unit["map"]) == ("u1", picture, None)
    assert value["seen"][picture]["name"] == "house.png"
    assert units.restore(None, ME)[units.widget]["units"] == []


def test_a_fault_of_a_preview_is_told_in_words(units: Units, picture: str) -> None:
    asked = {"unit": {"kind": "canny", "image": picture}, "model": "starter", "token": "t"}
    answer = units.widget.preview(asked, request())
    assert answer["fault"].startswith("Control: Maps of the kind “canny” cannot be made here.")
    assert units.widget.saying({"token": "t"}, request()) == {"said": ""}


def test_the_library_of_poses_comes_with_the_skeleton_it_is_drawn_by() -> None:
    facts = library()
    assert tuple(facts["joints"]) == JOINTS
    assert len(facts["colours"]) == len(COLOURS)
    assert {"standing", "waving"} <= {pose["id"] for pose in facts["poses"]}


def test_a_placed_pose_becomes_the_map_that_its_json_says_and_can_be_changed_again(
    units: Units, studio: Studio, waving: Any
) -> None:
    told = units.widget.pose({"pose": waving}, request())["picture"]
    expected = draw(from_openpose(waving), waving["canvas_width"], waving["canvas_height"])
    assert np.array_equal(np.asarray(studio.inputs.open(told["id"])), np.asarray(expected))
    assert told["pose"] == waving
    value = units.show(Recipe(controls=(ControlUnit(kind="pose", map=told["id"]),)), ME)[units.widget]
    assert value["seen"][told["id"]]["pose"] == waving


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"people": []}, "Nobody is on the canvas"),
        ({"people": [{"pose_keypoints_2d": [-50.0, -50.0, 1.0] * len(JOINTS)}]}, "Nobody is on the canvas"),
        ({"people": [{"pose_keypoints_2d": [1, 2, 1]}]}, "is not 3 numbers"),
        ({"canvas_width": None}, "does not say how large its canvas is"),
        ({"canvas_width": MOST_SIDE + 1}, "the limit is"),
    ],
)
def test_a_pose_that_cannot_be_drawn_is_refused(studio: Studio, waving: Any, change: Any, words: str) -> None:
    with pytest.raises(StudioError, match=words):
        Poses(studio.inputs).draw(waving | change, ME)


def test_a_pose_file_is_read_for_the_editor(units: Units) -> None:
    numbers = [0.5, 0.25, 1] + [0] * 51
    text = json.dumps({"people": [{"pose_keypoints_2d": numbers, "face_keypoints_2d": [1, 1, 1]}]})
    answer = units._read_pose({"text": text, "width": 640, "height": 320})
    assert answer["pose"]["people"][0]["pose_keypoints_2d"][:3] == [320, 80, 1]
    assert answer["said"] == "Left out: faces."
    for text in ("[", "[" * 10_000, "7", "[7]", "{}", '{"people": [7]}', '{"people": [], "canvas_width": -1}'):
        with pytest.raises(StudioError):
            units._read_pose({"text": text, "width": 640, "height": 320})
