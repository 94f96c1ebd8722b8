"""Who is who on a Space, and what of the page is for visitors."""

import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from studio import hf_space
from studio.gate.identity import KEY, Identity
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.events import BadInput, Nothing, served
from studio.ui.owner import identify
from studio.ui.shell import page
from tests.ui.callers import request_of
from tests.ui.painter import Painter


@pytest.fixture
def on_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "ann/studio")


@pytest.fixture
def signing_in(on_a_space: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the libraries for it are installed."""
    for name in hf_space.OAUTH:
        monkeypatch.setenv(name, "set")
    monkeypatch.setattr(hf_space, "SIGNS_IN", ("json",))


def visit(browser: str = "browser", **session: Any) -> gr.Request:
    """A request of a browser whose owner is so called, as the gate lets it in."""
    scope = {"type": "http", "headers": [], "session": session, KEY: Identity("browser", browser, address="192.0.2.1")}
    return gr.Request(Request(scope), session_hash="abc")


def signed(who: str, seconds: float = 60) -> dict[str, Any]:
    return {"userinfo": {"sub": who, "preferred_username": who}, "expires_at": time.time() + seconds}


def texts(host: str, home: Path) -> str:
    """All that the page's layout says."""
    with Studio(Settings.load(home=home, host=host), backend=Painter(), durable=False) as studio:
        return str(page(studio).get_config_file())


def test_who_signed_in_is_the_same_owner_in_every_browser(signing_in: None) -> None:
    owners = {identify(visit(browser, oauth_info=signed("ann"))).owner for browser in ("one", "another")}
    assert len(owners) == 1
    assert identify(visit("one", oauth_info=signed("bob"))).owner not in owners


@pytest.mark.parametrize(("scope", "spends"), [("openid profile inference-api", True), ("openid profile", False)])
def test_who_signed_in_brings_a_token_only_where_it_may_be_spent(signing_in: None, scope: str, spends: bool) -> None:
    token = identify(visit(oauth_info={**signed("ann"), "access_token": "hf_oauth_ann", "scope": scope})).hub_token
    assert (token is not None) is spends
    assert identify(visit()).hub_token is None


def test_who_did_not_or_not_lately_is_the_browser(signing_in: None) -> None:
    assert identify(visit("one")).owner == "one"
    assert identify(visit("one", oauth_info=signed("ann", -1))).owner == "one"


def test_an_act_of_the_page_is_told_who_asks_by_the_request_and_not_by_the_page(signing_in: None) -> None:
    def tell(asked: Nothing, who: Identity) -> dict[str, Any]:
        return {"asked": dict(asked), "owner": who.owner}

    (act,) = served({"tell": tell})
    assert act({"owner": "account:ann"}, visit("one")) == {"asked": {}, "owner": "one"}
    assert act({}, visit("one", oauth_info=signed("bob"))) == {"asked": {}, "owner": "account:bob"}


def test_without_a_space_nobody_is_asked_who_he_is() -> None:
    assert identify(visit("one", oauth_info=signed("ann"))).owner == "one"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_a_studio_of_ones_own_deploys(host: str, tmp_path: Path) -> None:
    assert ("tab-deploy" in texts(host, tmp_path)) == (host == "127.0.0.1")


def test_on_a_space_a_visitor_can_have_it_himself_instead(on_a_space: None, tmp_path: Path) -> None:
    said = texts("127.0.0.1", tmp_path)
    assert "Duplicate this Space" in said
    assert "tab-deploy" not in said


def test_pictures_go_to_the_volume_where_there_is_one(
    on_a_space: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hf_space, "VOLUME", tmp_path / "none")
    assert hf_space.images() is None
    monkeypatch.setattr(hf_space, "VOLUME", tmp_path)
    assert hf_space.images() == tmp_path / "images"
    monkeypatch.delenv("SPACE_ID")
    assert hf_space.images() is None


# What a viewer may call, by the module of the element; all else is for creators, without anybody having to think of it.
LOOKS = {
    "arena_tab": {"pair", "table", "votes"},
    "candidates_tab": {"agree"},
    "compare_tab": {"estimate", "facts", "fields", "hand", "look"},
    "control_panel": {"poses", "read_pose", "saying"},
    "gallery": {"details", "search"},
    "grid_tab": {"consider", "prepare"},
    "library_tab": {"alike", "facts", "ids", "like", "news", "search", "tints", "tree", "zip"},
    "lora_panel": {"details", "library", "look", "pictures", "reword", "saying", "stacks"},
    "lora_tab": {"details", "library", "pictures", "saying"},
    "memory_panel": {"look"},
    "model_picker": {"models"},
    "models_tab": {"all", "look"},
    "picture_work": {"news", "save"},
    "presets_panel": {"styles", "words"},
    "prompt_preview": {"told"},
    "queue_panel": {"look"},
}


def test_a_viewer_calls_nothing_that_does_more_than_look(tmp_path: Path) -> None:
    viewer = request_of(Identity.signed_in("1", "vic", "viewer"))
    settings = Settings.load(home=tmp_path, accounts="on")
    open_to_viewers: dict[str, set[str]] = {}
    with Studio(settings, backend=Painter(), durable=False) as studio:
        for element in page(studio).blocks.values():
            for name in vars(element):
                act = getattr(element, name)
                if not getattr(act, "is_served", False):
                    continue
                try:
                    answer = act({}, viewer)
                except BadInput:  # it was let in, and looked at what was said
                    answer = {}
                if "viewer" not in str(answer.get("fault", "")):
                    open_to_viewers.setdefault(str(element.module), set()).add(name)
    assert open_to_viewers == LOOKS
