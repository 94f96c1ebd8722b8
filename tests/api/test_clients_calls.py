"""What Open WebUI, SillyTavern, LiteLLM and Krita send, by their public sources, is answered as they read it.

LiteLLM itself is no part of the tests: its package is larger than all that they need beside it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.ui.painter import Painter

# Both send Basic from "user:password" as it stands in their settings, also where there is none.
EMPTY = {"Authorization": f"Basic {b64encode(b':').decode()}"}
SECRET = {"Authorization": f"Basic {b64encode(b'any:the-secret-of-one-chat-program').decode()}"}


@pytest.fixture(params=[EMPTY, SECRET], ids=["without a secret", "with a secret"])
def client(address: str, request: pytest.FixtureRequest, painter: Painter) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers=request.param, timeout=120) as client:
        yield client


def shown(coded: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(coded)))


def test_sillytavern_looks_up_what_there_is_chooses_a_model_and_has_a_picture_made(client: httpx.Client) -> None:
    for name in ("samplers", "schedulers", "upscalers", "latent-upscale-modes"):
        assert all(one["name"] for one in client.get(f"/sdapi/v1/{name}").json()), name
    for name in ("sd-vae", "sd-modules"):
        assert [one["model_name"] for one in client.get(f"/sdapi/v1/{name}").json()] == []
    titles = [one["title"] for one in client.get("/sdapi/v1/sd-models").json()]
    options = client.get("/sdapi/v1/options").json()
    assert options["sd_model_checkpoint"] in titles
    assert "forge_preset" not in options, "or it would send what Forge alone knows"
    assert client.post("/sdapi/v1/options", json={"sd_model_checkpoint": titles[0]}).status_code == 200
    progress = client.get("/sdapi/v1/progress").json()
    assert (progress["progress"], progress["state"]["job_count"]) == (0.0, 0), "it waits for this"
    payload: dict[str, Any] = {
        "url": "http://127.0.0.1:7860", "auth": "", "prompt": "a boat", "negative_prompt": "fog",
        "sampler_name": "Euler a", "scheduler": "karras", "steps": 1, "cfg_scale": 7, "width": 64, "height": 64,
        "restore_faces": False, "enable_hr": False, "hr_upscaler": "Latent", "hr_scale": 2, "hr_additional_prompt": "",
        "denoising_strength": 0.7, "hr_second_pass_steps": 0, "seed": -1, "clip_skip": 1, "save_images": True,
        "send_images": True, "do_not_save_grid": False, "do_not_save_samples": False,
        "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": ""},
        "override_settings_restore_afterwards": True,
    }  # fmt: skip
    made = client.post("/sdapi/v1/txt2img", json=payload)
    assert made.status_code == 200, made.text
    assert shown(made.json()["images"][0]).size == (64, 64)
    assert client.post("/sdapi/v1/interrupt").status_code == 200


def test_open_webui_speaks_a1111_and_sends_all_options_back(client: httpx.Client) -> None:
    options = client.get("/sdapi/v1/options").json()
    models = client.get("/sdapi/v1/sd-models").json()
    assert all({"title", "model_name"} <= one.keys() for one in models)
    options["sd_model_checkpoint"] = models[0]["title"]
    assert client.post("/sdapi/v1/options", json=options).status_code == 200
    payload = {"prompt": "a boat", "batch_size": 2, "width": 64, "height": 64, "steps": 1, "negative_prompt": "fog"}
    made = client.post("/sdapi/v1/txt2img", json=payload).json()
    assert [shown(one).size for one in made["images"]] == [(64, 64)] * 2
    assert json.loads(made["info"])["prompt"] == "a boat"


def test_open_webui_speaks_openai_with_models_that_it_knows_of_itself(client: httpx.Client) -> None:
    head = {"Authorization": "Bearer the-secret-of-one-chat-program"}
    payload = {"model": "starter", "prompt": "a boat", "n": 1, "size": "64x64", "response_format": "b64_json"}
    made = client.post("/v1/images/generations", json=payload, headers=head)
    assert shown(made.json()["data"][0]["b64_json"]).size == (64, 64)
    file = BytesIO()
    Image.new("RGB", (64, 64), "navy").save(file, "PNG")
    edited = client.post(
        "/v1/images/edits",
        data={"model": "starter", "prompt": "a red boat", "n": "1", "size": "64x64", "response_format": "b64_json"},
        files={"image": ("picture.png", file.getvalue(), "image/png")},
        headers=head,
    )
    assert edited.status_code == 200, edited.text
    assert shown(edited.json()["data"][0]["b64_json"]).size == (64, 64)


def test_litellm_asks_for_openai_s_pictures_with_the_studio_s_own_settings_beside_them(client: httpx.Client) -> None:
    """It hands on what it does not know in the body itself, asks by OpenAI's client, and reads what that reads."""
    head = {"Authorization": "Bearer the-secret-of-one-program", "x-stainless-lang": "python"}
    payload = {
        "model": "starter", "prompt": "a boat", "n": 2, "size": "64x64", "quality": "low",
        "response_format": "b64_json", "user": "somebody", "seed": 7, "num_inference_steps": 2,
        "negative_prompt": "fog",
    }  # fmt: skip
    made = client.post("/v1/images/generations", json=payload, headers=head).json()
    assert isinstance(made["created"], int)
    assert [shown(one["b64_json"]).size for one in made["data"]] == [(64, 64)] * 2
    assert [one["seed"] for one in made["data"]] == [7, 8]
    file = b64decode(coded("navy", (64, 64)))
    edited = client.post(
        "/v1/images/edits",
        data={"model": "starter", "prompt": "a red boat", "n": "1", "size": "64x64"},
        files=[("image[]", ("image.png", file, "image/png"))],
        headers=head,
    ).json()
    assert shown(edited["data"][0]["b64_json"]).size == (64, 64)
    fault = client.post("/v1/images/generations", json={**payload, "model": "none"}, headers=head)
    assert fault.status_code == 404, "by which it knows that there is no such model"
    assert {"message", "type", "param", "code"} <= fault.json()["error"].keys()
    assert "starter" in [one["id"] for one in client.get("/v1/models", headers=head).json()["data"]]


