"""A hosted model by the real client, at a real service on loopback: what comes, what goes wrong, what is not told."""

import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as often
from hypothesis import strategies as st
from PIL import Image
from pydantic import SecretStr

from studio.backends.base import Rendered
from studio.backends.provider import ProviderBackend
from studio.errors import HostedError, InvalidRecipe
from studio.events import Event, Preview
from studio.hosted.keys import scrubbed
from studio.hosted.models import Hosted
from studio.inputs import ROOM_PIXELS, InputStore
from studio.recipe import Recipe
from studio.settings import Settings
from tests.hosted.service import KEY, Service, drawn, serving

Ask = Callable[..., list[Rendered]]
MOST_BYTES = 2_000_000


@pytest.fixture
def settings(tmp_path: Path, service: Service, surroundings: None) -> Settings:
    hosts = {
        "there": {"base_url": service.address},
        "impatient": {"base_url": service.address, "timeout_seconds": 0.3},
        "azure": {
            "base_url": service.address.removesuffix("/v1"),
            "azure_version": "2025-04-01",
            "deployments": {"own": "dall-e-3"},
        },
    }
    return Settings.load(home=tmp_path, hosts=hosts)


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """Asks a model for a picture; `key` and `told` may be given."""

    def ask(
        name: str, *recipes: Recipe, key: str = KEY, told: list[Event] | None = None, **more: Any
    ) -> list[Rendered]:
        endpoint, inputs = Hosted(settings)[name], InputStore.of(settings)
        backend = ProviderBackend(endpoint, SecretStr(key) if key else None, inputs, most_bytes=MOST_BYTES, **more)
        looks: list[Event] = [] if told is None else told
        return list(backend.generate(recipes or (Recipe(prompt="a red house"),), looks.append))

    return ask


def test_a_picture_comes_with_its_cost_and_the_prompt_that_was_made_of_ours(ask: Ask, service: Service):
    looks: list[Event] = []
    (made,) = ask("openai:gpt-image-2", told=looks, looks=2, settings={"quality": "low"}, idempotency="cell-1")
    assert made.image.tobytes() == Image.open(BytesIO(drawn("gpt-image-2 a red house"))).tobytes()
    assert float(made.facts["cost_usd"]) == pytest.approx((12 * 5 + 1000 * 30) / 1e6)
    assert (made.facts["hosted model"], made.facts["quality"]) == ("gpt-image-2", "low")
    assert [type(look) for look in looks] == [Preview, Preview]
    (asked,) = service.asked
    assert asked.headers["idempotency-key"] == "cell-1"
    assert asked.body["stream"] is True
    assert "response_format" not in asked.body
    (old,) = ask("openai:dall-e-3")
    assert old.facts["revised prompt"] == "a red house, in detail"
    assert float(old.facts["cost_usd"]) == 0.04
    assert service.asked[-1].body["response_format"] == "b64_json"


def test_several_pictures_are_one_call_and_share_its_cost(ask: Ask, service: Service):
    made = ask("openai:gpt-image-2", *(Recipe(prompt="a cat", seed=seed) for seed in range(3)))
    assert [one.index for one in made] == [0, 1, 2]
    assert len(service.asked) == 1
    assert sum(float(one.facts["cost_usd"]) for one in made) == pytest.approx(0.03006, abs=1e-5)


def test_a_picture_is_edited_where_the_mask_is_white(ask: Ask, service: Service, settings: Settings):
    inputs = InputStore.of(settings)
    picture = inputs.add(Image.new("RGB", (64, 64), "red"))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    recipe = Recipe(prompt="a tree", init_image=picture.id, mask_image=inputs.add_mask(mask).id)
    ask("openai:gpt-image-2", recipe)
    (asked,) = service.asked
    assert asked.path == "/v1/images/edits"
    assert Image.open(BytesIO(asked.body["image"])).size == (64, 64)
    alpha = Image.open(BytesIO(asked.body["mask"])).getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((63, 0))) == (0, 255)
    with pytest.raises(InvalidRecipe, match="DALL-E 3 cannot change a picture"):
        ask("openai:dall-e-3", recipe)


