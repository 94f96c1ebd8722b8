"""Files of tools that write neither A1111's text nor a graph: read, or named with what is true of them."""

import gzip
import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import Unreadable
from studio.metadata import readers
from studio.metadata.readers import READERS
from studio.recipe import Recipe
from tests.metadata.test_file_texts import exif, hidden, png_of


def picture(path: Path, **texts: Any) -> Path:
    """A PNG with these texts; what is no text is JSON."""
    info = PngInfo()
    for name, value in texts.items():
        info.add_text(name.replace("_", "-") if name == "sd_metadata" else name, _text(value))
    Image.new("L", (512, 640)).save(path, pnginfo=info, compress_level=1)
    return path


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


FOOOCUS = {
    "base_model": "juggernautXL_v8", "base_model_hash": "aeb7e9e689", "adm_guidance": "(1.5, 0.8, 0.3)",
    "full_prompt": ["a fox, epic"], "guidance_scale": 4, "loras": [["ink", 0.5, "4852686128"], ["None", 1, ""]],
    "metadata_scheme": "fooocus", "negative_prompt": "blurry", "performance": "Speed", "prompt": "a fox",
    "refiner_model": "None", "refiner_switch": 0.5, "resolution": "(512, 640)", "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "seed": "5", "sharpness": 2, "steps": 12, "styles": "['Fooocus V2', 'Anime']",
    "vae": "Default (model)", "version": "Fooocus v2.5.5",
}  # fmt: skip
INVOKE = {
    "generation_mode": "sdxl_txt2img", "positive_prompt": "a fox+, (woods)1.3", "negative_prompt": "blurry",
    "width": 512, "height": 640, "seed": 5, "rand_device": "cpu", "cfg_scale": 4, "cfg_rescale_multiplier": 0,
    "steps": 12, "scheduler": "dpmpp_2m_sde_k", "model": {"name": "juggernaut", "hash": "blake3:ab", "base": "sdxl"},
    "loras": [{"model": {"name": "ink", "hash": "x"}, "weight": 0.5}], "vae": {"name": "fix"}, "app_version": "5.6.0",
    "strength": 0.7, "ref_images": [],
}  # fmt: skip
SD_METADATA = {
    "model": "stable diffusion", "model_weights": "juggernaut", "model_hash": "56d1", "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.3.0", "image": {
        "prompt": [{"prompt": "a fox [blurry]", "weight": 1.0}], "steps": 12, "cfg_scale": 4, "threshold": 0, "perlin": 0,
        "height": 640, "width": 512, "seed": 5, "type": "txt2img", "sampler": "k_dpmpp_2m", "variations": [],
        "postprocessing": [{"type": "esrgan", "scale": 4}],
    },
}  # fmt: skip
SWARM = {
    "sui_image_params": {
        "prompt": "a fox <segment:face>paint<lora:dot:1>", "negativeprompt": "blurry", "model": "sdxl/juggernaut.safetensors",
        "images": 1, "seed": 5, "steps": 12, "cfgscale": 4.0, "aspectratio": "Custom", "width": 512, "height": 640,
        "sampler": "dpmpp_2m", "scheduler": "karras", "loras": ["style/ink"], "loraweights": ["0.5"],
        "refinerupscale": 1.5, "refinercontrolpercentage": 0.3, "refinerupscalemethod": "latent-bilinear",
        "automaticvae": True, "swarm_version": "0.9.5.0", "zeronegative": True,
    },
    "sui_extra_data": {"date": "2025-01-01"},
    "sui_models": [{"name": "juggernaut.safetensors", "param": "model", "hash": "0xab12"}],
}  # fmt: skip
NOVELAI = {
    "prompt": "{{fox}}, [dark], 1.2::woods::, 3 (x)", "steps": 12, "width": 512, "height": 640, "scale": 4.0, "uc": "blurry",
    "seed": 5, "n_samples": 1, "noise_schedule": "karras", "sampler": "k_dpmpp_2m", "request_type": "PromptGenerateRequest",
    "signed_hash": "x", "cfg_rescale": 0.0, "sm": False, "strength": 0.7, "noise": 0.2, "v4_prompt": {
        "caption": {"base_caption": "fox", "char_captions": [{"char_caption": "a girl", "centers": []}]}},
}  # fmt: skip
DRAW_THINGS = {
    "c": "a fox", "uc": "blurry", "model": "juggernaut_f16.ckpt", "sampler": "DPM++ 2M Karras", "scale": 4, "seed": 5,
    "size": "512x640", "steps": 12, "strength": 1, "seed_mode": "Scale Alike", "lora": [{"model": "ink.ckpt", "weight": 0.5}],
    "v2": {"width": 512}, "control": [], "profile": {"duration": 3},
}  # fmt: skip
EASY = {
    "prompt": "a fox", "negative_prompt": "blurry", "seed": 5, "use_stable_diffusion_model": "sd/juggernaut",
    "sampler_name": "dpmpp_2m", "scheduler_name": "karras", "width": 512, "height": 640, "num_inference_steps": 12,
    "guidance_scale": 4, "use_lora_model": ["ink"], "lora_alpha": [0.5], "use_vae_model": "None", "clip_skip": False,
    "use_upscale": "RealESRGAN_x4plus",
}  # fmt: skip
RUINED = {
    "Prompt": "a fox", "Negative": "blurry", "steps": 12, "cfg": 4, "width": 512, "height": 640, "seed": 5,
    "sampler_name": "dpmpp_2m", "scheduler": "karras", "base_model_name": "juggernaut.safetensors", "base_model_hash": "ab",
    "loras": [["ab12", "0.5 - ink"]], "denoise": 1, "clip_skip": 1, "software": "RuinedFooocus", "start_step": 3,
}  # fmt: skip
TENSOR = {
    "models": [{"label": "Ink", "type": "LORA", "weight": 0.5, "modelFileName": "ink", "hash": "CD"}],
    "prompt": "a fox", "width": 512, "height": 640, "imageCount": 1, "samplerName": "dpmpp_2m", "schedulerName": "karras",
    "steps": 12, "cfgScale": 4, "seed": "5", "clipSkip": 2, "baseModel": {"modelFileName": "juggernaut", "hash": "AB"},
    "workEngine": "TAMS_V1", "negativePrompt": "blurry",
}  # fmt: skip
CIVITAI = {
    "meta": {
        "prompt": "a fox", "negativePrompt": "blurry", "steps": 12, "cfgScale": 4, "seed": 5, "sampler": "DPM++ 2M Karras",
        "Size": "512x640", "Model": "juggernaut", "Model hash": "ab", "clipSkip": 2,
        "resources": [{"name": "ink", "type": "lora", "weight": 0.5, "hash": "cd"}],
    }
}  # fmt: skip
MOCHI = (
    "Include in Image: a fox; Exclude from Image: blurry; Model: juggernaut; Steps: 12; Guidance Scale: 4.0; Seed: 5; "
    "Size: 512x640; Upscaler: RealESRGAN; Scheduler: PNDM; ML Compute Unit: CPU & Neural Engine; "
    "Generator: Mochi Diffusion 5.2"
)
HORDE_NG = {
    "id": "c8", "worker": {"id": "12", "name": "Dreamer"}, "requestId": "e8", "prompt": "a fox", "negativePrompt": "blurry",
    "sampler": "k_dpmpp_2m", "cfgScale": 4, "denoisingStrength": 0.75, "height": 640, "width": 512, "steps": 12,
    "model": "AlbedoBase XL (SDXL)", "karras": True, "postProcessors": ["GFPGAN"], "seed": "5", "hiresFix": False,
    "faceFixerStrength": 0.75, "nsfw": False, "slowWorkers": True, "clipSkip": 1, "loraList": [{"id": 1234}],
    "styleName": None, "qrCode": {"text": None, "positionX": None}, "generator": "HordeNG (https://horde-ng.org)",
}  # fmt: skip
LUCID = {
    "prompt": "a fox ### blurry", "sampler_name": "k_euler_a", "cfg_scale": 4.0, "denoising_strength": 0.6, "steps": 12,
    "width": 512, "height": 640, "karras": False, "clip_skip": 2, "seed": "5", "model": "Deliberate",
    "loras": [{"name": "ink", "model": 0.5, "clip": 1}], "worker_name": "Dreamer", "worker_id": "12", "request_id": "e8",
    "control_type": "canny", "gen_metadata": [], "post_processing": ["GFPGAN"], "source_image_path": "/a.png",
}  # fmt: skip
ARTBOT = "a fox\nNegative prompt: blurry\nSteps: 12, Sampler: k_euler, CFG scale: 4, Seed: 5, Size: 512x640, model: Deliberate"
KRITA = (
    "a fox <lora:ink:0.5>\nNegative prompt: blurry\nSteps: 12, Sampler: Default - DPM++ 2M, CFG scale: 4, Seed: 5, "
    "Size: 512x640, Model hash: unknown, Model: dreamshaper_8.safetensors"
)
COMMON = {"steps": 12, "guidance_scale": 4, "seed": 5, "width": 512, "height": 640, "negative_prompt": "blurry"}


