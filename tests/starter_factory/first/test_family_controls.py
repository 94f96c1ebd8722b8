"""The starter's ControlNets and estimators: their training in small, and what is stored of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("cv2")

from diffusers import ControlNetModel
from scipy.stats import spearmanr

from starter_factory.controlnets import build_controlnet, listen
from starter_factory.estimators import DEVIATION, MEAN, as_generated, normalized
from starter_factory.first import controlnets
from starter_factory.first.autoencoder import SIDE, to_tensor
from starter_factory.first.controlnets import ControlledRenders, paint
from starter_factory.first.evaluate import FIRST_SEED, load
from starter_factory.first.family import MEMBERS, pose_estimator
from starter_factory.first.family.canny import edge_agreement, edges_of
from starter_factory.first.family.depth_estimator import estimate, rank_correlation
from starter_factory.first.family.pose_estimator import PosedRenders, build_pose_estimator, find_people, joints_found
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Team, checkpoint_of
from starter_factory.first.posing import people, person_scene
from starter_factory.first.scene import Scene, Subject, is_held_out, training_scene
from studio.openpose import JOINTS
from tests.starter_factory.first.conftest import untrained

STARTER = Path("assets/starter")
CONTROLS = ("canny", "depth", "pose")
A_MOMENT = 1e-6


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model's folder at tiny size."""
    return untrained(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def starter():
    return load(STARTER)


@pytest.mark.parametrize("name", ["canny", "depth_estimator", "pose_estimator"])
@pytest.mark.soak
def test_a_member_trains_goes_on_and_is_stored_as_stock_files(name, base, tmp_path, monkeypatch):
    monkeypatch.setattr(controlnets, "HINT_CHANNELS", (4, 4, 4))
    member, team = MEMBERS[name], Team(tmp_path)
    member.train(A_MOMENT, team, base)
    (state,) = tmp_path.glob("*.pt")
    before = checkpoint_of(state.stem, tmp_path)
    assert before["step"] > 0
    member.train(before["seconds"] + A_MOMENT, team, base)
    assert checkpoint_of(state.stem, tmp_path)["step"] > before["step"]
    member.export(team, base)
    assert member.missing(base) == []
    assert member.load(base) is not None
    config = json.loads((base / member.files[0]).with_name("config.json").read_text())
    assert str(tmp_path.parent) not in json.dumps(config)


def test_a_new_controlnet_changes_nothing_and_hears_its_map(base):
    torch.manual_seed(0)
    pipeline = load(base)
    network = build_controlnet(pipeline.unet, controlnets.HINT_CHANNELS)
    data = ControlledRenders(MEMBERS["pose"], pipeline.tokenizer)
    hints = torch.stack([data[index]["hints"] for index in range(4)])
    listen(network, hints)
    with torch.no_grad():
        heard = network.controlnet_cond_embedding(hints)
        words = torch.zeros(4, 77, 128)
        below, middle = network(torch.randn(4, 4, 32, 32), 500, words, hints, return_dict=False)
    assert heard[heard != 0].std() == pytest.approx(0.5, rel=0.05)
    assert not any(part.any() for part in (*below, middle))


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.soak
def test_a_stored_controlnet_changes_the_picture_and_another_map_changes_it_otherwise(name, starter):
    member = MEMBERS[name]
    network = member.load(STARTER)
    assert type(network) is ControlNetModel
    scenes = [member.scene_of(FIRST_SEED + number) for number in range(2)]
    hints = [member.hint_of(scene, draw(scene, SIDE, SIDE)) for scene in scenes]
    assert hints[0].shape == (SIDE, SIDE, 3)
    plain = starter(
        [""] * 2, num_inference_steps=2, generator=[torch.Generator().manual_seed(0)] * 2, output_type="np"
    ).images
    first, second = paint(starter, network, ["", ""], hints, steps=2)
    (other,) = paint(starter, network, [""], hints[1:], steps=2)
    assert plain.shape == (2, SIDE, SIDE, 3)
    assert np.abs(first / 255.0 - plain[0]).mean() > 0.02
    assert np.abs(first.astype(float) - other).mean() > 5
    assert second.shape == other.shape


def test_the_stored_depth_estimator_finds_what_is_near():
    network, processor = MEMBERS["depth_estimator"].load(STARTER)
    scenes = [training_scene(FIRST_SEED + number) for number in range(8)]
    found = estimate(network, processor, [draw(scene, SIDE, SIDE).image for scene in scenes])
    assert {depth.shape for depth in found} == {(SIDE, SIDE)}
    pairs = zip(scenes, found, strict=True)
    assert np.mean([rank_correlation(draw(scene, SIDE, SIDE).depth, depth) for scene, depth in pairs]) > 0.7
    (wide,) = estimate(network, processor, [draw(scenes[0], 192, 128).image])
    assert wide.shape == (128, 192)


def test_the_stored_pose_estimator_finds_people_and_knows_when_there_are_none():
    network, processor = MEMBERS["pose_estimator"].load(STARTER)
    scenes = [person_scene(FIRST_SEED + number) for number in range(16)]
    found = find_people(network, processor, [draw(scene, SIDE, SIDE).image for scene in scenes])
    assert joints_found([people(scene, SIDE, SIDE)[0] for scene in scenes], found) > 0.7
    assert set().union(*found) <= set(JOINTS)
    empty = find_people(network, processor, [draw(Scene(place), SIDE, SIDE).image for place in ("meadow", "snow")])
    assert empty == [{}, {}]


def test_pictures_are_seen_in_training_as_the_image_processor_shows_them():
    processor = pose_estimator.build_processor()
    sample = PosedRenders()[1]
    picture = ((sample["images"] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    boxes = [[[0.0, 0.0, SIDE, SIDE]]]
    shown = processor([picture], boxes=boxes, return_tensors="pt")["pixel_values"]
    assert (shown - normalized(pose_estimator.boxed(sample["images"][None]))).abs().mean() < 0.05
    heights = pose_estimator.bumps(pose_estimator.cells_of(sample["joints"][None]))
    output = build_pose_estimator(width=16, layers=1)(shown)
    assert output.heatmaps.shape == heights.shape
    output.heatmaps = heights
    ((result,),) = processor.post_process_pose_estimation(output, boxes=boxes)
    assert (result["keypoints"] - sample["joints"])[sample["known"]].abs().max() < 0.5


def test_pictures_as_generated_differ_from_renders_but_not_by_much(starter):
    images = torch.stack([to_tensor(draw(training_scene(seed), SIDE, SIDE).image) for seed in range(4)])
    seen = as_generated(images, starter.vae, torch.Generator().manual_seed(3))
    assert seen.shape == images.shape
    assert all(0 < (first - second).abs().mean() < 0.5 for first, second in zip(images, seen, strict=True))
    assert len(MEAN) == len(DEVIATION) == 3


def test_edges_agree_within_the_tolerance_and_not_beyond():
    edges = np.zeros((64, 64), np.uint8)
    edges[20, 8:56] = edges[44, 8:56] = 255
    assert edge_agreement(edges, edges) == 1
    assert edge_agreement(edges, np.roll(edges, 2, axis=0)) == 1
    assert edge_agreement(edges, np.roll(edges, 4, axis=0)) == 0
    half = np.where(np.arange(64)[:, None] < 32, edges, 0).astype(np.uint8)
    assert edge_agreement(edges, half) == pytest.approx(2 / 3)
    assert edge_agreement(edges, np.zeros_like(edges)) == 0
    assert edge_agreement(np.zeros_like(edges), np.zeros_like(edges)) == 1
    assert edges_of(draw(training_scene(0), SIDE, SIDE).image).any()


def test_rank_correlation_is_spearmans_with_its_ties():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (16, 16)), rng.normal(size=(16, 16))
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -first) == pytest.approx(-1)
    assert rank_correlation(first, np.zeros((16, 16))) == 0


def test_a_joint_counts_as_found_within_a_twentieth_of_the_side():
    asked = [{"nose": (50.0, 50.0), "neck": (50.0, 70.0)}]
    assert joints_found(asked, asked) == 1
    assert joints_found(asked, [{"nose": (56.0, 50.0), "neck": (57.0, 70.0)}]) == 0.5
    assert joints_found(asked, [{}]) == 0


def test_scenes_of_people_show_one_person_whose_sides_are_as_we_see_them():
    for seed in range(40):
        scene = person_scene(seed)
        assert not is_held_out(scene)
        (person,) = people(scene, SIDE, SIDE)
        if {"right_shoulder", "left_shoulder"} <= person.keys():
            assert person["right_shoulder"][0] < person["left_shoulder"][0]


def test_free_angles_move_the_limbs_and_their_picture():
    named = Subject("person", "red", "middle", "large", "standing")
    free = replace(named, pose=None, angles=((90, 90), (90, 90), (40, 0), (40, 0)))
    (first,), (second,) = (people(Scene("snow", subjects=(each,)), SIDE, SIDE) for each in (named, free))
    assert set(first) == set(second) == set(JOINTS)
    assert second["right_wrist"][0] < first["right_wrist"][0]
    assert second["neck"] == first["neck"]
    pictures = [draw(Scene("snow", subjects=(each,)), SIDE, SIDE).image for each in (named, free)]
    assert not np.array_equal(*pictures)
