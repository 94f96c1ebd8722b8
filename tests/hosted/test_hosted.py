"""The files of hosted models, and where they are reached: each is tested by being there."""

from pathlib import Path

import pytest

from studio.errors import ModelError, PresetError, SettingsError
from studio.hosted.models import Hosted, Usage
from studio.settings import PRESETS, Host, Settings

FILES = sorted(path.stem for path in (PRESETS / "hosted").glob("*.toml"))


@pytest.fixture
def hosted(tmp_path: Path) -> Hosted:
    return Hosted(Settings.load(home=tmp_path))


@pytest.mark.parametrize("name", FILES)
def test_each_hosted_model_can_be_asked_and_its_cost_told_beforehand(hosted: Hosted, name: str):
    offer = hosted[f"openai:{name}"]
    usual = offer.model.chosen({})
    assert set(usual) == set(offer.model.settings)
    for quality in offer.model.settings.get("quality", ("",)):
        for size in offer.model.settings["size"]:
            cost = offer.estimate({**usual, "quality": quality, "size": size}, "a prompt")
            assert cost is not None
            assert 0.001 < cost < 2
    assert not offer.model.shutdown or offer.model.successor in hosted.models
    assert name in [one.sent for one in hosted.offers()]


def test_the_known_models_are_there():
    assert {"dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"} <= set(FILES)


def test_prices_follow_size_quality_pictures_and_usage(hosted: Hosted):
    old, new = hosted["openai:dall-e-3"], hosted["openai:gpt-image-2"]
    assert old.estimate({"quality": "hd", "size": "1792x1024"}, "a") == 0.12
    assert old.estimate({}, "a") == 0.12, "what is not said may be the dearest"
    assert old.cost({"quality": "hd", "size": "1024x1024"}, None, 2) == 0.16
    assert new.cost({}, Usage(100, 1000, 1000), 1) == pytest.approx((500 + 8000 + 30000) / 1e6)
    plain, edited = (new.estimate({"quality": "low", "size": "1024x1024"}, "a", pictures) for pictures in (0, 1))
    assert plain
    assert edited
    assert edited > plain
    large = new.estimate({"quality": "low", "size": "2048x2048"}, "a")
    assert large == pytest.approx(4 * plain, rel=0.7)
    assert hosted["http://127.0.0.1:1/v1:dall-e-3"].estimate({}, "a") is None, "who knows what others charge"


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
    offer = next(one for one in hosted.offers() if one.name == "work:painter")
    assert (offer.label, offer.host.key_env) == ("Painter", "WORK")
    assert offer.estimate({"size": "640x480"}, "a") == 0.5
    (folder / "painter.toml").write_text(OWN.replace("size =", "sise ="))
    with pytest.raises(PresetError, match=r"painter\.toml"):
        Hosted(Settings.load(home=tmp_path))


@pytest.mark.parametrize("address", ["ftp://x/v1", "https://me:word@x/v1", "https://x/v1?key=1", "x"])
def test_an_address_that_cannot_be_is_refused(tmp_path: Path, address: str):
    with pytest.raises(SettingsError, match="hosts"):
        Settings.load(home=tmp_path, hosts={"a": {"base_url": address}})


def test_hosts_in_the_environment_that_are_no_json_are_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_HOSTS", "x")
    with pytest.raises(SettingsError, match="hosts"):
        Settings.load()


def test_openai_s_key_goes_to_openai_and_to_this_machine_alone(hosted: Hosted):
    keys = {
        "openai:m": "OPENAI_API_KEY",
        "https://api.openai.com/v1:m": "OPENAI_API_KEY",
        "http://localhost:8000/v1:m": "OPENAI_API_KEY",
        "https://api.openai.com.example.org/v1:m": "",
        "https://example.org/v1:m": "",
    }
    assert {name: hosted[name].host.key_env for name in keys} == keys
    with pytest.raises(ModelError, match="Did you mean openai"):
        hosted["opnai:m"]
    assert Host(base_url="http://[::1]:80/v1").timeout_seconds > 0
