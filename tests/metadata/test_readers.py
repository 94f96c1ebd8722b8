"""What pictures and texts of other tools say, as recipe fields; and that nothing of it is dropped in silence."""

import argparse
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.cli import generate
from studio.errors import NotFound, Unreadable
from studio.inputs import InputStore
from studio.metadata import readers, writing
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe
from studio.settings import Settings
from tests.drawer import picture, resolved

FORGE = """a castle <lora:ink:0.8>
at night
Negative prompt: blurry,
Size: wrong
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 123, Size: 512x768, Model hash: 879db523c3, \
Model: dreamshaper_8, Denoising strength: 0.4, Clip skip: 2, Hires upscale: 2, Hires steps: 12, \
Hires upscaler: R-ESRGAN 4x+, Lora hashes: "ink: a1, wet: b2", Civitai resources: [{"a":1,"b":2}], Version: f2.0.1"""
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": ["11", 0],
            "steps": 20,
            "cfg": 7,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "denoise": 1,
            "end_at_step": 15,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd\\dreamshaper_8.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle", "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["10", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "FreeU_V2", "inputs": {"b1": 1.3, "model": ["4", 0]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8, "strength_clip": 0.5, "model": ["9", 0]},
    },
    "11": {"class_type": "PrimitiveInt", "inputs": {"value": 123}},
}


def test_a_text_of_forge_becomes_fields_and_what_has_no_place_is_told():
    heard = readers.of_text(FORGE)
    assert heard.values == {
        "prompt": "a castle <lora:ink:0.8>\nat night",
        "negative_prompt": "blurry,\nSize: wrong",
        "clip_skip": 2,
        "steps": 28,
        "scheduler": "DPM++ 2M Karras",
        "guidance_scale": 6.5,
        "seed": 123,
        "width": 512,
        "height": 768,
        "model": "dreamshaper_8",
        "hires_scale": 2,
        "hires_steps": 12,
        "hires_strength": 0.4,
        "hires_upscaler": "R-ESRGAN 4x+",
    }
    assert heard.left == ('Civitai resources [{"a":1,"b":2}]',)


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": 'several\nlines, "quoted": here', "negative_prompt": "blurry"},
        {"variation_seed": 9, "variation_strength": 0.25, "model": "mine: the second, really"},
        {"hires_scale": 1.5, "hires_upscaler": "latent", "hires_strength": 0.5, "hires_steps": 7},
        {"guidance_scale": None, "scheduler": "Euler a", "seed": 2**32 - 1},
    ],
)
def test_what_the_studio_writes_for_others_it_reads_back(changes: dict[str, object]):
    recipe = resolved("a house").replace(**changes)
    heard = readers.of_text(to_infotext(recipe))
    assert heard.left == ()
    assert Recipe.make(**heard.values) == recipe


@pytest.mark.parametrize(
    ("said", "scheduler", "left"),
    [
        ("DPM++ 2M, Schedule type: Automatic", "DPM++ 2M Karras", ()),
        ("DPM++ 2M", "DPM++ 2M", ()),
        ("Euler, Schedule type: Uniform", "Euler", ()),
        ("Euler, Schedule type: Beta", "Euler", ("Schedule type Beta: Euler has no such one here",)),
    ],
)
def test_a_sampler_and_its_schedule_are_one_scheduler(said: str, scheduler: str, left: tuple[str, ...]):
    heard = readers.of_text(f"x\nSteps: 5, Sampler: {said}, Seed: 1")
    assert (heard.values["scheduler"], heard.left) == (scheduler, left)


def test_what_cannot_be_and_what_belongs_to_a_lost_picture_say_why():
    heard = readers.of_text("x\nSteps: 5000, Seed: 3, Denoising strength: 0.6, Mask blur: 4")
    assert heard.values == {"prompt": "x", "negative_prompt": "", "seed": 3}
    lost = "the picture that it belongs to is not in the file"
    why = "Steps 5000: from 1 to 1000 here"
    assert sorted(heard.left) == [f"Denoising strength 0.6: {lost}", f"Mask blur 4: {lost}", why]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"3": {"class_type": "SaveImage"}}',
        "[1]",
        '{"3": {"class_type": "KSampler", "inputs": "x"}}',
    ],
)
def test_a_text_without_settings_is_refused(text: str):
    with pytest.raises(Unreadable, match="no settings"):
        readers.of_text(text)


