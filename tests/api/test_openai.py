"""OpenAI's language, spoken by OpenAI's own client with the studio's address."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from PIL import Image, ImageChops

from studio.events import Stopped
from studio.gate.identity import PROGRAM, owner_by
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.api.asking import asking, gated
from tests.people import who
from tests.ui.painter import Painter

KEY = "a-secret-that-one-program-keeps"
ME = who(owner_by(KEY))
SMALL = {"size": "64x64"}
LORA = "watercolour"


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    with openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def opened(data: Any) -> Image.Image:
    image = Image.open(BytesIO(b64decode(data.b64_json)))
    image.load()
    return image


def png_of(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def start(side: int = 64) -> bytes:
    return png_of(Image.new("RGB", (side, side), (200, 30, 30)))


def test_pictures_come_as_many_and_as_large_as_asked_with_their_recipes_inside(client: Any, studio: Studio) -> None:
    own = {"seed": 7, "num_inference_steps": 3, "guidance_scale": 4.5, "negative_prompt": "fog"}
    answer = client.images.generate(prompt="a boat", n=2, size="96x64", extra_body=own)
    assert [image.size for image in map(opened, answer.data)] == [(96, 64)] * 2
    assert [one.seed for one in answer.data] == [7, 8]
    job = studio.jobs_of(ME)[0]
    recipe = job.results[0].recipe
    assert (recipe.steps, recipe.guidance_scale, recipe.negative_prompt) == (3, 4.5, "fog")
    assert b64decode(answer.data[0].b64_json) == job.results[0].path.read_bytes()
    assert (answer.size, answer.output_format) == ("96x64", "png")


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_picture_comes_in_the_format_that_is_asked_for(client: Any, kind: Any, tmp_path: Path) -> None:
    whole, small = (
        client.images.generate(prompt="a boat", output_format=kind, output_compression=quality, **SMALL).data[0]
        for quality in (openai.NOT_GIVEN, 20)
    )
    assert opened(whole).format == opened(small).format == kind.upper()
    assert len(small.b64_json) < len(whole.b64_json)
    file = tmp_path / "picture"
    file.write_bytes(b64decode(small.b64_json))
    assert own.read(file).prompt == "a boat", "its recipe goes with it"


def test_programs_get_what_they_ask_for_whatever_the_studio_keeps(tmp_path: Path) -> None:
    kept = Settings.load(home=tmp_path, image_format="webp")
    with Studio(kept, backend=Painter()) as studio:
        ask = asking(gated(studio))
        asked = {"prompt": "a boat", "width": 64, "height": 64, "steps": 1}
        one = ask("POST", "/v1/images/generations", json={"prompt": "a boat", **SMALL}).json()["data"][0]
        other = ask("POST", "/sdapi/v1/txt2img", json=asked).json()["images"][0]
        assert studio.jobs_of(PROGRAM)[0].results[0].path.suffix == ".webp"
    for coded in (one["b64_json"], other):
        image = Image.open(BytesIO(b64decode(coded)))
        assert (image.format, "parameters" in image.info) == ("PNG", True)


def test_an_address_opens_for_whoever_asked_and_for_nobody_else(client: Any, studio: Studio) -> None:
    url = client.images.generate(prompt="a boat", response_format="url", **SMALL).data[0].url
    mine = httpx.get(url, headers={"Authorization": f"Bearer {KEY}"})
    assert mine.content == studio.jobs_of(ME)[0].results[0].path.read_bytes()
    other = {"Authorization": "Bearer another-secret-of-another-one"}
    assert httpx.get(url, headers=other).status_code == 404
    assert httpx.get(url).status_code == 404


def test_programs_of_this_machine_without_a_key_are_one_person(address: str, studio: Studio) -> None:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        url = client.images.generate(prompt="a boat", response_format="url", **SMALL).data[0].url
    assert httpx.get(url).content == studio.jobs_of(PROGRAM)[0].results[0].path.read_bytes()


@pytest.mark.parametrize(("quality", "share"), [("low", 0.5), ("standard", 1), ("hd", 1.5), ("max", 2)])
def test_quality_is_a_share_of_the_models_usual_steps(client: Any, studio: Studio, quality: Any, share: float) -> None:
    usual = studio.catalogue["starter"].default("steps")
    client.images.generate(prompt="a boat", quality=quality, **SMALL)
    assert studio.jobs_of(ME)[0].recipes[0].steps == round(usual * share)


def test_a_lora_is_named_as_vllm_omni_names_it_and_by_its_name_alone(client: Any, studio: Studio) -> None:
    for lora in ({"path": f"/anywhere/{LORA}.safetensors", "scale": 0.5}, LORA, [{"name": LORA, "scale": 2}]):
        client.images.generate(prompt="a boat", extra_body={"lora": lora}, **SMALL)
    weights = [job.recipes[0].loras[0].weight for job in studio.jobs_of(ME)[:3]]
    assert weights == [2.0, 1.0, 0.5]


def test_any_other_setting_goes_in_the_recipe(client: Any, studio: Studio) -> None:
    client.images.generate(prompt="a boat", extra_body={"recipe": {"scheduler": "DDIM", "eta": 0.5}}, **SMALL)
    assert studio.jobs_of(ME)[0].recipes[0].eta == 0.5


def test_a_stream_gives_looks_and_then_the_picture(client: Any, painter: Painter) -> None:
    painter.pace = 0.06
    try:
        asked = {"extra_body": {"num_inference_steps": 12}, "stream": True, "partial_images": 2, **SMALL}
        events = list(client.images.generate(prompt="a boat", **asked))
    finally:
        painter.pace = 0
    *looks, last = events
    assert [event.type for event in looks] == ["image_generation.partial_image"] * 2
    assert [event.partial_image_index for event in looks] == [0, 1]
    assert last.type == "image_generation.completed"
    assert opened(last).size == (64, 64)
    assert last.usage.total_tokens == 0


def test_a_stream_ends_with_the_error_that_ended_the_job(client: Any) -> None:
    with pytest.raises(openai.APIError, match="The paint ran out"):
        list(client.images.generate(prompt="without paint", stream=True, **SMALL))


def test_a_picture_is_changed_as_far_as_the_strength_says(client: Any) -> None:
    given = start()
    answer = client.images.edit(image=given, prompt="a boat", extra_body={"strength": 0.0})
    assert ImageChops.difference(opened(answer.data[0]), Image.open(BytesIO(given))).getbbox() is None
    answer = client.images.edit(image=[("a.png", given, "image/png")], prompt="a boat", extra_body={"strength": 1.0})
    assert ImageChops.difference(opened(answer.data[0]), Image.open(BytesIO(given))).getbbox()


def test_a_mask_changes_what_is_transparent_in_it(client: Any, studio: Studio) -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
    client.images.edit(image=start(), mask=png_of(mask), prompt="a boat", extra_body={"lora": {"name": LORA}})
    recipe = studio.jobs_of(ME)[0].recipes[0]
    assert recipe.task == "inpaint"
    assert recipe.loras[0].name == LORA
    stored = studio.inputs.open(str(recipe.mask.image))
    assert (stored.getpixel((5, 5)), stored.getpixel((60, 5))) == (255, 0)


def test_an_edit_streams_too(client: Any) -> None:
    events = list(client.images.edit(image=start(), prompt="a boat", stream=True))
    assert events[-1].type == "image_edit.completed"


REFUSED = {
    "an unknown model": ({"model": "dall-e-3"}, openai.NotFoundError, "model", "model_not_found"),
    "too many steps": (
        {"extra_body": {"num_inference_steps": 9999}},
        openai.BadRequestError,
        "num_inference_steps",
        None,
    ),
    "a size that cannot be": ({"size": "70x64"}, openai.BadRequestError, "size", None),
    "no size": ({"size": "large"}, openai.BadRequestError, "size", None),
    "what there is not": ({"style": "vivid"}, openai.BadRequestError, "style", None),
    "a scheduler that there is not": (
        {"extra_body": {"recipe": {"scheduler": "Nothing"}}},
        openai.BadRequestError,
        "recipe.scheduler",
        None,
    ),
    "too many pictures": ({"n": 1000}, openai.BadRequestError, "n", None),
    "somebody's picture": (
        {"extra_body": {"recipe": {"init_image": "a" * 64}}},
        openai.BadRequestError,
        "recipe.init_image",
        None,
    ),
}


@pytest.mark.parametrize(("given", "kind", "param", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_openais_form(client: Any, given: Any, kind: Any, param: str, code: Any) -> None:
    with pytest.raises(kind) as caught:
        client.images.generate(**{"prompt": "a boat", **given})
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert code in (None, caught.value.code)
    assert caught.value.message


def test_a_failed_job_is_an_error_that_is_not_asked_for_again(address: str) -> None:
    asked = {"prompt": "without paint", **SMALL}
    answer = httpx.post(f"{address}/v1/images/generations", json=asked)
    assert answer.status_code == 503
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"] == {
        "message": "The paint ran out. Try a smaller picture.",
        "type": "server_error",
        "param": None,
        "code": "out_of_memory",
    }


def test_the_gate_refuses_in_openais_form_too(address: str) -> None:
    for path in ("/v1/nothing", "/v1/images/generations"):
        answer = httpx.get(address + path)
        assert answer.status_code in (404, 405)
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_withheld_picture_is_given_to_nobody(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="withheld", **SMALL)
    assert caught.value.code == "moderation_blocked"


def test_models_are_those_that_can_be_asked_for(client: Any) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "starter"
    assert client.models.retrieve("starter").owned_by == "image-studio"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nothing")
    assert caught.value.code == "model_not_found"


def test_a_job_that_nobody_waits_for_any_more_is_stopped(address: str, studio: Studio, painter: Painter) -> None:
    painter.held.set()
    for stream in (False, True):
        asked = {"prompt": "a boat", "stream": stream, **SMALL}
        headers = {"Authorization": f"Bearer {KEY}"}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}/v1/images/generations", json=asked, headers=headers, timeout=0.5)
        job = studio.jobs_of(ME)[0]
        assert isinstance([*job.follow()][-1], Stopped)


def test_a_picture_holds_its_recipe_for_programs_too(client: Any, tmp_path: Any) -> None:
    file = tmp_path / "one.png"
    file.write_bytes(b64decode(client.images.generate(prompt="a boat", **SMALL).data[0].b64_json))
    assert own.read(file).prompt == "a boat"


def test_one_studio_is_the_hosted_engine_of_another(address: str, tmp_path: Any) -> None:
    hosts = {"other": {"base_url": f"{address}/v1"}}
    with Studio(Settings.load(home=tmp_path, hosts=hosts), backend=Painter(), durable=False) as near:
        job = near.submit(Recipe(prompt="a boat", model="other:starter"), PROGRAM)
        assert [*job.follow()][-1].seconds >= 0
        assert job.results[0].path.is_file()


def test_what_programs_can_ask_for_is_published_with_an_example(address: str) -> None:
    found = httpx.get(f"{address}/api/openapi.json").json()
    schemas = found["components"]["schemas"]
    assert {"/v1/images/generations", "/v1/images/edits", "/v1/models"} <= set(found["paths"])
    assert schemas["GenerationRequest"]["examples"]
    assert "strength" in schemas["EditRequest"]["properties"]
    assert "hires" in schemas["Recipe"]["properties"]
