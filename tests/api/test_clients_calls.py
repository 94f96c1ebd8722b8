"""What Open WebUI and SillyTavern send, by the shape of their public sources, is answered as they read it."""

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