def test_a_graph_of_comfyui_is_read_around_its_sampler(tmp_path: Path):
    info = PngInfo()
    info.add_text("prompt", json.dumps(GRAPH))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    heard = readers.of_file(tmp_path / "a.png")
    assert Recipe.make(**heard.values) == Recipe(
        prompt="a castle",
        negative_prompt="blurry",
        model="dreamshaper_8",
        loras=({"name": "ink", "weight": 0.8, "text_weight": 0.5},),
        width=512,
        height=768,
        scheduler="DPM++ 2M Karras",
        steps=20,
        guidance_scale=7,
        seed=123,
    )
    assert heard.left == ("end_at_step 15", "FreeU_V2: no recipe says what it does")


def test_the_studios_own_picture_tells_its_whole_recipe(tmp_path: Path):
    recipe = resolved("a house").replace(init_image="0" * 64, strength=0.5)
    writing.write(picture(recipe), recipe, {}, tmp_path / "a.png")
    assert Recipe.make(**readers.of_file(tmp_path / "a.png").values) == recipe


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_a_photographs_comment_is_read_as_a1111_writes_it(tmp_path: Path, ending: str):
    image, exif = Image.new("RGB", (8, 8)), Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "une maison, 家\nSteps: 5, Seed: 1".encode("utf-16-be")
    image.save(tmp_path / f"a.{ending}", exif=exif)
    assert readers.of_file(tmp_path / f"a.{ending}").values["prompt"] == "une maison, 家"


def test_a_file_that_tells_nothing_is_refused_in_words(tmp_path: Path):
    Image.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe\x00\x81")
    (tmp_path / "said.txt").write_text(FORGE)
    assert readers.of_file(tmp_path / "said.txt").values["seed"] == 123
    for name, words in (("bare.png", "does not say"), ("noise.bin", "neither a picture")):
        with pytest.raises(Unreadable, match=words):
            readers.of_file(tmp_path / name)
    with pytest.raises(NotFound, match="is not there"):
        readers.of_file(tmp_path / "gone.png")


def asked(home: Path, *options: str) -> dict[str, object]:
    """What the options of `studio generate` say."""
    parser = argparse.ArgumentParser()
    generate.arguments(parser)
    return generate.given_values(parser.parse_args([*options, "--home", str(home), "--out", str(home)]))


def test_a_command_takes_a_files_settings_and_its_options_count_over_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "forge.txt").write_text(FORGE)
    given = asked(tmp_path, "a fort", "--like", str(tmp_path / "forge.txt"), "--model", "starter", "--steps", "9")
    said = {name: given[name] for name in ("prompt", "model", "steps", "seed", "scheduler")}
    assert said == {"prompt": "a fort", "model": "starter", "steps": "9", "seed": 123, "scheduler": "DPM++ 2M Karras"}
    assert "left out or changed: Civitai resources" in capsys.readouterr().err


def test_a_command_finds_the_pictures_that_a_recipe_started_from(tmp_path: Path):
    inputs = InputStore.of(Settings.load(home=tmp_path))
    source, shape = (inputs.add(Image.new("RGB", (64, 64), colour)).id for colour in ("red", "blue"))
    controls = ({"kind": "canny", "image": shape, "map": source, "weight": 0.5},)
    recipe = resolved("a house").replace(init_image=source, strength=0.5, controls=controls)
    writing.write(picture(recipe), recipe, {}, tmp_path / "a.png")
    given = asked(tmp_path, "--like", str(tmp_path / "a.png"))
    assert Recipe.make(**given | generate.stored(inputs, given)) == recipe.without_maps()


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "[" * 1_000_000, "a:[," * 250_000, 'Steps: 1, a: "' + "\\" * 1_000_000]
)
def test_a_text_made_to_be_slow_is_refused_at_once(text: str):
    with pytest.raises(Unreadable):
        readers.of_text(text)
