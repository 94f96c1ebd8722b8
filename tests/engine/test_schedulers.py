"""Schedulers are built by what a model learned: also where its config says too little, or another noise."""

import inspect
import json
import shutil

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.engine.sampling import planned_on_host
from studio.engine.schedulers import build, check
from studio.errors import InvalidRecipe
from studio.families import FAMILIES
from studio.schedulers import SCHEDULERS, sampling
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody

# As they were published.
SD15 = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
SDXL = SD15 | {
    "_class_name": "EulerDiscreteScheduler",
    "interpolation_type": "linear",
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "timestep_spacing": "leading",
    "use_karras_sigmas": False,
}
PUBLISHED = {"sd15": SD15, "sdxl": SDXL}
ZERO = SDXL | {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "leading"}


def loaded(config):
    """The config as a pipeline has it that was loaded from a folder."""
    return getattr(diffusers, config["_class_name"]).from_config(config).config


@pytest.mark.parametrize("family", PUBLISHED)
@pytest.mark.parametrize("name", sampling("diffusion"))
def test_a_config_that_says_too_little_samples_as_the_published_one(family, name):
    whole = PUBLISHED[family]
    poor = {key: value for key, value in whole.items() if key in ("_class_name", "prediction_type")}
    facts = FAMILIES[family]
    right, built = (build(name, loaded(config), facts) for config in (whole, poor))
    plain = getattr(diffusers, SCHEDULERS[name].diffusers).from_config(whole, **SCHEDULERS[name].options)
    takes = inspect.signature(type(built).__init__).parameters.keys() - {"self"}
    for key in takes:
        assert built.config[key] == right.config[key] == plain.config[key], key


@pytest.mark.parametrize("name", sampling("diffusion"))
def test_a_scheduler_that_adds_fresh_noise_says_so(name):
    scheduler = build(name, loaded(SD15), FAMILIES["sd15"])
    scheduler.set_timesteps(4)
    generator, sample = torch.Generator().manual_seed(1), torch.ones(1, 4, 8, 8)
    before = generator.get_state()
    draws = "generator" in inspect.signature(scheduler.step).parameters
    scheduler.scale_model_input(sample, scheduler.timesteps[0])
    scheduler.step(sample / 10, scheduler.timesteps[0], sample, **({"generator": generator} if draws else {}))
    assert SCHEDULERS[name].fresh_noise == (not torch.equal(generator.get_state(), before))


@pytest.mark.parametrize("name", ["DDIM", "DDPM"])
@pytest.mark.parametrize("said", [{}, {"clip_sample": True}, {"thresholding": True}])
def test_latents_are_never_clipped(name, said):
    poor = {key: value for key, value in SDXL.items() if key != "clip_sample"} | said
    scheduler = build(name, loaded(poor), FAMILIES["sdxl"])
    scheduler.set_timesteps(4)
    latents = torch.full((1, 4, 2, 2), 6.0)
    for timestep in scheduler.timesteps:
        alpha = scheduler.alphas_cumprod[int(timestep)]
        # The right noise for a picture whose latents are 6.
        noise = (latents - alpha.sqrt() * 6) / (1 - alpha).sqrt()
        latents = scheduler.step(noise, timestep, latents, return_dict=False)[0]
    assert latents.mean() == pytest.approx(6, abs=0.5)


def test_the_schedulers_for_zero_terminal_snr_are_those_whose_class_knows_it():
    for name in sampling("diffusion"):
        row = SCHEDULERS[name]
        knows = "rescale_betas_zero_snr" in inspect.signature(getattr(diffusers, row.diffusers).__init__).parameters
        # Karras' levels spend most steps between the last two of the training, where there is nothing but noise.
        assert row.zero_snr == (knows and not row.options.get("use_karras_sigmas")), name