@pytest.mark.parametrize(
    ("texts", "tool", "values", "left"),
    [
        (
            {"parameters": FOOOCUS, "fooocus_scheme": "fooocus"},
            "Fooocus 2.5.5",
            {"prompt": "a fox", "model": "juggernautXL_v8", "scheduler": "DPM++ 2M SDE Karras", "styles": ("Fooocus V2", "Anime")},
            ["adm_guidance (1.5, 0.8, 0.3)", "sharpness 2"],
        ),
        (
            {"invokeai_metadata": INVOKE, "invokeai_graph": {"nodes": {}}},
            "InvokeAI 5.6.0",
            {"prompt": "a (fox:1.1), (woods:1.3)", "model": "juggernaut", "scheduler": "DPM++ 2M SDE Karras", "vae": "fix",
             "guidance_rescale": 0},
            ["strength 0.7: the picture that it belongs to is not in the file"],
        ),
        (
            {"sd_metadata": SD_METADATA, "Dream": '"a fox" -s 50'},
            "InvokeAI 2.3.0",
            {"prompt": "a fox", "model": "juggernaut", "scheduler": "DPM++ 2M"},
            ["postprocessing [{'type': 'esrgan', 'scale': 4}]"],
        ),
        (
            {"Dream": '"a fox [blurry]" -s 12 -S 5 -W 512 -H 640 -C 4 -A k_lms -G 0.9'},
            "InvokeAI ",
            {"prompt": "a fox", "scheduler": "LMS"},
            ["-G 0.9"],
        ),
        (
            {"parameters": SWARM},
            "SwarmUI 0.9.5.0",
            {
                "prompt": "a fox paint<lora:dot:1>",
                "model": "juggernaut",
                "scheduler": "DPM++ 2M Karras",
                "hires_scale": 1.5,
                "hires_strength": 0.3,
                "hires_upscaler": "latent",
            },
            ["<segment:face>: a part of the prompt that only SwarmUI reads", "zeronegative True"],
        ),
        (
            {"Software": "NovelAI", "Source": "NovelAI Diffusion V4", "Description": "fox", "Comment": NOVELAI},
            "NovelAI NovelAI Diffusion V4",
            {
                "prompt": r"((fox:1.05):1.05), [dark], (woods:1.2), 3 \(x\)",
                "scheduler": "DPM++ 2M Karras",
                "guidance_rescale": 0,
            },
            [
                "Character 1 a girl: a prompt of its own for one person",
                "Model NovelAI Diffusion V4: NovelAI does not give it away",
            ],
        ),
        (
            {"Software": "NovelAI", "Source": "Stable Diffusion", "Description": "a fox", "Comment": {
                "steps": 12, "sampler": "plms", "seed": 5, "strength": 0.7, "scale": 4.0, "uc": "blurry"}},
            "NovelAI Stable Diffusion",
            {"prompt": "a fox", "scheduler": "PLMS"},
            ["Strength 0.7: whether there was a picture to start from is not said", "Model Stable Diffusion: NovelAI does not give it away"],
        ),
        (
            {"XML:com.adobe.xmp": "<exif:UserComment><rdf:Alt><rdf:li>" + json.dumps(DRAW_THINGS).replace('"', "&quot;") + "</rdf:li></rdf:Alt></exif:UserComment>"},
            "Draw Things ",
            {"prompt": "a fox", "model": "juggernaut_f16", "scheduler": "DPM++ 2M Karras"},
            [],
        ),
        (
            {name: str(value) for name, value in EASY.items() if name not in ("use_lora_model", "lora_alpha", "clip_skip")},
            "Easy Diffusion ",
            {"prompt": "a fox", "model": "juggernaut", "scheduler": "DPM++ 2M Karras"},
            ["use_upscale RealESRGAN_x4plus"],
        ),
        (
            {"parameters": RUINED},
            "RuinedFooocus ",
            {"prompt": "a fox", "model": "juggernaut", "scheduler": "DPM++ 2M Karras"},
            ["clip_skip 1", "start_step 3"],
        ),
        (
            {"generation_data": json.dumps(TENSOR) + "\0", "prompt": {"1": {"class_type": "X", "inputs": {}}}},
            "Tensor.Art ",
            {"prompt": "a fox", "model": "juggernaut", "scheduler": "DPM++ 2M Karras", "clip_skip": 2},
            [],
        ),
        (
            {"Description": MOCHI},
            "Mochi Diffusion 5.2",
            {"prompt": "a fox", "model": "juggernaut", "scheduler": "PLMS"},
            ["Upscaler RealESRGAN"],
        ),
        (
            {"generationMetadata": HORDE_NG},
            "AI Horde HordeNG",
            {"prompt": "a fox", "model": "AlbedoBase XL (SDXL)", "scheduler": "DPM++ 2M Karras"},
            ["LoRA 1234: it is called by its number at Civitai alone", "postProcessors ['GFPGAN']"],
        ),
        (
            {"Comment": ARTBOT},
            "ArtBot ",
            {"prompt": "a fox", "model": "Deliberate", "scheduler": "Euler"},
            [],
        ),
        (
            {"parameters": KRITA},
            "Krita AI Diffusion ",
            {"prompt": "a fox <lora:ink:0.5>", "model": "dreamshaper_8", "scheduler": "DPM++ 2M Karras"},
            [],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_tools_picture_is_read(
    tmp_path: Path, texts: dict[str, Any], tool: str, values: dict[str, Any], left: list[str]
):
    found = readers.of_file(picture(tmp_path / "a.png", **texts))
    told = {name: value for name, value in found.values.items() if name != "loras"}
    assert told == COMMON | values
    assert list(found.left) == left
    assert f"{found.tool} {found.version}" == tool
    assert all((lora.name, lora.weight) == ("ink", 0.5) for lora in found.values.get("loras", ()))
    Recipe.make(**found.values)


@pytest.mark.parametrize("given", [FOOOCUS, INVOKE, SWARM, EASY, RUINED, CIVITAI, DRAW_THINGS, LUCID], ids=range(8))
@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_the_same_is_read_from_a_comment_in_exif_and_with_its_loras(tmp_path: Path, given: dict[str, Any], ending: str):
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (64, 64)).save(path, exif=exif(">", b"UNICODE\0" + json.dumps(given).encode("utf-16-be")))
    found = readers.of_file(path)
    assert {name: found.values[name] for name in COMMON} == COMMON
    assert [(lora.name, lora.weight) for lora in found.values["loras"]] == [("ink", 0.5)]
    assert readers.of_text(json.dumps(given)).values == found.values


def test_civitais_own_pictures_say_their_settings_beside_a_graph():
    meta = {"prompt": "a fox", "negativePrompt": "blurry", "steps": 12, "cfgScale": 4, "seed": 5, "sampler": "Euler a"}
    sampler = {"class_type": "KSampler", "inputs": {"steps": 1, "positive": ["6", 0], "latent_image": ["5", 0]}}
    found = readers.of_text(json.dumps({"11": sampler, "extra": {"airs": []}, "extraMetadata": json.dumps(meta)}))
    assert (found.tool, found.values["steps"], found.values["scheduler"]) == ("Civitai", 12, "Euler a")


def test_an_answer_that_any_service_may_give_is_not_called_civitais():
    given = {"prompt": "a fox", "negative_prompt": "blurry", "guidance_scale": 4, "seed": 5, "width": 512}
    found = readers.of_text(json.dumps(given))
    assert (found.tool, found.values["guidance_scale"]) == ("another service", 4)


def test_pictures_that_were_not_used_are_not_told_as_left_out():
    unused = {"controlnets": [], "ipAdapters": [], "t2iAdapters": [], "init_image": None, "strength": None}
    assert readers.of_text(json.dumps(INVOKE | unused)).left == ()


@pytest.mark.parametrize(
    "texts",
    [
        {"invokeai_metadata": json.dumps(INVOKE | {"cfg_rescale_multiplier": 0.7})},
        {"Software": "NovelAI", "Comment": json.dumps(NOVELAI | {"cfg_rescale": 0.7})},
    ],
)
def test_how_far_guidance_was_rescaled_is_taken_over(tmp_path: Path, texts: dict[str, str]):
    assert readers.of_file(picture(tmp_path / "a.png", **texts)).values["guidance_rescale"] == 0.7


def test_a_scale_for_each_step_is_told_and_costs_nothing_else():
    found = readers.of_text(json.dumps(INVOKE | {"cfg_scale": [4, 5]}))
    assert "guidance_scale" not in found.values
    assert (found.values["steps"], found.values["width"]) == (12, 512)
    assert "cfg_scale [4, 5]: one for each step" in found.left


def test_lucid_creations_file_beside_a_picture_and_a_request_to_the_horde_are_read(tmp_path: Path):
    beside = tmp_path / "a.json"
    beside.write_text(json.dumps(LUCID))
    found = readers.of_file(beside)
    assert found.tool == "AI Horde"
    own = {"prompt": "a fox", "model": "Deliberate", "scheduler": "Euler a", "clip_skip": 2}
    assert {name: value for name, value in found.values.items() if name != "loras"} == COMMON | own
    assert [(lora.name, lora.weight) for lora in found.values["loras"]] == [("ink", 0.5)]
    lost = "the picture that it belongs to is not in the file"
    assert found.left == (
        f"Denoising strength 0.6: {lost}",
        f"control_type canny: {lost}",
        "post_processing ['GFPGAN']",
    )
    params = {name: LUCID[name] for name in ("sampler_name", "cfg_scale", "steps", "width", "height", "seed")}
    request = {"prompt": LUCID["prompt"], "params": params, "models": ["Deliberate"], "trusted_workers": True}
    asked = {name: value for name, value in own.items() if name != "clip_skip"}
    assert readers.of_text(json.dumps(request)).values == COMMON | asked


def test_a_model_that_krita_did_not_look_at_has_no_hash(tmp_path: Path):
    assert readers.of_file(picture(tmp_path / "a.png", parameters=KRITA)).hashes == {}


def test_novelais_comment_in_exif_is_read(tmp_path: Path):
    whole = {"Software": "NovelAI", "Source": "V3", "Description": "fox", "Comment": json.dumps(NOVELAI)}
    path = tmp_path / "a.webp"
    Image.new("RGB", (64, 64)).save(path, exif=exif("<", json.dumps(whole).encode()))
    assert (readers.of_file(path).tool, readers.of_file(path).values["seed"]) == ("NovelAI", 5)


def test_hashes_of_models_and_loras_are_kept(tmp_path: Path):
    hashes = [readers.of_text(json.dumps(given)).hashes for given in (FOOOCUS, INVOKE, SWARM, CIVITAI)]
    assert hashes[0] == {"juggernautXL_v8": "aeb7e9e689", "ink": "4852686128"}
    assert hashes[1] == {"juggernaut": "blake3:ab", "ink": "x"}
    assert hashes[2] == {"juggernaut": "ab12"}
    assert hashes[3] == {"juggernaut": "ab", "ink": "cd"}


def test_fooocus_older_texts_are_read(tmp_path: Path):
    given = {
        "Prompt": "a fox", "Negative Prompt": "blurry", "Styles": "['Fooocus V2']", "Performance": "Speed",
        "Resolution": "(512, 640)", "Guidance Scale": 4, "Base Model": "juggernaut.safetensors", "Refiner Model": "None",
        "Sampler": "dpmpp_2m_sde_gpu", "Scheduler": "karras", "Seed": 5, "LoRA 1": "ink.safetensors : 0.5",
        "LoRA 2": "False : off.safetensors : 1.0", "LoRA [dot.safetensors] weight": "0.7", "Version": "v2.1.865",
    }  # fmt: skip
    found = readers.of_text(json.dumps(given))
    assert [(lora.name, lora.weight) for lora in found.values["loras"]] == [("ink", 0.5), ("dot", 0.7)]
    assert (found.values["width"], found.values["model"], found.left) == (512, "juggernaut", ())


def test_novelai_hides_its_settings_in_the_alpha_channel(tmp_path: Path):
    whole = {"Software": "NovelAI", "Source": "V3", "Description": "fox", "Comment": json.dumps(NOVELAI)}
    hidden(gzip.compress(json.dumps(whole).encode()), b"stealth_pngcomp", alpha=True).save(tmp_path / "a.png")
    found = readers.of_file(tmp_path / "a.png")
    assert (found.tool, found.values["seed"], found.values["width"]) == ("NovelAI", 5, 512)


def test_a_prompt_of_midjourney_is_taken_without_its_options(tmp_path: Path):
    text = "a fox in the woods --ar 16:9 --v 6.1 --no people, cars Job ID: 0f5c2c9e-1111-2222-3333-444455556666"
    found = readers.of_file(picture(tmp_path / "a.png", Description=text, Author="someone"))
    assert (found.values, found.tool, found.partial) == ({"prompt": "a fox in the woods"}, "Midjourney", True)
    assert [line.split(":")[0] for line in found.left] == ["--ar 16", "--v 6.1", "--no people, cars"]


def test_easy_diffusions_file_beside_a_picture_is_read(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("Prompt: a fox\nSeed: 5\nSteps: 12\nGuidance Scale: 4\nSampler: euler_a\nWidth: 512\nHeight: 640\n")
    found = readers.of_file(path)
    assert (found.tool, found.values["prompt"], found.values["scheduler"]) == ("Easy Diffusion", "a fox", "Euler a")


def signed(path: Path, words: bytes) -> Path:
    path.write_bytes(png_of((b"caBX", b"\0\0\0\x20jumb" + words)))
    return path


@pytest.mark.parametrize(
    ("words", "maker"),
    [
        (b"..claim_generator..ChatGPT..", "OpenAI"),
        (b"Adobe_Firefly", "Adobe Firefly"),
        (b"Google C2PA", "Google"),
        (b"..Nikon..", "a tool that signs its pictures"),
    ],
)
def test_who_only_signs_pictures_is_named(tmp_path: Path, words: bytes, maker: str):
    with pytest.raises(Unreadable, match=f"was made by {maker}.*writes no settings"):
        readers.of_file(signed(tmp_path / "a.png", words))


def test_a_signed_jpeg_is_named_too(tmp_path: Path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (64, 64)).save(path)
    data = path.read_bytes()
    segment = b"JP\0\1\0\0\0\1\0\0\0\x40jumb....OpenAI API...."
    path.write_bytes(data[:2] + b"\xff\xeb" + struct.pack(">H", len(segment) + 2) + segment + data[2:])
    with pytest.raises(Unreadable, match="was made by OpenAI"):
        readers.of_file(path)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"Software": "GIMP 2.10"}, "It was last written by GIMP 2.10"),
        ({"Software": "Draw Things"}, "made by Draw Things; this file holds no settings"),
        (
            {"prompt": {"1": {"class_type": "SaveImage", "inputs": {}}}},
            "made by ComfyUI, of which nothing could be read",
        ),
        ({"workflow": {"nodes": []}}, "made by ComfyUI"),
        ({"invokeai_graph": {"nodes": {}}}, "made by InvokeAI, which wrote its graph alone"),
        ({"sd_metadata": "{torn"}, "made by InvokeAI, whose settings cannot be read"),
        ({}, "does not say how it was made. Take the file as its tool wrote it"),
        ({"Comment": "OLYMPUS DIGITAL CAMERA"}, "does not say how it was made"),
        ({"prompt": "no JSON"}, "does not say how it was made"),
    ],
)
def test_what_is_not_read_is_named_and_nothing_untrue_is_said(tmp_path: Path, texts: dict[str, Any], says: str):
    with pytest.raises(Unreadable) as error:
        readers.of_file(picture(tmp_path / "a.png", **texts))
    assert says in str(error.value)