def test_an_answer_is_opened_when_there_is_room_for_its_pixels(settings: Settings, service: Service):
    inputs = InputStore.of(settings)
    backend = ProviderBackend(Hosted(settings)["openai:gpt-image-2"], SecretStr(KEY), inputs)
    with ThreadPoolExecutor(1) as pool:
        with inputs.room.of(ROOM_PIXELS):
            answer = pool.submit(lambda: list(backend.generate([Recipe(prompt="a red house")], lambda _: None)))
            while not inputs.room._news._waiters:  # type: ignore[attr-defined]
                assert not answer.done()
                time.sleep(0.01)
        assert len(answer.result()) == 1


def test_azure_finds_a_deployment_by_its_own_name(ask: Ask, service: Service):
    service.behaviours["own"] = "url"
    (made,) = ask("azure:own")
    assert service.asked[0].path.startswith("/openai/deployments/own/images/generations?api-version=2025-04-01")
    assert service.asked[0].headers["api-key"] == KEY
    assert "cost_usd" not in made.facts, "what Azure charges was not said"


def test_a_model_at_an_address_needs_no_file(ask: Ask, service: Service):
    service.behaviours["my:model"] = "url"
    (made,) = ask(f"{service.address}:my:model", settings={"size": "512x512"})
    assert made.image.size == (96, 96)
    assert service.asked[0].body == {"model": "my:model", "prompt": "a red house", "size": "512x512"}


def test_the_service_tells_when_it_ends_a_model(settings: Settings):
    endpoint = Hosted(settings)["openai:gpt-image-2"]
    assert str(endpoint.provider.ends(endpoint, SecretStr(KEY))) == "2031-02-03"


FAULTS = {
    # behaviour: code, whether it may have been charged, calls, words
    "moderated": ("moderated", False, 1, "refused"),
    "stream_refused": ("moderated", False, 1, "refused"),
    "unauthorised": ("key_refused", False, 1, "Give the key"),
    "missing": ("model_retired", False, 1, "no model"),
    "busy": ("rate_limited", False, 1, "in 999 seconds"),
    "broke": ("out_of_credit", False, 1, "credit"),
    "broken": ("service_failed", True, 1, "500"),
    "cut": ("answer_cut_off", True, 1, "cut off"),
    "half_streamed": ("answer_cut_off", True, 1, "before the picture"),
    "nonsense": ("answer_malformed", True, 1, "cannot be read"),
    "wrong_types": ("answer_malformed", True, 1, "no picture"),
    "words": ("answer_malformed", True, 1, "cannot be read"),
    "no_base64": ("answer_malformed", True, 1, "base64"),
    "empty": ("answer_malformed", True, 1, "0 of 1"),
    "packed": ("answer_malformed", True, 1, "compressed"),
    "no_image": ("answer_not_picture", True, 1, "PNG"),
    "large": ("answer_too_large", True, 1, "MB"),
    "huge_url": ("answer_too_large", True, 1, "MB"),
    "many_pixels": ("answer_too_large", True, 1, "megapixels"),
    "redirect": ("unsafe_address", False, 1, "not followed"),
    "moved_url": ("unsafe_address", True, 1, "not followed"),
    "slow": ("service_timeout", True, 1, "0.3 seconds"),
}