@pytest.mark.parametrize("name", sampling("diffusion", zero_snr=True))
def test_a_model_of_zero_terminal_snr_is_sampled_from_noise_alone(name):
    scheduler = build(name, loaded(ZERO), FAMILIES["sdxl"])
    scheduler.set_timesteps(8)
    first = int(scheduler.timesteps[0])
    assert first == 999
    assert scheduler.alphas_cumprod[first] < 1e-6
    assert float(scheduler.timesteps[1]) < 900
    check(loaded(ZERO), name, 8, family=FAMILIES["sdxl"])


@pytest.fixture
def home(tmp_path):
    (tmp_path / "models").mkdir()
    return Settings(home=tmp_path, device="cpu")


def with_scheduler(home, tiny_model, config, name="mine"):
    """The tiny SDXL with another scheduler's config."""
    folder = home.home / "models" / name
    shutil.copytree(tiny_model("sdxl"), folder)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", config["_class_name"]]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def test_a_model_offers_only_what_honours_its_noise(home, tiny_model, recipe):
    with_scheduler(home, tiny_model, ZERO)
    catalogue = Catalogue(home)
    model = catalogue["mine"]
    assert model.default("scheduler") == "Euler"
    assert model.schedulers() == sampling("diffusion", zero_snr=True)
    assert not {"Heun", "LMS", "PLMS", "DPM2", "DEIS", "DPM++ 2M Karras"} & {*model.schedulers()}
    backend = LocalBackend(home, catalogue)
    with pytest.raises(InvalidRecipe, match="Heun cannot sample mine"):
        list(backend.generate([recipe("sdxl", model="mine", scheduler="Heun")], nobody))
    backend.close()


@pytest.mark.parametrize("resolved", ["scheduler", "default"])
def test_the_toml_of_a_model_on_the_hub_can_name_its_noise(home, resolved):
    scheduler = 'scheduler = "EDM Euler"\n' if resolved == "scheduler" else ""
    (home.home / "models" / "far.toml").write_text(
        f'family = "sdxl"\nrepo = "someone/far"\nnoise_schedule = "edm"\n{scheduler}'
    )
    model = Catalogue(home)["far"]
    assert model.default("scheduler") == ("EDM Euler" if scheduler else "EDM DPM++ 2M")
    assert {SCHEDULERS[name].process for name in model.schedulers()} == {"edm"}


PLAYGROUND = {"_class_name": "EDMDPMSolverMultistepScheduler", "sigma_data": 0.5, "sigma_max": 80.0, "sigma_min": 0.002}
COSXL = {
    "_class_name": "EDMEulerScheduler",
    "prediction_type": "v_prediction",
    "sigma_data": 1.0,
    "sigma_max": 120.0,
    "sigma_min": 0.002,
    "sigma_schedule": "exponential",
}
# How Euler's own scheduler says the same.
CONTINUOUS = SDXL | {
    "prediction_type": "v_prediction",
    "timestep_type": "continuous",
    "sigma_max": 120.0,
    "sigma_min": 0.002,
}


@pytest.fixture(scope="module")
def edm(tiny_model, tmp_path_factory):
    """A backend with tiny models of EDM's noise, in folders and in single files."""
    home = Settings(home=tmp_path_factory.mktemp("edm"), device="cpu")
    home.folder("models")
    for name, config in {"playground": PLAYGROUND, "cosxl": COSXL}.items():
        folder = with_scheduler(home, tiny_model, config, name)
        marks = {"edm_vpred.sigma_min": torch.tensor(0.002), "edm_vpred.sigma_max": torch.tensor(120.0)}
        if name == "playground":
            vae = json.loads((folder / "vae/config.json").read_text())
            moments = {"latents_mean": [0.5, 0.0, -0.5, 1.0], "latents_std": [2.0, 1.0, 0.5, 1.0]}
            (folder / "vae/config.json").write_text(json.dumps(vae | moments | {"scaling_factor": 0.5}))
            marks = {f"edm_{k[8:]}": torch.tensor(values).view(1, 4, 1, 1) for k, values in moments.items()}
        file = tiny.single_file(tiny_model("sdxl"), home.home / "models" / f"{name}-file.safetensors")
        save_file(load_file(file) | marks, file)
        (home.home / "models" / f"{name}-file.toml").write_text('family = "sdxl"\n')
        # As most have them: the configs of plain SDXL.
        tiny.configs_only(tiny_model("sdxl"), home.home / "models" / f"{name}-file.config")
    catalogue = Catalogue(home)
    backend = LocalBackend(home, catalogue)
    yield backend, catalogue
    backend.close()


