"""Depth and pose: the starter's own estimators, and those whose weights have to be had first."""

import shutil

import numpy as np
import pytest
from PIL import Image

from starter_factory.draw import draw
from starter_factory.family.depth_estimator import rank_correlation
from starter_factory.posing import people, person_scene
from starter_factory.scene import drawn_scene
from studio.controls import CONTROLS
from studio.controls.base import EstimatorContext
from studio.controls.depth import DEPTH_ANYTHING, MIDAS
from studio.controls.depth import STARTER as STARTER_DEPTH
from studio.controls.pose import OPENPOSE
from studio.errors import InvalidRecipe, ModelError
from studio.openpose import COLOURS

SIDE = 128
DEPTH, POSE = CONTROLS["depth"], CONTROLS["pose"]
SEEDS = range(900, 906)


def rendered(scene) -> Image.Image:
    return Image.fromarray(draw(scene, SIDE, SIDE).image)


@pytest.fixture
def abroad(context) -> EstimatorContext:
    """A workshop for another model than the starter."""
    return EstimatorContext(context.settings, load=context.load)


@pytest.fixture
def tiny(abroad) -> EstimatorContext:
    """The same, with weights of the very class of Depth Anything V2 on its disk."""
    folder = DEPTH_ANYTHING.folder(abroad.settings)
    folder.mkdir(parents=True)
    for file in DEPTH_ANYTHING.files:
        shutil.copy(STARTER_DEPTH / file, folder)
    return abroad


def test_depth_ranks_agree_with_what_was_drawn(context):
    agreement = []
    for seed in SEEDS:
        scene = drawn_scene(seed)
        made = DEPTH.map(rendered(scene), {}, context)
        assert (made.size, made.mode) == ((SIDE, SIDE), "RGB")
        agreement.append(rank_correlation(np.asarray(made)[..., 0], draw(scene, SIDE, SIDE).depth))
    assert np.mean(agreement) > 0.7


def test_depth_is_the_same_each_time_and_at_any_size(context):
    picture = rendered(drawn_scene(900))
    small = DEPTH.map(picture, {}, context)
    assert small.tobytes() == DEPTH.map(picture, {}, context).tobytes()
    large = DEPTH.map(picture.resize((300, 200)), {}, context)
    assert large.size == (300, 200)
    assert rank_correlation(np.asarray(large.resize(small.size))[..., 0], np.asarray(small)[..., 0]) > 0.8


def test_joints_land_where_they_were_drawn(context):
    near, asked = 0, 0
    for seed in SEEDS:
        scene = person_scene(seed, "illustration")
        (wanted,) = people(scene, SIDE, SIDE)
        found = POSE.people(rendered(scene).resize((2 * SIDE, 2 * SIDE)), {}, context)
        asked += len(wanted)
        near += sum(
            joint in person and np.hypot(person[joint][0] / 2 - x, person[joint][1] / 2 - y) < 0.05 * SIDE
            for person in found
            for joint, (x, y) in wanted.items()
        )
    assert near / asked > 0.5


def test_a_pose_is_drawn_in_the_colours_of_openpose(context):
    made = POSE.map(rendered(person_scene(900, "illustration")), {}, context)
    assert (made.size, made.mode) == ((SIDE, SIDE), "RGB")
    assert len({pixel for _, pixel in made.getcolors(SIDE**2)} & set(COLOURS)) > 5
    assert made.tobytes() == POSE.map(rendered(person_scene(900, "illustration")), {}, context).tobytes()


def test_a_picture_of_nobody_is_refused(context):
    with pytest.raises(InvalidRecipe, match=r"No people were found in the picture\. Choose another"):
        POSE.map(Image.new("RGB", (SIDE, SIDE), (90, 140, 210)), {}, context)


def test_other_models_read_depth_by_depth_anything_where_it_is_here(tiny):
    made = DEPTH.map(rendered(drawn_scene(900)), {}, tiny)
    low, high = made.getextrema()[0]
    assert low < 5
    assert high > 240
    assert made.tobytes() == DEPTH.map(rendered(drawn_scene(900)), {"estimator": "depth_anything"}, tiny).tobytes()


def test_a_network_is_loaded_once(tiny):
    DEPTH.map(rendered(drawn_scene(900)), {}, tiny)
    kept = dict(tiny.load.kept)
    DEPTH.map(rendered(drawn_scene(901)), {}, tiny)
    assert tiny.load.kept == kept


def test_broken_weights_are_refused_before_they_are_loaded(tiny):
    path = DEPTH_ANYTHING.folder(tiny.settings) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"model.safetensors is damaged: .*get the file again"):
        DEPTH.map(rendered(drawn_scene(900)), {}, tiny)


def test_weights_that_are_not_those_of_their_config_are_refused(tiny):
    path = DEPTH_ANYTHING.folder(tiny.settings) / "config.json"
    path.write_text(path.read_text().replace('"fusion_hidden_size": 24', '"fusion_hidden_size": 32'))
    with pytest.raises(ModelError, match="cannot be loaded"):
        DEPTH.map(rendered(drawn_scene(900)), {}, tiny)


def test_missing_weights_are_named_with_size_and_place(abroad):
    with pytest.raises(ModelError) as refused:
        DEPTH.map(Image.new("RGB", (8, 8)), {}, abroad)
    assert str(refused.value) == (
        "Depth Anything V2 Small (99 MB) is not on this disk. Download it in the tab Models, or with: studio models "
        "fetch depth-anything-v2-small; or put config.json, preprocessor_config.json, model.safetensors of "
        f"depth-anything/Depth-Anything-V2-Small-hf into {DEPTH_ANYTHING.folder(abroad.settings)}; "
        "or give a ready-made map."
    )


@pytest.mark.parametrize("weights", [OPENPOSE, MIDAS], ids=lambda weights: weights.id)
def test_missing_annotators_name_their_file_and_place(weights, abroad):
    with pytest.raises(ModelError, match=rf"{weights.files[0]} of lllyasviel/Annotators into .*{weights.id}"):
        weights.here(abroad.settings)


@pytest.mark.parametrize("weights", [OPENPOSE, MIDAS], ids=lambda weights: weights.id)
def test_a_pickle_that_was_not_published_is_never_opened(weights, abroad):
    path = weights.folder(abroad.settings) / weights.files[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(ModelError, match=r"is refused: it is a pickle, .*and not the .*SHA-256 .*Delete it"):
        weights.here(abroad.settings)
