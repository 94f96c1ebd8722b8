"""The files of hosted models, and where they are reached: each is tested by being there."""

from pathlib import Path

import pytest

from studio.errors import InvalidPreset, InvalidSetting, ModelError
from studio.hosted.models import Hosted
from studio.hosted.providers.openai import Usage
from studio.settings import PRESETS, Host, Settings

FILES = sorted(path.stem for path in (PRESETS / "hosted").glob("*.toml"))


@pytest.fixture
def hosted(tmp_path: Path) -> Hosted:
    return Hosted(Settings.load(home=tmp_path))


@pytest.mark.parametrize("name", FILES)
def test_each_hosted_model_can_be_asked_and_its_cost_told_beforehand(hosted: Hosted, name: str):
    endpoint = hosted[f"{hosted.models[name].service}:{name}"]
    usual = endpoint.model.chosen({})
    assert set(usual) == {one for one, choices in endpoint.model.settings.items() if choices}
    for quality in endpoint.model.settings.get("quality", ("",)):
        for size in endpoint.model.settings["size"]:
            cost = endpoint.estimate({**usual, "quality": quality, "size": size}, "a prompt")
            # Who hosts a model of the hub is known when it is asked, and so is the price.
            assert cost is None if endpoint.host_name == "huggingface" else 0.001 < (cost or 0) < 2
    assert not endpoint.model.shutdown or endpoint.model.successor in hosted.models
    assert endpoint.sent in [one.sent for one in hosted.endpoints()]


def test_the_known_models_are_there():
    assert {"dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"} <= set(FILES)


def test_prices_follow_size_quality_pictures_and_usage(hosted: Hosted):
    old, new = hosted["openai:dall-e-3"], hosted["openai:gpt-image-2"]
    assert old.estimate({"quality": "hd", "size": "1792x1024"}, "a") == 0.12
    assert old.estimate({}, "a") == 0.12, "what is not said may be the dearest"
    assert old.cost({"quality": "hd", "size": "1024x1024"}, None, 2) == 0.16
    assert new.cost({}, Usage(100, 1000, 1000), 1) == pytest.approx((500 + 8000 + 30000) / 1e6)
    assert hosted["http://127.0.0.1:1/v1:dall-e-3"].estimate({}, "a") is None, "who knows what others charge"


# Tokens of one image as published, by size: low, medium, high of GPT Image 2; the five qualities of 2.5 Flare.
PUBLISHED = {
    "1024x1024": ((196, 1756, 7024), (196, 439, 1756, 3122, 7024)),
    "1024x1536": ((158, 1372, 5488), (158, 343, 1372, 2459, 5488)),
    "1536x1024": ((158, 1372, 5488), (158, 343, 1372, 2459, 5488)),
    "1024x768": ((134, 1204, 4815), (134, 301, 1204, 2140, 4815)),
    "1920x1080": ((147, 1320, 5280), (147, 343, 1320, 2347, 5280)),
    "2560x1440": ((205, 1843, 7370), (205, 478, 1843, 3276, 7370)),
    "3840x2160": ((371, 3336, 13342), (371, 865, 3336, 5930, 13342)),
}
GRADES = {"gpt-image-2": ("low", "medium", "high"), "gpt-image-2.5-flare": ("low", "medium", "high", "xhigh", "max")}


@pytest.mark.parametrize("size", PUBLISHED)
def test_an_image_takes_the_tokens_that_were_published_and_is_never_told_for_less(hosted: Hosted, size: str):
    for (model, grades), tokens in zip(GRADES.items(), PUBLISHED[size], strict=True):
        for quality, count in zip(grades, tokens, strict=True):
            told = hosted.models[model].estimate({"quality": quality, "size": size}, "a house")
            real = count * 30 / 1e6
            assert told is not None
            assert real < told < real + 0.001, "the words of the prompt alone come on top"


