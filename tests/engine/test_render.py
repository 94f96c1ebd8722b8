import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from studio.engine.manager import PipelineManager
from studio.errors import Cancelled, InvalidRecipe
from studio.events import Loading, Preview, Step
from tests import tiny
from tests.engine.conftest import nobody


def bare(folder, recipe):
    """The image of the bare diffusers pipeline with a recipe's settings."""
    import diffusers
    import torch

    from studio.families import FAMILIES
    from studio.schedulers import SCHEDULERS

    family = FAMILIES[folder.name.removeprefix("tiny-")]
    options = {"add_watermarker": False} if "XL" in family.pipelines["text2img"] else {}
    pipe = getattr(diffusers, family.pipelines["text2img"]).from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, **options
    )
    row = SCHEDULERS[recipe.scheduler]
    pipe.scheduler = getattr(diffusers, row.diffusers).from_config(pipe.scheduler.config, **row.options)
    pipe.set_progress_bar_config(disable=True)
    negative = {"negative_prompt": recipe.negative_prompt} if recipe.negative_prompt else {}
    return pipe(
        recipe.prompt,
        width=recipe.width,
        height=recipe.height,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(recipe.seed),
        **negative,
    ).images[0]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_an_image_equals_the_bare_pipelines_bit_by_bit(backend, catalogue, recipe, family):
    wanted = recipe(family)
    (made,) = backend.generate([wanted], nobody)
    assert made.image.tobytes() == bare(catalogue[wanted.model].folder, wanted).tobytes()


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_negative_prompt_counts_as_in_the_bare_pipeline(backend, catalogue, recipe, family):
    wanted = recipe(family, negative_prompt="rain", scheduler="Euler a")
    with_negative, without = backend.generate([wanted, wanted.changed(negative_prompt="")], nobody)
    assert with_negative.image.tobytes() == bare(catalogue[wanted.model].folder, wanted).tobytes()
    assert with_negative.image.tobytes() != without.image.tobytes()


def test_the_same_recipe_gives_the_same_bytes_twice(backend, recipe):
    first, between, again = backend.generate([recipe("starter"), recipe("sdxl"), recipe("starter")], nobody)
    assert [first.index, between.index, again.index] == [0, 1, 2]
    assert first.image.tobytes() == again.image.tobytes() != between.image.tobytes()


@pytest.mark.parametrize("family", ["starter", "sdxl", "sd3", "flux", "lcm"])
@pytest.mark.parametrize("scheduler", ["", "Euler a", "DPM++ 2M SDE"])
def test_an_image_of_a_batch_equals_the_single_one(manager, catalogue, inputs, recipe, family, scheduler):
    from studio.engine.decode import decode
    from studio.engine.noise import Noise
    from studio.engine.progress import Clock, Progress
    from studio.engine.renderer import Renderer
    from studio.engine.requests import LatentRow
    from studio.engine.tasks.context import TaskContext

    if scheduler and family not in {"starter", "sdxl"}:
        pytest.skip("another process, or bound to its own scheduler")
    recipes = [recipe(family, seed=seed, **({"scheduler": scheduler} if scheduler else {})) for seed in (3, 11, 5)]

    def pixels(batch):
        context = TaskContext.of(batch[0], manager.assets, inputs)
        pass_ = context.pass_of("text2img", (tiny.SIDE, tiny.SIDE), batch[0].steps)
        asked = [context.denoise(pass_, LatentRow(index, Noise.of(one))) for index, one in enumerate(batch)]
        progress = Progress(Clock(), list(enumerate(batch)), nobody)
        progress.expect([pass_])
        with manager.borrow(catalogue[recipes[0].model]) as lease:
            answers = Renderer(manager, lease, context.recipe, progress, nobody).denoise(asked)
            return [decode(lease.pipe, latents) for (latents,) in answers]

    for together, alone in zip(pixels(recipes), recipes, strict=True):
        np.testing.assert_allclose(together, pixels([alone])[0], rtol=0, atol=1e-5)


def test_seeds_of_one_recipe_are_denoised_together(backend, recipe):
    events = []
    images = list(backend.generate([recipe("starter", seed=seed) for seed in range(5)], events.append))
    assert {event.images for event in events if isinstance(event, Step)} == {(0, 1, 2, 3), (4,)}
    assert [image.facts["batch"] for image in images] == ["4", "4", "4", "4", "1"]
    assert all(image.seconds > 0 for image in images)