@pytest.mark.parametrize("behaviour", FAULTS)
def test_each_fault_has_its_code_and_its_cure_and_holds_no_key(
    ask: Ask, service: Service, caplog: pytest.LogCaptureFixture, behaviour: str
):
    code, billed, calls, words = FAULTS[behaviour]
    service.behaviours["m"] = behaviour
    service.elsewhere = f"{service.address.removesuffix('/v1')}/secret"
    streamed = behaviour in ("half_streamed", "stream_refused")
    service.behaviours["gpt-image-2"] = behaviour
    with caplog.at_level(logging.DEBUG), pytest.raises(HostedError) as caught:
        ask(f"{'impatient' if behaviour == 'slow' else 'there'}:{'gpt-image-2' if streamed else 'm'}", looks=2)
    error = caught.value
    assert (error.code, error.billed, len(service.asked)) == (code, billed, calls)
    assert words in str(error)
    assert error.hint
    told = "".join(traceback.format_exception(error)) + repr(error.args) + caplog.text
    assert KEY not in told
    assert KEY[5:25] not in told
    assert KEY[:12] not in str(error)


def test_only_what_cannot_have_been_charged_is_asked_again(ask: Ask, service: Service):
    service.behaviours["m"] = "busy_once"
    assert len(ask("there:m")) == 1
    assert len(service.asked) == 2
    pauses: list[float] = []
    with pytest.raises(HostedError, match="cannot be reached") as caught:
        ask("http://127.0.0.1:1/v1:m", pause=lambda seconds: pauses.append(seconds) or False)
    assert (caught.value.code, caught.value.billed, len(pauses)) == ("service_unreachable", False, 2)


def test_a_retired_model_tells_its_date_and_its_successor(ask: Ask, service: Service):
    service.behaviours["dall-e-3"] = "missing"
    with pytest.raises(HostedError, match=r"shut down on 2026-05-12.*gpt-image-2") as caught:
        ask("openai:dall-e-3")
    assert caught.value.code == "model_retired"


PRIVATE = (
    "https://127.0.0.1/x.png",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/x.png",
    "https://[::1]/x.png",
    "https://[::ffff:10.0.0.1]/x.png",
    "https://localhost/x.png",
    "http://8.8.8.8/x.png",
    "file:///etc/passwd",
    "https://user:word@8.8.8.8/x.png",
    "https://[bad/x.png",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_answer_from_a_private_place_is_not_fetched(ask: Ask, service: Service, address: str):
    service.behaviours["m"], service.elsewhere = "other_url", address
    with pytest.raises(HostedError) as caught:
        ask("there:m")
    assert caught.value.code == "unsafe_address"


def test_another_port_of_this_machine_is_not_the_service(ask: Ask, service: Service):
    with serving(Service()) as other:
        service.behaviours["m"], service.elsewhere = "other_url", other.replace("/v1", "/secret.png")
        with pytest.raises(HostedError, match="without encryption") as caught:
            ask("there:m")
        assert caught.value.code == "unsafe_address"


def test_without_a_key_the_service_says_that_it_wants_one(ask: Ask):
    with pytest.raises(HostedError, match=r"needs a key.*OPENAI_API_KEY") as caught:
        ask("openai:gpt-image-2", key="")
    assert caught.value.code == "key_refused"


def test_a_key_is_scrubbed_of_foreign_words_whole_or_in_part():
    key = SecretStr("abcdefghijklmnopqrstuvwxyz")
    assert scrubbed("no abcdefghijklmnopqrstuvwxyz, no hijklmnopq, no sk-12345678*90", key) == (
        "no [key], no [key], no [key]"
    )
    assert scrubbed("a short one: abc", SecretStr("abc")) == "a short one: [key]"


LETTERS = st.characters(min_codepoint=48, max_codepoint=122, categories=("Lu", "Ll", "Nd"))


@often(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(LETTERS, min_size=16, max_size=60), st.text(max_size=20), st.text(max_size=20), st.integers(0, 8))
def test_no_part_of_a_key_that_could_be_known_again_is_left(key: str, before: str, after: str, start: int):
    told = scrubbed(f"{before}{key[start:]}{after} {key}", SecretStr(key))
    assert not [at for at in range(len(key) - 7) if key[at : at + 8] in told]
