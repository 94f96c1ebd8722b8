"""A1111's language, spoken by a client that was written for it."""

import json
import threading
from base64 import b64decode, b64encode
from io import BytesIO
from typing import Any

import httpx
import pytest
import webuiapi
from PIL import Image, ImageChops

from studio.gate.identity import PROGRAM
from studio.studio import Studio
from tests.ui.painter import Painter

SMALL = {"width": 64, "height": 64, "steps": 2}


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    host, _, port = address.removeprefix("http://").rpartition(":")
    api = webuiapi.WebUIApi(host=host, port=int(port), sampler="Euler a")
    yield api
    api.session.close()


def picture(side: int = 64, colour: Any = (200, 30, 30)) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def coded(image: Image.Image) -> str:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode()


def recipe_of_last(studio: Studio) -> Any:
    return studio.jobs_of(PROGRAM)[0].recipes[0]


def test_pictures_come_with_what_was_made_of_the_request(client: Any, studio: Studio) -> None:
    asked = {"negative_prompt": "fog", "seed": 7, "batch_size": 2, "cfg_scale": 5, "sampler_name": "DPM++ 2M"}
    made = client.txt2img(prompt="a (boat:1.2)", **asked, **SMALL)
    assert [image.size for image in made.images] == [(64, 64)] * 2
    assert made.info["all_seeds"] == [7, 8]
    assert made.info["sampler_name"] == "DPM++ 2M Karras", "the schedule that A1111 takes by itself"
    assert made.parameters["cfg_scale"] == 5
    assert "Steps: 2" in made.info["infotexts"][0]
    assert "parameters" in made.images[0].info
    recipe = recipe_of_last(studio)
    assert (recipe.guidance_scale, recipe.negative_prompt, recipe.steps) == (5, "fog", 2)


@pytest.mark.parametrize(
    ("sampler", "schedule", "ours"),
    [
        ("Euler a", "automatic", "Euler a"),
        ("DPM++ 2M Karras", "", "DPM++ 2M Karras"),
        ("DPM++ 2M", "karras", "DPM++ 2M Karras"),
        ("DPM++ 2M", "simple", "DPM++ 2M"),
        ("k_euler_a", "", "Euler a"),
    ],
)
def test_samplers_are_known_as_they_are_spelled(
    client: Any, studio: Studio, sampler: str, schedule: str, ours: str
) -> None:
    client.txt2img(prompt="a boat", sampler_name=sampler, scheduler=schedule, **SMALL)
    assert recipe_of_last(studio).scheduler == ours


def test_a_second_pass_is_hires_fix(client: Any, studio: Studio) -> None:
    second = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.4, "hr_second_pass_steps": 3}
    client.txt2img(prompt="a boat", hr_upscaler=webuiapi.HiResUpscaler.Lanczos, **second, **SMALL)
    hires = recipe_of_last(studio).hires
    assert (hires.scale, hires.strength, hires.steps, hires.upscaler) == (1.5, 0.4, 3, "lanczos")


def test_a_variation_is_a_subseed(client: Any, studio: Studio) -> None:
    client.txt2img(prompt="a boat", seed=1, subseed=9, subseed_strength=0.3, **SMALL)
    assert recipe_of_last(studio).variation.model_dump() == {"strength": 0.3, "seed": 9}


def test_a_prompt_with_stray_signs_is_read_as_words_and_said(client: Any) -> None:
    made = client.txt2img(prompt="a boat ((in fog", **SMALL)
    assert made.json["notes"]
    assert made.info["prompt"].replace("\\", "") == "a boat ((in fog"


def test_a_picture_is_painted_over_as_far_as_asked(client: Any) -> None:
    same = client.img2img(images=[picture()], prompt="a boat", denoising_strength=0.0, **SMALL).image
    assert ImageChops.difference(same.convert("RGB"), picture()).getbbox() is None


@pytest.mark.parametrize(("fill", "ours"), [(0, "surroundings"), (1, "original"), (2, "noise")])
def test_a_mask_changes_what_is_white_in_it(client: Any, studio: Studio, fill: int, ours: str) -> None:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    shared = {"images": [picture()], "mask_image": mask, "prompt": "a boat", "inpainting_fill": fill, **SMALL}
    client.img2img(inpaint_full_res=True, inpaint_full_res_padding=8, mask_blur=2, **shared)
    kept = recipe_of_last(studio).mask
    assert (kept.fill, kept.area, kept.padding, kept.blur) == (ours, "masked", 8, 2)
    assert studio.inputs.open(kept.image).getpixel((5, 5)) == 255
    client.img2img(inpaint_full_res=False, inpainting_mask_invert=1, **shared)
    kept = recipe_of_last(studio).mask
    assert kept.area == "whole"
    assert studio.inputs.open(kept.image).getpixel((5, 5)) == 0


