import json

import pytest

from studio import __version__
from studio.downloads.hashes import Weights
from studio.metadata import readers
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe
from tests.drawer import resolved


def test_the_text_is_as_a1111_writes_it():
    recipe = resolved("a red house").replace(
        negative_prompt="blurry", scheduler="DPM++ 2M Karras", steps=20, guidance_scale=7, width=512, height=768
    )
    assert to_infotext(recipe) == (
        "a red house\n"
        "Negative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model: starter, "
        f"Version: Image Studio {__version__}"
    )


def test_without_negative_prompt_there_is_no_such_line():
    assert "Negative" not in to_infotext(resolved("a red house"))


def test_a_value_with_a_separator_is_quoted():
    assert 'Model: "mine: the second, really"' in to_infotext(resolved("x").replace(model="mine: the second, really"))


@pytest.mark.parametrize(("guidance", "text"), [(7.5, "7.5"), (4.0, "4"), (0.1, "0.1")])
def test_guidance_is_written_without_idle_zeros(guidance: float, text: str):
    assert f"CFG scale: {text}," in to_infotext(resolved("x").replace(guidance_scale=guidance))


def test_what_takes_no_guidance_names_none():
    assert "CFG" not in to_infotext(resolved("x").replace(guidance_scale=None))


def test_samplers_that_a1111_names_otherwise_get_its_name():
    assert "Sampler: Euler," in to_infotext(resolved("x").replace(scheduler="Flow Euler"))


INIT = "0" * 64


def line(recipe: Recipe, size: tuple[int, int] | None = None) -> str:
    return to_infotext(recipe, size).splitlines()[-1].removesuffix(f", Version: Image Studio {__version__}")


def test_a_changed_picture_says_how_much_was_changed():
    recipe = resolved("x").replace(init_image=INIT, strength=0.75, resize="crop")
    assert line(recipe).endswith("Size: 64x64, Model: starter, Denoising strength: 0.75")


def test_an_inpainted_picture_says_its_mask_and_its_own_size():
    recipe = resolved("x").replace(
        init_image=INIT,
        mask_image=INIT,
        strength=1.0,
        width=None,
        height=None,
        mask_blur=4,
        mask_fill="surroundings",
        mask_area="masked",
        mask_padding=32,
    )
    assert line(recipe, (333, 222)).endswith(
        "Size: 333x222, Model: starter, Denoising strength: 1, Mask blur: 4, Masked content: fill, "
        "Inpaint area: Only masked, Masked area padding: 32"
    )


def test_a_second_pass_is_said_beside_the_size_of_the_first():
    recipe = resolved("x").replace(hires_scale=2, hires_upscaler="latent", hires_strength=0.5, hires_steps=7)
    assert line(recipe, (128, 128)).endswith(
        "Size: 64x64, Model: starter, Denoising strength: 0.5, Hires upscale: 2, Hires upscaler: Latent, Hires steps: 7"
    )


def test_a_picture_that_was_only_enlarged_names_no_model():
    recipe = Recipe(model="starter", seed=1, init_image=INIT, upscaler="sharp-4x", upscale=2.5)
    assert line(recipe, (128, 128)) == "Postprocess upscaler: sharp-4x, Postprocess upscale by: 2.5"


def test_each_control_is_written_as_a1111_does():
    unit = {"kind": "canny", "image": INIT, "model": "sd15-canny", "weight": 0.8, "end": 0.5, "mode": "prompt"}
    units = [{**unit, "options": {"low": 100, "high": 200}}, {"kind": "depth", "map": INIT, "model": "sd15-depth"}]
    assert line(resolved("x").replace(controls=units)).endswith(
        'ControlNet 0: "Module: canny, Model: sd15-canny, Weight: 0.8, Resize Mode: Crop and Resize, Threshold A: 100, '
        'Threshold B: 200, Guidance Start: 0.0, Guidance End: 0.5, Control Mode: My prompt is more important", '
        'ControlNet 1: "Module: none, Model: sd15-depth, Weight: 1.0, Resize Mode: Crop and Resize, '
        'Guidance Start: 0.0, Guidance End: 1.0, Control Mode: Balanced"'
    )


def test_loras_of_the_list_stand_in_the_prompt_as_others_write_them():
    loras = ({"name": "ink", "weight": 0.5}, {"name": "wet", "weight": 1, "text_weight": 0}, {"name": "pen"})
    text = to_infotext(resolved("a house <lora:ink:0.5>").replace(loras=loras))
    assert text.splitlines()[0] == "a house <lora:ink:0.5> <lora:wet:0:1> <lora:pen:1>"


