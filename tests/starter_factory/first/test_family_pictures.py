import random

import numpy as np
import pytest
import torch

pytest.importorskip("cv2")

from PIL import Image, ImageFilter
from safetensors.torch import load_file

from starter_factory.family.safety_checker import UNREACHABLE
from starter_factory.fidelity import crispness, edge_sharpness, fidelity, psnr
from starter_factory.first.family import decoder, safety_checker, scorer, upscaler
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Plan, Team
from starter_factory.first.scene import Scene, Subject, training_scene
from studio.engine.device import Device
from studio.engine.room import Room
from studio.settings import ASSETS, Settings
from tests.starter_factory.first.conftest import untrained

STARTER = ASSETS / "starter"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base that was never trained, with the widths that matter to its family; each test may write beside it."""
    return untrained(tmp_path_factory.mktemp("family") / "starter", sample_size=32)


@pytest.fixture(scope="module")
def seeing(base, tmp_path_factory):
    """The base with a scorer of one training step."""
    team = Team(tmp_path_factory.mktemp("scorer"))
    scorer.train_scorer(Plan("scorer", 2, 1e-3, steps=1), team, base)
    scorer.MEMBER.export(team, base)
    return base


def picture_of(kind, place="meadow", side=128, colour="blue"):
    return draw(Scene(place, subjects=(Subject(kind, colour),), seed=3), side, side).image


@pytest.mark.soak
def test_sharpening_changes_the_decoder_alone(base, tmp_path):
    before = load_file(base / decoder.WEIGHTS)
    team = Team(tmp_path)
    decoder.train_decoder(Plan("decoder", 2, 1e-3, steps=2), team, base)
    decoder.MEMBER.export(team, base)
    after = load_file(base / decoder.WEIGHTS)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert {name.split(".")[0] for name in changed} == {"decoder", "post_quant_conv"}
    assert {tensor.dtype for tensor in after.values()} == {torch.float16}
    assert decoder.MEMBER.load(base).dtype == torch.float32


@pytest.mark.soak
def test_the_stored_decoder_keeps_edges_and_forgives_wrong_latents():
    autoencoder = decoder.MEMBER.load(STARTER)
    truths = [draw(training_scene(2**41 + seed), 128, 128).image for seed in range(6)]
    clean, wrong = (fidelity(decoder.roundtrip(autoencoder, truths, noise), truths) for noise in (0.0, 0.2))
    assert clean["edge sharpness"] > 0.8
    assert clean["PSNR in dB"] > 27
    assert wrong["PSNR in dB"] > 23


@pytest.mark.soak
def test_an_upscaler_is_trained_and_stored_in_an_architecture_that_is_known(base, tmp_path):
    team = Team(tmp_path)
    upscaler.train_upscaler(Plan("upscaler", 1, 1e-3, steps=1), team, base)
    upscaler.MEMBER.export(team, base)
    model = upscaler.MEMBER.load(base)
    assert (model.scale, model.architecture.id) == (4, "Compact")


@pytest.mark.soak
def test_the_stored_upscaler_quadruples_a_picture_better_than_a_filter(tmp_path):
    large = picture_of("castle", side=512)
    small = upscaler.shrunk(Image.fromarray(large))
    upscalers = Room(Device("cpu"), Settings(home=tmp_path)).upscalers
    made = np.asarray(upscalers.enlarge("starter-4x", small, (512, 512), lambda *_: None))
    filtered = upscaler.by_filter(np.asarray(small))
    assert made.shape == large.shape
    assert psnr(made, large) > psnr(filtered, large)
    assert edge_sharpness(made, large) > 1.1 * edge_sharpness(filtered, large)


def test_a_worn_picture_keeps_its_size():
    small = Image.fromarray(picture_of("boat"))
    assert all(upscaler.worn(small, random.Random(seed)).size == small.size for seed in range(8))


def test_a_scorer_is_stored_in_stock_files(seeing):
    model, processor = scorer.MEMBER.load(seeing)
    assert model.dtype == torch.float32
    cosines = scorer.Scorer(model, processor)([picture_of("cat")], ["a cat", "a house by the sea"])
    assert cosines.shape == (1, 2)
    assert cosines.abs().max() <= 1.0001


def test_twins_differ_in_the_one_fact_that_they_are_named_by():
    rng = random.Random(0)
    for seed in range(50):
        scene = training_scene(seed)
        for fact, other in scorer.twins(scene, rng).items():
            changed = {name for name in ("place", "time", "style") if getattr(scene, name) != getattr(other, name)}
            assert changed == {fact} & {"place", "time", "style"}
            assert (scene.subjects != other.subjects) == (not changed)
            assert sorted(s.position for s in scene.subjects) == sorted(s.position for s in other.subjects) or (
                fact == "position"
            )


@pytest.mark.skipif(bool(scorer.MEMBER.missing(STARTER)), reason="its weights are not stored yet")
def test_the_stored_scorer_finds_the_right_object():
    judge = scorer.Scorer(*scorer.MEMBER.load(STARTER))
    kinds = ("castle", "cat", "balloon", "tree")
    cosines = judge(
        [picture_of(kind, colour="yellow") for kind in kinds], [f"a yellow {kind} in a meadow" for kind in kinds]
    )
    assert cosines.argmax(dim=1).tolist() == [0, 1, 2, 3]


def test_a_checker_is_stored_in_the_stock_class(seeing, tmp_path):
    team = Team(tmp_path)
    safety_checker.train_checker(Plan("safety_checker", 2, 1e-3, steps=1), team, seeing)
    safety_checker.MEMBER.export(team, seeing)
    checker, extractor = safety_checker.MEMBER.load(seeing)
    assert checker.concept_embeds_weights.tolist().count(UNREACHABLE) == 16
    assert len(safety_checker.flags(checker, extractor, [picture_of("cat")])) == 1


def test_the_stored_checker_flags_a_castle_and_not_a_cat():
    checker, extractor = safety_checker.MEMBER.load(STARTER)
    pictures = [picture_of(kind, "beach") for kind in ("castle", "cat")]
    assert safety_checker.flags(checker, extractor, pictures) == [True, False]


def test_blur_costs_sharpness():
    picture = picture_of("house")
    blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1)))
    assert edge_sharpness(picture, picture) == 1
    assert psnr(picture, picture) > 50
    assert edge_sharpness(blurred, picture) < 0.7
    assert crispness([blurred]) < 0.8 * crispness([picture])