def test_an_estimate_covers_long_words_given_pictures_partial_images_and_choices_left_open(hosted: Hosted):
    new = hosted.models["gpt-image-2"]
    square = {"quality": "medium", "size": "1024x1024"}

    def told(settings: dict[str, str], prompt: str = "a", pictures: int = 0, partials: int = 0) -> float:
        return new.estimate(settings, prompt, pictures, partials) or 0

    # Other scripts take up to a token for each byte; nobody knows the words' tokens before the service counts them.
    assert told(square, "木" * 1000) - told(square) >= 1000 * 5 / 1e6
    assert told(square, pictures=2) - told(square) >= 2 * 1536 * 8 / 1e6, "at low quality, too, it reads them whole"
    assert told(square, partials=2) - told(square) == pytest.approx(200 * 30 / 1e6)
    assert told({"size": "1024x1024"}) == told({**square, "quality": "high"}), "what is not said may be the dearest"
    closely = hosted.models["gpt-image-1.5"]
    costs = [closely.estimate({**square, "input_fidelity": one}, "a", 1) or 0 for one in ("low", "high")]
    assert costs[1] - costs[0] == pytest.approx(6240 * 8 / 1e6)


@pytest.mark.parametrize("name", [name for name in FILES if "2.6" in name])
def test_where_tokens_were_not_published_the_estimate_is_twice_that_of_the_model_before(hosted: Hosted, name: str):
    settings = {"quality": "medium", "size": "1024x1024"}
    before, own = (hosted.models[one].estimate(settings, "a") or 0 for one in ("gpt-image-2.5-flare", name))
    assert own == pytest.approx(2 * before)


def test_what_ends_names_a_model_that_goes_on(hosted: Hosted):
    ends = {name: model for name, model in hosted.models.items() if model.shutdown}
    assert {"gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest"} <= set(ends)
    assert all(not hosted.models[model.successor].shutdown for model in ends.values())


OWN = """
name = "Painter"
service = "work"
[settings]
size = ["640x480"]
[price]
date = 2026-11-01
[price.images.any]
640x480 = 0.5
"""


def test_a_file_and_a_host_of_one_s_own_are_offered(tmp_path: Path):
    folder = tmp_path / "presets" / "hosted"
    folder.mkdir(parents=True)
    (folder / "painter.toml").write_text(OWN)
    (tmp_path / "settings.toml").write_text('[hosts.work]\nbase_url = "https://example.org/v1"\nkey_env = "WORK"\n')
    hosted = Hosted(Settings.load(home=tmp_path))
    endpoint = next(one for one in hosted.endpoints() if one.name == "work:painter")
    assert (endpoint.label, endpoint.host.key_env) == ("Painter", "WORK")
    assert endpoint.estimate({"size": "640x480"}, "a") == 0.5
    (folder / "painter.toml").write_text(OWN.replace("size =", "sise ="))
    (folder / "._painter.toml").write_bytes(b"\0\5\26\7\260\377")
    hosted = Hosted(Settings.load(home=tmp_path))
    assert [path.name for path in hosted.faults] == ["painter.toml"]
    assert "work:painter" not in [one.name for one in hosted.endpoints()]
    assert "openai:gpt-image-2" in [one.name for one in hosted.endpoints()]
    with pytest.raises(InvalidPreset, match=r"painter\.toml"):
        hosted["work:painter"]


@pytest.mark.parametrize("address", ["ftp://x/v1", "https://me:word@x/v1", "https://x/v1?key=1", "x"])
def test_an_address_that_cannot_be_is_refused(tmp_path: Path, address: str):
    with pytest.raises(InvalidSetting, match="hosts"):
        Settings.load(home=tmp_path, hosts={"a": {"base_url": address}})


def test_hosts_in_the_environment_that_are_no_json_are_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOSTS", "x")
    with pytest.raises(InvalidSetting, match="STUDIO_HOSTS"):
        Settings.load()


def test_openai_s_key_goes_to_openai_alone_unless_the_settings_name_another_host(hosted: Hosted):
    keys = {
        "openai:m": "OPENAI_API_KEY",
        "https://api.openai.com/v1:m": "OPENAI_API_KEY",
        "http://localhost:8000/v1:m": "",
        "https://api.openai.com.example.org/v1:m": "",
        "https://example.org/v1:m": "",
    }
    assert {name: hosted[name].host.key_env for name in keys} == keys
    with pytest.raises(ModelError, match="Did you mean openai"):
        hosted["opnai:m"]
    assert Host(base_url="http://[::1]:80/v1").timeout_seconds > 0