@pytest.mark.parametrize("scheduler", ["Euler", "PLMS", "Heun", "DPM2"])
def test_steps_are_counted_as_they_were_set(backend, recipe, scheduler):
    events = []
    list(backend.generate([recipe("starter", scheduler=scheduler, steps=5)], events.append))
    steps = [event for event in events if isinstance(event, Step)]
    assert {event.steps for event in steps} == {5}
    counted = [event.step for event in steps]
    assert counted == sorted(counted)
    assert counted[-1] == 5
    assert steps[-1].seconds_left == 0
    assert all(event.seconds_left > 0 for event in steps[:-1])


def test_without_guidance_the_negative_prompt_is_not_asked(backend, recipe):
    wanted = recipe("sd15", guidance_scale=1)
    one, other = backend.generate([wanted, wanted.changed(negative_prompt="rain")], nobody)
    assert one.image.tobytes() == other.image.tobytes()


@pytest.mark.parametrize(
    ("family", "guidance", "negative", "told"),
    [("sd15", 1, "rain", True), ("sdxl", 0, "rain", True), ("sd15", 1, "", False), ("sd3", 2, "rain", False)],
)
def test_a_negative_prompt_that_does_nothing_is_told(backend, recipe, family, guidance, negative, told):
    events = []
    wanted = recipe(family, guidance_scale=guidance, negative_prompt=negative, steps=1)
    (made,) = backend.generate([wanted], events.append)
    said = [
        event.what for event in events if isinstance(event, Loading) and "negative prompt does nothing" in event.what
    ]
    assert bool(said) == ("negative prompt does nothing" in made.facts.get("notes", "")) == told


def test_t5_is_fed_as_many_tokens_as_the_model_learned(settings, tiny_model, recipe, tmp_path):
    from studio.catalogue.models import Catalogue

    home = settings.model_copy(update={"home": tmp_path})
    (tmp_path / "models").mkdir()
    for name, tokens in {"dev": 511, "schnell": 255}.items():
        folder = tmp_path / "models" / name
        shutil.copytree(tiny_model("flux"), folder)
        config = json.loads((folder / "transformer/config.json").read_text())
        (folder / "transformer/config.json").write_text(json.dumps(config | {"guidance_embeds": name == "dev"}))
        weights = folder / "transformer/diffusion_pytorch_model.safetensors"
        guided = {key: value for key, value in load_file(weights).items() if name == "dev" or "guidance" not in key}
        save_file(guided, weights)
        model = Catalogue(home)[name]
        assert model.default("prompt_tokens") == tokens
        assert ("guidance" in model.default("abilities")) == (name == "dev")
        manager = PipelineManager(Catalogue(home), home)
        with manager.borrow(model) as lease:
            conditioning = lease.loaded.prompts.conditioning(lease.pipe, recipe("flux", model=name), 1)
            assert conditioning.arguments["prompt_embeds"].shape[1] == tokens + 1
        manager.close()


def test_a_second_seed_asks_no_text_encoder(manager, catalogue, inputs, recipe):
    from studio.engine.render import render

    model = catalogue["tiny-sdxl"]
    calls = []
    with manager.borrow(model) as lease:
        encoder = lease.pipe.text_encoder
    handle = encoder.register_forward_hook(lambda *_: calls.append(1))
    list(render(manager, [(0, recipe("sdxl", seed=1))], nobody, inputs))
    asked = len(calls)
    list(render(manager, [(0, recipe("sdxl", seed=2))], nobody, inputs))
    handle.remove()
    assert asked > 0
    assert len(calls) == asked


def test_a_stopped_job_frees_the_device(backend, recipe):
    def stop(event):
        if isinstance(event, Step):
            raise Cancelled

    with pytest.raises(Cancelled):
        list(backend.generate([recipe("starter", steps=20)], stop))
    assert len(list(backend.generate([recipe("starter")], nobody))) == 1


def test_a_generator_that_is_given_up_frees_the_device(backend, recipe):
    images = backend.generate([recipe("starter", seed=s, steps=3 + s) for s in range(3)], nobody)
    next(images)
    images.close()
    assert len(list(backend.generate([recipe("starter")], nobody))) == 1


def test_loading_is_told_where_the_model_is_not_there_yet(settings, catalogue, recipe):
    from studio.backends.local import LocalBackend

    backend = LocalBackend(settings, catalogue)
    told = []
    list(backend.generate([recipe("starter")], told.append))
    assert told[:2] == [Loading("Starting the engine ..."), Loading("Loading tiny-starter ...")]
    told.clear()
    list(backend.generate([recipe("starter")], told.append))
    assert not [event for event in told if isinstance(event, Loading)]
    backend.close()