def test_units_of_controlnet_become_control_units(client: Any, studio: Studio) -> None:
    given = {"weight": 0.7, "guidance_end": 0.8, "threshold_a": 50, "threshold_b": 90}
    unit = webuiapi.ControlNetUnit(image=picture(), module="canny", model="starter-canny", **given)
    client.txt2img(prompt="a boat", controlnet_units=[unit], **SMALL)
    (made,) = recipe_of_last(studio).controls
    assert (made.kind, made.model, made.weight, made.end, made.resize) == ("canny", "starter-canny", 0.7, 0.8, "pad")
    assert dict(made.options) == {"low": 50, "high": 90}
    ready = webuiapi.ControlNetUnit(image=picture(), model="control_v11p_sd15_canny [d14c016b]")
    client.txt2img(prompt="a boat", controlnet_units=[ready], **SMALL)
    (made,) = recipe_of_last(studio).controls
    assert (made.kind, made.model, bool(made.map)) == ("canny", "starter-canny", True)


def test_pictures_are_enlarged_by_scale_and_to_a_size(client: Any) -> None:
    assert client.extra_single_image(picture(32), upscaling_resize=2, upscaler_1="Lanczos").image.size == (64, 64)
    exact = {"resize_mode": 1, "upscaling_resize_w": 48, "upscaling_resize_h": 40}
    assert client.extra_single_image(picture(32), upscaler_1="Lanczos", **exact).image.size == (48, 40)
    several = client.extra_batch_images([picture(32), picture(16)], upscaler_1="Lanczos")
    assert [image.size for image in several.images] == [(64, 64), (32, 32)]


def test_a_picture_tells_how_it_was_made(client: Any) -> None:
    made = client.txt2img(prompt="a boat", seed=3, **SMALL).image
    info = client.png_info(made)
    assert "Seed: 3" in info.info
    assert info.parameters["Seed"] == "3"
    assert info.parameters["Prompt"] == "a boat"


def test_what_there_is_is_listed(client: Any, studio: Studio) -> None:
    assert "starter" in client.util_get_model_names()
    samplers = client.util_get_sampler_names()
    assert {"Euler a", "Euler", "DPM++ 2M", "DPM++ 2M Karras", "DDIM"} <= set(samplers)
    assert len(samplers) == len(set(samplers))
    # Models of EDM and of flows are sampled by these names, too; what others call so, A1111 does not.
    assert not [name for name in samplers if name.startswith(("EDM", "Flow"))]
    assert {"automatic", "karras"} <= set(client.util_get_scheduler_names())
    assert "Lanczos" in [one["name"] for one in client.get_upscalers()]
    assert client.get_latent_upscale_modes() == [{"name": "Latent"}]
    assert client.get_loras()
    assert client.get_embeddings()["loaded"]
    assert client.get_prompt_styles()
    assert client.get_memory()["ram"]["total"] > 0
    assert client.has_controlnet
    assert "starter-canny" in client.controlnet_model_list()
    assert "canny" in client.controlnet_module_list()
    assert client.controlnet_version() == 2
    for empty in (client.get_hypernetworks, client.get_face_restorers, client.get_sd_vae):
        assert empty() == []
    client.refresh_checkpoints()
    told = json.dumps([client.get_cmd_flags(), client.get_sd_models(), client.get_loras(), client.get_options()])
    assert str(studio.settings.home) not in told
    assert "auth" not in told


def test_options_are_ones_own(client: Any, address: str) -> None:
    other = {"Authorization": "Bearer another-secret-of-another-one"}
    client.set_options({"CLIP_stop_at_last_layers": 2, "sd_model_checkpoint": "starter"})
    assert client.get_options()["CLIP_stop_at_last_layers"] == 2
    assert httpx.get(f"{address}/sdapi/v1/options", headers=other).json()["CLIP_stop_at_last_layers"] == 1
    client.set_options({**client.get_options(), "CLIP_stop_at_last_layers": 1})
    wrong = ({"sd_model_checkpoint": "no such model"}, {"samples_save": False}, {"CLIP_stop_at_last_layers": "many"})
    for options in wrong:
        assert httpx.post(f"{address}/sdapi/v1/options", json=options).status_code in (404, 422)