def coded(colour: str, size: tuple[int, int] = (70, 75)) -> str:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return b64encode(file.getvalue()).decode()


@pytest.fixture
def krita(address: str, painter: Painter) -> Iterator[httpx.Client]:
    """The plug-in Cyanic SD: it sends no secret at all, and takes whatever is no success for no server."""
    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


def looked_up(krita: httpx.Client, path: str) -> Any:
    answer = krita.get(path)
    assert answer.status_code == 200, path
    return answer.json()


def test_krita_finds_the_server_and_looks_up_what_there_is(krita: httpx.Client) -> None:
    assert looked_up(krita, "/queue/status")["queue_size"] >= 0, "without this it is not connected"
    for name, key in {
        "sd-models": "model_name",
        "sd-vae": "model_name",
        "samplers": "name",
        "upscalers": "name",
        "face-restorers": "name",
        "prompt-styles": "negative_prompt",
        "loras": "name",
        "hypernetworks": "name",
    }.items():
        assert all(key in one for one in looked_up(krita, f"/sdapi/v1/{name}")), name
    assert isinstance(looked_up(krita, "/sdapi/v1/embeddings")["loaded"], dict)
    assert "controlnet" in looked_up(krita, "/sdapi/v1/scripts")["txt2img"]
    assert "sd_lyco" not in looked_up(krita, "/sdapi/v1/options"), "or it would take it for SD.Next"
    modules = looked_up(krita, "/controlnet/module_list?alias_names=true")
    assert {"model_free", "sliders"} <= modules["module_detail"][modules["module_list"][0]].keys()
    assert looked_up(krita, "/controlnet/model_list?update=true")["model_list"]
    for kind in looked_up(krita, "/controlnet/control_types")["control_types"].values():
        assert kind["module_list"]
        assert kind["model_list"]
    assert looked_up(krita, "/controlnet/settings")["control_net_unit_count"] >= 1
    assert looked_up(krita, "/controlnet/version")["version"]


def test_krita_paints_what_is_selected_whatever_its_size(krita: httpx.Client) -> None:
    common = {
        "width": 70, "height": 75, "save_images": True, "prompt": "a boat", "negative_prompt": "fog",
        "sampler_name": "Euler a", "steps": 2, "cfg_scale": 7.0, "seed": -1, "subseed": -1, "subseed_strength": 0.0,
        "batch_size": 1, "n_iter": 2, "override_settings_restore_afterwards": False,
        "alwayson_scripts": {},
        "override_settings": {
            "sd_model_checkpoint": "starter", "sd_vae": "Automatic", "img2img_color_correction": True,
        },
    }  # fmt: skip
    canny = {
        "module": "canny", "model": "None", "weight": 1.0, "resize_mode": 0, "lowvram": False, "preprocessor_res": 512,
        "threshold_a": 100, "threshold_b": 200, "guidance_start": 0.0, "guidance_end": 1.0, "control_mode": 0,
        "pixel_perfect": False, "input_image": coded("olive"),
    }  # fmt: skip
    inpaint = {
        "mask_blur": 4, "inpainting_mask_invert": 0, "inpainting_fill": 1, "inpaint_full_res": 1,
        "inpaint_full_res_padding": 32, "init_images": [coded("navy")], "mask": coded("white"),
        "denoising_strength": 0.6,
    }  # fmt: skip
    for path, more in {
        "txt2img": {"enable_hr": False, "alwayson_scripts": {"controlnet": {"args": [canny]}}},
        "img2img": {"init_images": [coded("navy")], "denoising_strength": 0.6},
        "img2img?inpaint": inpaint,
    }.items():
        answer = krita.post(f"/sdapi/v1/{path}", json={**common, **more})
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert len(made["images"]) == made["parameters"]["batch_size"] * made["parameters"]["n_iter"]
        assert len(json.loads(made["info"])["all_seeds"]) == 2
        assert shown(made["images"][0]).format == "PNG"
        assert shown(made["images"][0]).size == ((70, 75) if "inpaint" in path else (64, 72))
        assert "inpaint" in path or "width is 64, as the model’s are multiples of 8" in made["notes"]


def test_krita_enlarges_makes_maps_and_is_told_how_far_it_is(krita: httpx.Client) -> None:
    sizes = {"resize_mode": 0, "upscaling_resize": 2.0, "upscaling_resize_w": 1024, "upscaling_resize_h": 1024}
    asked = {**sizes, "upscaling_crop": True, "upscaler_1": "Lanczos", "image": coded("navy"), "override_settings": {}}
    asked["override_settings_restore_afterwards"] = False
    assert shown(krita.post("/sdapi/v1/extra-single-image", json=asked).json()["image"]).size == (140, 150)
    thresholds = {"controlnet_threshold_a": 100, "controlnet_threshold_b": 200, "controlnet_processor_res": 512}
    detected = {"controlnet_module": "none", "controlnet_input_images": [coded("navy")], **thresholds}
    assert len(krita.post("/controlnet/detect", json=detected).json()["images"]) == 1
    state = looked_up(krita, "/sdapi/v1/progress")["state"]
    assert {"skipped", "interrupted"} <= state.keys()
    assert krita.post("/sdapi/v1/interrupt", json={}).status_code == 200