def bare(folder, recipe):
    """The image of the bare pipeline with the model's own scheduler."""
    pipe = diffusers.StableDiffusionXLPipeline.from_pretrained(folder, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    size = {"width": recipe.width, "height": recipe.height}
    generator = torch.Generator().manual_seed(recipe.seed)
    return pipe(
        recipe.prompt,
        **size,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=generator,
    ).images[0]


@pytest.mark.parametrize(("name", "scheduler"), [("playground", "EDM DPM++ 2M"), ("cosxl", "EDM Euler")])
def test_an_edm_model_draws_as_the_bare_pipeline_from_folder_and_file(edm, recipe, name, scheduler):
    backend, catalogue = edm
    wanted = recipe("sdxl", model=name, scheduler=scheduler, guidance_scale=4)
    of_folder, of_file = backend.generate([wanted, wanted.changed(model=f"{name}-file")], nobody)
    # A file's weights lie otherwise in memory, which moves the last bits.
    assert np.abs(np.asarray(of_folder.image, int) - np.asarray(of_file.image, int)).max() <= 1
    assert of_folder.image.tobytes() == bare(catalogue[name].folder, wanted).tobytes()


@pytest.mark.parametrize("scheduler", sampling("edm"))
def test_an_edm_model_does_each_task(edm, recipe, edit, inputs, scheduler):
    backend, _ = edm
    backend._inputs = inputs  # where the pictures of `edit` lie
    start = {"model": "cosxl", "scheduler": scheduler}
    wanted = [recipe("sdxl", **start, steps=2), edit("sdxl", **start), edit("sdxl", masked=True, **start)]
    made = backend.generate(wanted, nobody)
    assert all(np.asarray(one.image).std() > 1 for one in made)


def test_an_edm_model_refuses_the_schedulers_of_plain_noise(edm, recipe):
    backend, catalogue = edm
    assert catalogue["cosxl-file"].schedulers() == sampling("edm")
    with pytest.raises(InvalidRecipe, match="Euler a cannot sample cosxl"):
        list(backend.generate([recipe("sdxl", model="cosxl", scheduler="Euler a")], nobody))


def test_eulers_continuous_steps_are_edms(home, tiny_model):
    with_scheduler(home, tiny_model, CONTINUOUS)
    assert Catalogue(home)["mine"].noise_schedule == "edm"
    built, wanted = (
        build("EDM Euler", loaded(CONTINUOUS), FAMILIES["sdxl"]),
        diffusers.EDMEulerScheduler(**{key: value for key, value in COSXL.items() if key != "_class_name"}),
    )
    for scheduler in (built, wanted):
        scheduler.set_timesteps(6)
    torch.testing.assert_close(built.sigmas, wanted.sigmas)
    assert built.config.prediction_type == "v_prediction"


@pytest.mark.parametrize("name", sampling("diffusion"))
def test_no_step_reads_from_the_card(name: str) -> None:
    """A device whose numbers nobody can read stands for one: whoever asks for them would wait for it."""
    scheduler = build(name, SD15)
    planned_on_host(scheduler)
    scheduler.set_timesteps(6, device="meta")
    sample = torch.empty(1, 4, 8, 8, device="meta", dtype=torch.float16)
    takes = inspect.signature(scheduler.step).parameters
    noise = {"generator": torch.Generator()} if "generator" in takes else {}
    for timestep in scheduler.timesteps:
        prediction = scheduler.scale_model_input(sample, timestep) / 2
        sample = scheduler.step(prediction, timestep, sample, return_dict=False, **noise)[0]
    assert sample.is_meta
