"""The Models tab's server: who may do what, over the wire and behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from studio.ui.consent import Consent
from studio.ui.fast_gradio import gr
from studio.ui.fields import models
from studio.ui.followers import Followers
from studio.ui.form import Form
from studio.ui.tabs.base import TabContext
from studio.ui.tabs.models import ModelsPanel
from tests.small_hub import Manners, small_hub, turn_to
from tests.ui.callers import request
from tests.ui.painter import Painter

AWAY = "upscaler/mine"


@pytest.fixture
def manners() -> Manners:
    return Manners()


@pytest.fixture
def home(tmp_path: Path, manners: Manners, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    toml = tmp_path / "home" / "presets" / "upscalers" / "mine.toml"
    toml.parent.mkdir(parents=True)
    toml.write_text(
        'name = "Mine"\nsummary = "."\nlicence = "MIT"\nrepo = "some/mine"\nfile = "mine.safetensors"\n'
        "download_bytes = 2000\n"
    )
    with small_hub({"some/mine": {"mine.safetensors": bytes(2000)}}, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        yield tmp_path / "home"


@pytest.fixture
def panel(home: Path) -> Iterator[ModelsPanel]:
    with Studio(Settings.load(home=home), backend=Painter()) as studio:
        yield panel_of(studio)


def panel_of(studio: Studio) -> ModelsPanel:
    with gr.Blocks(analytics_enabled=False) as blocks:
        return ModelsPanel(TabContext(studio, blocks, Form(studio), "models", Followers(blocks), Consent(studio)))


def entry(told: dict[str, Any], key: str) -> dict[str, Any]:
    return next(item for item in told["items"] if item["key"] == key)


def test_everything_is_told_with_size_licence_and_place(panel: ModelsPanel) -> None:
    told = panel.widget.all({}, request())
    assert {item["kind"] for item in told["items"]} <= {kind["id"] for kind in told["kinds"]}
    starter, away = entry(told, "model/starter"), entry(told, AWAY)
    assert (starter["state"], starter["ours"], starter["licence"]) == ("here", True, "Apache-2.0")
    assert (away["state"], away["size"], away["coming"]) == ("away", "2 kB", None)
    assert told["fetches"]
    assert told["removes"]


def test_what_is_downloaded_is_told_and_can_be_removed(panel: ModelsPanel) -> None:
    assert panel.widget.fetch({"key": AWAY}, request()) == {}
    while not all(one["over"] for one in panel.widget.look({})["coming"]):
        pass
    there = entry(panel.widget.all({}, request()), AWAY)
    assert there["state"] == "here"
    assert Path(there["place"]).is_file()
    assert panel.widget.remove({"key": AWAY}, request()) == {}
    assert entry(panel.widget.all({}, request()), AWAY)["state"] == "away"
    refused = panel.widget.remove({"key": "model/starter"}, request())["fault"]
    assert refused.startswith("Starter comes with the studio.")
    assert panel.widget.fetch({"key": "model/nothing"}, request())["fault"].startswith("There is nothing called")


@pytest.mark.parametrize("shared", [False, True])
def test_a_studio_for_others_lets_nobody_remove_and_downloads_where_that_is_set(home: Path, *, shared: bool) -> None:
    settings = Settings.load(home=home, host="0.0.0.0", share_downloads=shared)
    with Studio(settings, backend=Painter()) as studio:
        panel = panel_of(studio)
        told = panel.widget.all({"keeps": True}, request(here=False))  # a page cannot say it of itself
        assert (told["fetches"], told["removes"]) == (shared, False)
        assert entry(told, "upscaler/starter-4x")["place"] == ""
        assert ("fault" in panel.widget.fetch({"key": AWAY}, request(here=False))) is not shared
        refused = panel.widget.remove({"key": AWAY}, request(here=False))["fault"]
        assert "Only this studio's operator can remove weights." in refused


def test_on_a_space_only_its_owner_decides(panel: ModelsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    assert not panel.widget.all({}, request(here=False))["fetches"]
    monkeypatch.setattr("studio.hf_space.signs_in", lambda: True)
    assert panel.widget.all({}, request(here=False, signed="ann"))["removes"]
    assert not panel.widget.all({}, request(here=False, signed="bob"))["removes"]


def test_a_proxy_in_front_of_the_studio_takes_the_rights_away(home: Path, manners: Manners) -> None:
    settings = Settings.load(home=home, port=0)
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio, serve(studio) as address:
        config = httpx.get(f"{address}config").json()
        (component,) = (one["id"] for one in config["components"] if one["props"].get("elem_id") == "models")

        def ask(name: str, **headers: str) -> dict[str, Any]:
            body: dict[str, Any] = {"component_id": component, "fn_name": name, "data": {"key": AWAY}}
            body["session_hash"] = f"of-{len(headers)}"
            answer = httpx.post(f"{address}gradio_api/component_server", json=body, headers=headers)
            return dict(answer.json())

        assert ask("all")["removes"]
        through = {"x-forwarded-for": "203.0.113.7"}
        assert not ask("all", **through)["removes"]
        assert "Only this studio's operator can download weights." in ask("fetch", **through)["fault"]
        assert manners.heard == []


def test_the_picker_names_what_is_here_first(panel: ModelsPanel) -> None:
    choices = models(panel.studio)
    assert choices[0] == ("Starter", "starter")
    assert ("Stable Diffusion XL · 6.9 GB to download", "sdxl-base") in choices