def test_a_variation_is_named_as_a1111_does_and_none_is_not():
    recipe = resolved("x").replace(variation_seed=9, variation_strength=0.25)
    assert "Variation seed strength: 0.25, Variation seed: 9" in to_infotext(recipe)
    assert "Variation" not in to_infotext(recipe.replace(variation_strength=0))


def test_clip_skip_goes_out_and_comes_back():
    recipe = resolved("x").replace(clip_skip=2)
    assert "Clip skip: 2" in to_infotext(recipe)
    assert readers.of_text(to_infotext(recipe)).values["clip_skip"] == 2
    assert "Clip skip" not in to_infotext(resolved("x"))


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("x\nSteps: 5, Sampler: Euler, Seed: 1, Clip skip: 2", 2),
        ("x\nSteps: 5, Sampler: Euler, Seed: 1, Clip skip: 1", None),
        ('{"positive_prompt": "x", "seed": 1, "steps": 5, "scheduler": "euler", "cfg_scale": 7, "clip_skip": 1}', 2),
        ('{"positive_prompt": "x", "seed": 1, "steps": 5, "scheduler": "euler", "cfg_scale": 7, "clip_skip": 0}', None),
        ('{"prompt": "x", "num_inference_steps": 5, "clip_skip": true}', 2),
    ],
    ids=["A1111", "A1111 none", "InvokeAI", "InvokeAI none", "Easy Diffusion"],
)
def test_clip_skip_of_other_tools_is_counted_as_they_count(text: str, ours: int | None):
    assert readers.of_text(text).values.get("clip_skip") == ours


def test_a_vae_goes_out_and_comes_back_by_its_name():
    recipe = resolved("x").replace(vae="kl-f8")
    assert "VAE: kl-f8" in to_infotext(recipe)
    assert readers.of_text(to_infotext(recipe)).values["vae"] == "kl-f8"
    told = readers.of_text("x\nSteps: 5, Sampler: Euler, Seed: 1, VAE: kl-f8.safetensors").values
    assert told["vae"] == "kl-f8"
    assert "vae" not in readers.of_text("x\nSteps: 5, Sampler: Euler, Seed: 1, VAE: Automatic").values


def test_clip_skip_of_comfyui_is_that_of_the_node_behind_the_words():
    def node(kind: str, **inputs: object) -> dict[str, object]:
        return {"class_type": kind, "inputs": inputs}

    graph = {
        "1": node("CheckpointLoaderSimple", ckpt_name="m.safetensors"),
        "2": node("CLIPSetLastLayer", clip=["1", 1], stop_at_clip_layer=-2),
        "3": node("CLIPTextEncode", text="a fox", clip=["2", 0]),
        "4": node("CLIPTextEncode", text="blurry", clip=["2", 0]),
        "5": node("EmptyLatentImage", width=512, height=512, batch_size=1),
    }
    sampling = {"seed": 1, "steps": 9, "cfg": 7, "sampler_name": "euler", "scheduler": "normal", "denoise": 1}
    links = {"model": ["1", 0], "positive": ["3", 0], "negative": ["4", 0], "latent_image": ["5", 0]}
    told = readers.of_text(json.dumps(graph | {"6": node("KSampler", **sampling, **links)}))
    assert told.values["clip_skip"] == 2
    assert not any("clip" in line.casefold() for line in told.left)


def test_hashes_are_written_as_a1111_and_civitai_look_them_up():
    digits = {name: f"{number}" * 64 for number, name in enumerate(("model", "vae", "ink", "word", "folder"))}
    weights = [
        Weights("model", "starter", digits["model"], "starter.safetensors"),
        Weights("vae", "kl", digits["vae"], "kl.safetensors"),
        Weights("lora", "ink", digits["ink"], "ink.safetensors", "a" * 64),
        Weights("embedding", "worn", digits["word"], "worn.safetensors"),
        Weights("model", "second", digits["folder"], "second.safetensors"),
    ]
    recipe = resolved("x").replace(vae="kl", loras=({"name": "ink"},), model="starter")
    text = to_infotext(recipe, None, weights)
    assert f"Model hash: {'0' * 10}, Model: starter, VAE hash: {'1' * 10}, VAE: kl" in text
    assert f'Lora hashes: "ink: {"a" * 12}"' in text
    hashes = json.loads(json.loads(text.split("Hashes: ")[1].split(", Version")[0]))
    assert hashes == {"model": "0" * 10, "vae": "1" * 10, "lora:ink": "2" * 10, "embed:worn": "3" * 10}
    assert readers.of_text(text).hashes["ink"] == "a" * 12


def test_a_folder_of_weights_has_no_hash_that_a_file_could_be_found_by():
    text = to_infotext(resolved("x"), None, [Weights("model", "starter", "0" * 64)])
    assert "hash" not in text.casefold()
