import subprocess
import sys
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from starter_factory import base, decoder, growing, parallel, probe, samples, text, vae
from starter_factory.sampling import paint, pipeline_of
from starter_factory.stages import STAGES
from starter_factory.store import Stored
from starter_factory.training import STEPS_APART, Run, Session, fit, load_state

LARGEST = 16_000_000


@pytest.fixture(autouse=True)
def small_batches(monkeypatch) -> None:
    for stage, size in ((vae, 1), (decoder, 1), (growing, 1), (base, 4), (text, 4), (probe, 2)):
        monkeypatch.setattr(stage, "BATCH", size)
    monkeypatch.setattr(vae, "CROP", 32)
    monkeypatch.setattr(decoder, "SIDE", 32)
    monkeypatch.setattr(growing, "SIDE", 32)


def session(work: Path, steps: int) -> Session:
    return Session(work, torch.device("cpu"), steps=steps, shrink=2)


@pytest.mark.parametrize("name", ["vae", "text", "base", "probe", "decoder"])
@pytest.mark.soak
def test_a_stage_goes_on_where_it_was_stopped(name, stored, tmp_path):
    first = STAGES[name].train(session(tmp_path, 1), stored)
    kept = load_state(name, tmp_path)
    again = STAGES[name].train(session(tmp_path, 2), stored)
    assert (first.step, again.step) == (1, 2)
    assert again.samples == 2 * first.samples > 0
    assert any((value != again.module.state_dict()[key]).any() for key, value in kept["weights"].items())


@pytest.mark.soak
def test_a_stage_stopped_in_between_learns_the_same_as_one_that_was_not(stored, tmp_path):
    torch.manual_seed(0)
    whole = STAGES["text"].train(session(tmp_path / "whole", 2), stored)
    torch.manual_seed(0)
    STAGES["text"].train(session(tmp_path / "parts", 1), stored)
    parts = STAGES["text"].train(session(tmp_path / "parts", 2), stored)
    assert all(torch.equal(*pair) for pair in zip(whole.average, parts.average, strict=True))


@pytest.mark.soak
def test_two_processes_train_one_network_each_on_samples_of_its_own(tmp_path):
    train = ["-m", "starter_factory", "train", "text", "--steps", "2", "--work", str(tmp_path)]
    together = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *train]
    subprocess.run(together, check=True, capture_output=True)
    state = load_state("text", tmp_path)
    subprocess.run([sys.executable, *train[:-4], "--steps", "3", *train[-2:]], check=True, capture_output=True)
    alone = load_state("text", tmp_path)
    assert (state["step"], alone["step"]) == (2, 3)
    assert state["samples"] == 4 * (alone["samples"] - state["samples"]) > 0


def test_what_is_stored_is_a_stock_pipeline_of_small_files(stored):
    pipeline = StableDiffusionPipeline.from_pretrained(stored.folder)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline("a red house", num_inference_steps=1, width=64, height=64, output_type="np").images[0]
    assert image.shape == (64, 64, 3)
    assert all(path.stat().st_size < LARGEST for path in stored.folder.rglob("*.safetensors"))


def test_the_true_denoiser_fits_into_one_file():
    assert 2 * sum(part.numel() for part in base.build_unet().parameters()) < LARGEST - 60_000


def test_a_young_pool_of_pictures_takes_more_new_ones_than_an_old_one(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "YOUNG", 8)
    made: list[int] = []
    encoded = base._encoded
    monkeypatch.setattr(base, "_encoded", lambda vae, rows, device: made.append(1) or encoded(vae, rows, device))
    batches = base.batches(stored.vae(), stored.tokenizer(), session(tmp_path, 1), 0, 4)
    counts = [len(made) for _ in range(4) if next(batches)]
    assert counts == [4, 8, 9, 10]
    numbers: list[int] = []
    make = lambda number: numbers.append(number) or {"x": torch.zeros(1)}  # noqa: E731
    others = samples.stream("other", make, session(tmp_path, 1), 4, uses=4)
    assert [len(numbers) for _ in range(4) if next(others)] == [4, 8, 9, 10]


def test_sharpening_leaves_the_encoder_as_it_was(stored, tmp_path):
    STAGES["decoder"].train(session(tmp_path, 1), stored)
    sharp, before = decoder.sharpened_vae(session(tmp_path, 1), stored), stored.vae()
    same = {key: torch.equal(value, before.state_dict()[key]) for key, value in sharp.state_dict().items()}
    assert all(value for key, value in same.items() if key.startswith(("encoder", "quant")))
    assert not all(value for key, value in same.items() if key.startswith("decoder"))


def test_a_soft_edge_is_a_fault_and_one_as_steep_a_pixel_aside_a_lesser_one():
    step = torch.full((1, 3, 16, 16), -1.0)
    step[..., 8:] = 1
    soft = torch.nn.functional.avg_pool2d(step, 5, 1, 2, count_include_pad=False)
    assert decoder.softness(step, step) < 1e-3
    assert 0.2 < decoder.softness(step.roll(1, -1), step) < decoder.softness(soft, step)
    assert decoder.softness(-step, step) < 1e-3
    # As OpenCV has it, which `fidelity` measures by.
    picture = torch.rand(1, 3, 9, 9)
    plane = picture[0, 0].numpy()
    across, down = (cv2.Sobel(plane, cv2.CV_32F, *way, ksize=3, scale=1 / 8) for way in ((1, 0), (0, 1)))
    assert decoder.steepness(picture)[0, 0].numpy() == pytest.approx(np.hypot(across, down)[1:-1, 1:-1], abs=1e-3)