def test_a_warm_model_is_borrowed_without_loading(settings, catalogue, recipe):
    from studio.backends.local import LocalBackend

    backend = LocalBackend(settings, catalogue)
    backend.warm("tiny-starter")
    told = []
    list(backend.generate([recipe("starter")], told.append))
    assert not [event for event in told if isinstance(event, Loading)]
    backend.close()


def test_facts_say_how_the_image_was_made(backend, recipe):
    import diffusers
    import torch

    (made,) = backend.generate([recipe("starter")], nobody)
    assert made.facts["device"] == "CPU"
    assert made.facts["dtype"] == "float32"
    assert made.facts["memory"].startswith("fits: under 0.1 of ")
    assert (made.facts["torch"], made.facts["diffusers"]) == (torch.__version__, diffusers.__version__)
    assert "changed" not in made.facts


@pytest.mark.parametrize(("family", "letters", "limit"), [("sd3", "q" * 300, 255), ("flux", "ab" * 300, 511)])
def test_a_prompt_that_would_be_cut_is_refused_before_the_first_step(backend, recipe, family, letters, limit):
    events = []
    with pytest.raises(InvalidRecipe) as caught:
        list(backend.generate([recipe(family, prompt=f"{letters} and a dog at the end of it")], events.append))
    assert caught.value.field == "prompt"
    assert f"longer than the {limit} that the model reads" in caught.value.message
    assert 'it would be cut before "' in caught.value.message
    assert not [event for event in events if isinstance(event, Step)]


def test_a_negative_prompt_that_would_be_cut_is_named(backend, recipe):
    with pytest.raises(InvalidRecipe) as caught:
        list(backend.generate([recipe("sd3", negative_prompt="x" * 255)], nobody))
    assert caught.value.field == "negative_prompt"
    assert "1 tokens longer" in caught.value.message


def test_previews_are_small_jpegs_of_each_image(backend, recipe):
    import io

    from PIL import Image

    events = []
    list(backend.generate([recipe("starter", seed=s, width=128) for s in (1, 2)], events.append))
    previews = [event for event in events if isinstance(event, Preview)]
    assert {event.image for event in previews} == {0, 1}
    for event in previews:
        assert len(event.jpeg) < 40_000
        image = Image.open(io.BytesIO(event.jpeg))
        image.load()
        assert (image.format, image.size) == ("JPEG", (256, 128))


def test_numbers_that_overflow_are_an_error_and_not_a_black_image(manager, catalogue, inputs, recipe):
    import torch

    from studio.engine.render import render
    from studio.errors import DeviceError

    model = catalogue["tiny-sd15"]
    with manager.borrow(model) as lease:
        handle = lease.pipe.unet.register_forward_hook(lambda _, __, out: (torch.full_like(out[0], torch.nan),))
    with pytest.raises(DeviceError, match="NaN"):
        list(render(manager, [(0, recipe("sd15"))], nobody, inputs))
    handle.remove()
    assert len(list(render(manager, [(0, recipe("sd15"))], nobody, inputs))) == 1


def test_a_decoder_that_overflows_decodes_again_in_float32(manager, catalogue, inputs, recipe):
    import torch

    from studio.engine.render import render

    model = catalogue["tiny-sd15"]
    told = []
    with manager.borrow(model) as lease:
        vae = lease.pipe.vae
    calls = []

    def once(_, __, out):
        calls.append(1)
        return torch.full_like(out, torch.nan) if len(calls) == 1 else out

    handle = vae.decoder.register_forward_hook(once)
    (made,) = render(manager, [(0, recipe("sd15"))], told.append, inputs)
    handle.remove()
    assert "float32" in made.facts["changed"]
    assert np.asarray(made.image).std() > 0


@pytest.mark.parametrize(("scheduler", "steps"), [("LCM", 60), ("DDIM", 1000), ("UniPC", 1000)])
def test_a_scheduler_that_cannot_do_the_steps_says_so_before_the_first(backend, recipe, scheduler, steps):
    events = []
    with pytest.raises(InvalidRecipe) as caught:
        list(backend.generate([recipe("sd15", scheduler=scheduler, steps=steps)], events.append))
    assert caught.value.field == "steps"
    assert not [event for event in events if isinstance(event, Step)]


def test_a_scheduler_that_the_pipeline_is_not_made_for_names_the_field(backend, recipe):
    with pytest.raises(InvalidRecipe) as caught:
        list(backend.generate([recipe("lcm", scheduler="Euler")], nobody))
    assert caught.value.field == "scheduler"