def test_a_job_is_watched_and_interrupted_and_what_is_done_is_answered(
    client: Any, address: str, painter: Painter, studio: Studio
) -> None:
    assert client.get_progress()["progress"] == 0
    painter.held.set()
    answers: list[Any] = []
    asked = {"prompt": "a boat", "n_iter": 3, **SMALL}
    url = f"{address}/sdapi/v1/txt2img"
    asking = threading.Thread(target=lambda: answers.append(httpx.post(url, json=asked, timeout=60)))
    asking.start()
    while client.get_progress()["state"]["sampling_step"] == 0:
        pass
    seen = client.get_progress()
    assert seen["state"]["job_count"] == 3
    assert 0 < seen["progress"] < 1
    assert b64decode(seen["current_image"]).startswith(b"\x89PNG"), "Krita takes it for nothing else"
    painter.held.clear()
    while not studio.jobs_of(PROGRAM)[0].results:
        pass
    client.interrupt()
    asking.join()
    assert answers[0].status_code in (200, 409)


REFUSED = {
    "faces": ({"restore_faces": True}, "Faces cannot be restored"),
    "tiles": ({"tiling": True}, "Tiling"),
    "a script": ({"script_name": "x/y/z plot"}, "no scripts"),
    "another always-on script": ({"alwayson_scripts": {"ADetailer": {"args": [True, {}]}}}, "no script"),
    "a LoRA that there is not": ({"prompt": "a boat <lora:nothing:1>"}, "nothing"),
    "a sampler that there is not": ({"sampler_name": "Dream"}, "Dream"),
    "a model that there is not": ({"override_settings": {"sd_model_checkpoint": "no such"}}, "no such"),
    "an unknown preprocessor": (
        {"alwayson_scripts": {"controlnet": {"args": [{"module": "shuffle", "image": "aaaa"}]}}},
        "preprocessor",
    ),
    "a size that cannot be": ({"width": 20000}, "20000"),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_here_is_refused_in_words(address: str, given: dict[str, Any], words: str) -> None:
    answer = httpx.post(f"{address}/sdapi/v1/txt2img", json={"prompt": "a boat", **SMALL, **given})
    assert answer.status_code in (404, 422), answer.text
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "given",
    [
        {"init_images": []},
        {"init_images": ["http://127.0.0.1:1/a.png"]},
        {"init_images": ["%%%"]},
        {"init_images": [coded(picture())], "mask": "aGVsbG8="},
        {"init_images": [coded(picture())], "mask": coded(picture()), "inpainting_fill": 3},
        {"init_images": [coded(picture())], "resize_mode": 3},
    ],
)
def test_a_picture_that_is_none_is_refused(address: str, given: dict[str, Any]) -> None:
    answer = httpx.post(f"{address}/sdapi/v1/img2img", json={"prompt": "a boat", **SMALL, **given})
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_nobody_is_told_or_stops_what_another_makes(
    client: Any, address: str, painter: Painter, studio: Studio
) -> None:
    painter.held.set()
    url, other = f"{address}/sdapi/v1", {"Authorization": "Bearer another-secret-of-another-one"}
    asking = threading.Thread(target=lambda: client.txt2img(prompt="a boat", **SMALL))
    asking.start()
    while client.get_progress()["state"]["sampling_step"] == 0:
        pass
    assert httpx.get(f"{url}/progress", headers=other).json()["state"]["job_count"] == 0
    httpx.post(f"{url}/interrupt", headers=other)
    assert studio.jobs_of(PROGRAM)[0].is_open
    painter.held.clear()
    asking.join()
    assert studio.jobs_of(PROGRAM)[0].state == "done"


def test_interrogating_and_detecting_are_answered_honestly(client: Any, address: str) -> None:
    with pytest.raises(RuntimeError, match="describes pictures"):
        client.interrogate(picture())
    made = client.controlnet_detect([picture()], module="none")
    assert ImageChops.difference(made.images[0].convert("RGB"), picture()).getbbox() is None
    types = httpx.get(f"{address}/controlnet/control_types").json()["control_types"]
    assert types["Canny"]["default_option"] == "canny"
