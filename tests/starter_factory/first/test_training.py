import random

import pytest
import torch

pytest.importorskip("cv2")

from diffusers import AutoencoderKL, StableDiffusionPipeline

from starter_factory.first import evaluate
from starter_factory.first.autoencoder import build_autoencoder, to_tensor, whiten
from starter_factory.first.captions import Caption, describe, vocabulary, words_of
from starter_factory.first.diffusion import CaptionedRenders, Objective, build_unet
from starter_factory.first.illustrator import draw
from starter_factory.first.loop import Plan, Team, fit
from starter_factory.first.scene import training_scene
from starter_factory.first.text import build_text_encoder, meaning
from starter_factory.first.tokenizer import build_tokenizer
from tests.starter_factory.first.conftest import TINY, untrained


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def tiny_objective(unet, tokenizer):
    torch.manual_seed(1)
    encoder, autoencoder = build_text_encoder(tokenizer).eval(), build_autoencoder(TINY).eval()
    return Objective(unet, encoder, autoencoder, torch.device("cpu"))


def trained(work, tokenizer, stops):
    """The weights of a tiny network after three steps, trained in as many runs as there are stops."""
    work.mkdir()
    for stop in stops:
        torch.manual_seed(0)
        unet = build_unet(TINY)
        plan, data = Plan("tiny", 2, 1e-3, steps=3), CaptionedRenders(tokenizer, 32)
        complete = fit(plan, unet, data, tiny_objective(unet, tokenizer), Team(work), stop_after=stop)
        assert complete == (stop in {None, 3})
    return unet.state_dict()


@pytest.mark.soak
def test_a_resumed_training_ends_with_the_same_weights(tmp_path, tokenizer):
    whole = trained(tmp_path / "whole", tokenizer, [None])
    parts = trained(tmp_path / "parts", tokenizer, [1, 2, None])
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_complete_stage_is_left_as_it_is(tmp_path, tokenizer):
    first = trained(tmp_path / "once", tokenizer, [None])
    again = trained(tmp_path / "twice", tokenizer, [None, None])
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_whitened_latents_have_no_shift_and_decode_to_the_same_picture():
    torch.manual_seed(0)
    autoencoder = build_autoencoder(TINY).eval()
    images = torch.stack([to_tensor(draw(training_scene(seed), 32, 32).image) for seed in range(4)])
    with torch.no_grad():
        before = autoencoder.decode(autoencoder.encode(images).latent_dist.mean).sample
        latents = autoencoder.encode(images).latent_dist.mean
        whiten(autoencoder, latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3)))
        white = autoencoder.encode(images).latent_dist.mean
        after = autoencoder.decode(white).sample
    assert torch.allclose(white.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(white.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3)
    assert torch.allclose(before, after, atol=1e-3)


def test_the_exported_folder_is_a_stock_pipeline(tmp_path):
    loaded = StableDiffusionPipeline.from_pretrained(untrained(tmp_path / "model", sample_size=8))
    loaded.set_progress_bar_config(disable=True)
    assert isinstance(loaded.vae, AutoencoderKL)
    assert loaded.text_encoder.dtype == loaded.unet.dtype == torch.float32
    (image,) = evaluate.generate(loaded, ["a red house"], steps=2)
    assert image.shape == (32, 32, 3)
    assert image.std() > 1


def test_meaning_tells_left_from_right():
    scene = next(scene for scene in map(training_scene, range(99)) if len(scene.subjects) == 2)
    numbers = meaning(scene, Caption(""))
    assert numbers[3] != numbers[11]
    assert (numbers >= 0).sum() >= 3 + 2 * 3 + 1


def test_right_answers_score_full_marks_and_wrong_ones_do_not():
    scenes = [training_scene(seed) for seed in range(60)]
    answers = torch.stack([meaning(scene, Caption("")) for scene in scenes])
    assert set(evaluate.agreement(scenes, answers).values()) == {100.0}
    shuffled = evaluate.agreement(scenes[1:] + scenes[:1], answers)
    assert shuffled["two objects and their colours"] < 10
    assert shuffled["place"] < 40


def test_the_fixed_prompts_use_known_words_only():
    known = set(vocabulary())
    assert all(word in known for prompt in evaluate.FIXED_PROMPTS for word in words_of(prompt))


def test_measured_captions_leave_nothing_to_chance():
    scene = next(scene for scene in map(training_scene, range(999)) if describe(scene, random.Random(scene.seed)).free)
    (caption,) = evaluate.full_captions([scene])
    assert caption != describe(scene, random.Random(scene.seed)).text