def test_a_grown_autoencoder_gives_a_picture_the_latents_that_its_half_had(tmp_path):
    torch.manual_seed(0)
    small = vae.build_vae((24, 48, 64), 1).eval()
    grown = growing.grown_vae(small).eval()
    coarse = torch.randn(1, 3, 4, 4)
    picture = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear")
    with torch.no_grad():
        wanted = small.encode(torch.nn.functional.avg_pool2d(picture, 2)).latent_dist.mean
        found = grown.encode(picture).latent_dist.mean
        strange = vae.build_vae().eval().encode(picture).latent_dist.mean
        painted = grown.decode(wanted).sample
    assert found.shape == wanted.shape
    assert (found - wanted).std() < 0.25 * wanted.std() < (strange - wanted).std()
    assert painted.shape == picture.shape


def test_growing_teaches_the_encoder_and_only_once(tmp_path):
    stored = Stored(tmp_path / "model")
    stored.put_vae(vae.build_vae((24, 48, 64), 1))
    before, latents, picture = growing.grown_vae(stored.vae()), torch.randn(1, 4, 4, 4), torch.rand(1, 3, 32, 32)
    STAGES["growing"].train(session(tmp_path, 1), stored)
    STAGES["growing"].store(session(tmp_path, 1), stored)
    after = stored.vae()
    with torch.no_grad():
        assert torch.allclose(before.decode(latents).sample, after.decode(latents).sample, atol=1e-3)
        assert not torch.allclose(before.encode(picture).latent_dist.mean, after.encode(picture).latent_dist.mean)
    with pytest.raises(ValueError, match="grown already"):
        STAGES["growing"].train(session(tmp_path, 1), stored)


def test_folding_the_shift_into_the_autoencoder_changes_no_picture():
    torch.manual_seed(0)
    network, picture = vae.build_vae().eval(), torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        plain = network.decode(network.encode(picture).latent_dist.mean).sample
        vae.whiten(network, torch.tensor([1.0, -2, 0, 3]), torch.tensor([2.0, 0.5, 1, 4]))
        folded = network.decode(network.encode(picture).latent_dist.mean).sample
    assert torch.allclose(plain, folded, atol=1e-4)


def test_the_newest_pictures_take_the_place_of_the_oldest():
    ring, randomness = base.Ring(4), torch.Generator().manual_seed(0)
    for number in range(3):
        ring.add({"latents": torch.full((2, 1), number)})
    assert sorted(ring.draw(64, randomness)["latents"].unique().tolist()) == [1, 2]


@pytest.mark.soak
def test_pictures_of_several_shapes_are_drawn_by_helpers(stored):
    work = Session(stored.folder, torch.device("cpu"), workers=2, shrink=2)
    drawn = base.batches(stored.vae(), stored.tokenizer(), work, first=0, batch=4)
    shapes = {tuple(next(drawn)["latents"].shape) for _ in range(12)}
    assert len(shapes) > 1
    assert all(shape[:2] == (4, 4) for shape in shapes)


def test_pictures_of_other_shapes_are_painted(stored):
    (picture,) = paint(pipeline_of(stored), ["two red boats"], steps=1, size=(64, 128))
    assert picture.shape == (128, 64, 3)


def test_processes_go_apart_and_on_from_the_mean_of_their_weights(monkeypatch, tmp_path):
    met: list[int] = []
    monkeypatch.setattr(parallel, "count", lambda: 2)
    monkeypatch.setattr(parallel, "share", lambda _: None)
    monkeypatch.setattr(parallel, "any_of", bool)
    monkeypatch.setattr(parallel, "average", lambda weights: met.append(len(weights)))
    net = torch.nn.Linear(2, 1)
    batches, steps = repeat({"x": torch.ones(3, 2)}), 2 * STEPS_APART + 1
    run = fit("net", net, batches, lambda batch, _: net(batch["x"]).mean(), session(tmp_path, steps), 0.1)
    assert (run.step, run.samples, met) == (steps, 6 * steps, [2, 2, 2])  # twice between, and at the end


def test_weights_that_have_cooled_down_may_learn_at_a_share_of_the_rate(tmp_path):
    moved = []
    for rate in (1.0, 0.25):
        net = torch.nn.Linear(2, 1)
        before = net.weight.detach().clone()
        asked = replace(session(tmp_path / str(rate), 1), rate=rate)
        batch = {"x": torch.ones(3, 2)}
        run = Run("net", net, asked, 0.1)
        run.advance(net(batch["x"]).mean(), 3)
        moved.append(float((net.weight.detach() - before).abs().mean()))
    assert moved[1] == pytest.approx(moved[0] / 4, rel=0.05)