HOSTILE = [
    None,
    [],
    {},
    "x" * 200_000,
    -1,
    1e308,
    True,
    "None",
    [[[]]],
    {"a": {"b": []}},
    10**400,
    "[" * 5000,
    "1,2",
    "(1, 2",
]
SAMPLES = [
    FOOOCUS,
    INVOKE,
    SD_METADATA,
    SWARM["sui_image_params"],
    NOVELAI,
    DRAW_THINGS,
    EASY,
    RUINED,
    TENSOR,
    CIVITAI["meta"],
    HORDE_NG,
    LUCID,
]


@pytest.mark.parametrize("turn", [3, pytest.param(1, marks=pytest.mark.soak)], ids=["in turns", "all"])
@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_values_of_any_kind_are_left_out_and_break_nothing(tmp_path: Path, sample: dict[str, Any], turn: int):
    wrapped = {"sui_image_params": sample} if sample is SAMPLES[3] else sample
    inner = wrapped["sui_image_params"] if sample is SAMPLES[3] else wrapped
    places = [inner, *(value for value in inner.values() if isinstance(value, dict))]
    for place in places:
        for number, (name, before) in enumerate(list(place.items())):
            for value in HOSTILE[number % turn :: turn]:
                place[name] = value
                name_of = (
                    "generation_data" if sample is TENSOR else "sd_metadata" if sample is SD_METADATA else "Comment"
                )
                with suppress(Unreadable):
                    Recipe.make(**readers.of_file(picture(tmp_path / "a.png", **{name_of: wrapped})).values)
                place[name] = before


def test_each_reader_names_its_tool():
    assert {reader.tool for reader in READERS.values()} >= {
        "A1111",
        "ComfyUI",
        "Fooocus",
        "InvokeAI",
        "NovelAI",
        "SwarmUI",
    }
