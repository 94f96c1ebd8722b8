"""Who is who on a Space, and what of the page is for visitors."""

import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from studio import space
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.listeners import served
from studio.ui.owner import admit, owner_of
from studio.ui.shell import page
from tests.ui.painter import Painter

BROWSER = "a-secret-that-one-browser-keeps"


@pytest.fixture
def on_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "ann/studio")


@pytest.fixture
def signing_in(on_a_space: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the libraries for it are installed."""
    for name in space.OAUTH:
        monkeypatch.setenv(name, "set")
    monkeypatch.setattr(space, "SIGNS_IN", ("json",))


def visit(**session: Any) -> gr.Request:
    return gr.Request(Request({"type": "http", "headers": [], "session": session}), session_hash="abc")


def signed(who: str, seconds: float = 60) -> dict[str, Any]:
    return {"userinfo": {"sub": who, "preferred_username": who}, "expires_at": time.time() + seconds}


def texts(host: str, home: Path) -> str:
    """All that the page's layout says."""
    with Studio(Settings.load(home=home, host=host), backend=Painter(), durable=False) as studio:
        return str(page(studio).get_config_file())


def test_who_signed_in_is_the_same_owner_in_every_browser(signing_in: None) -> None:
    owners = {owner_of(browser, visit(oauth_info=signed("ann"))) for browser in (BROWSER, BROWSER + "-another", None)}
    assert len(owners) == 1
    assert owner_of(BROWSER, visit(oauth_info=signed("bob"))) not in owners


def test_who_did_not_or_not_lately_is_the_browser(signing_in: None) -> None:
    assert owner_of(BROWSER, visit()) == BROWSER
    assert owner_of(BROWSER, visit(oauth_info=signed("ann", -1))) == BROWSER


def test_nobody_is_another_owner_by_saying_so(signing_in: None) -> None:
    account = owner_of(BROWSER, visit(oauth_info=signed("a-name-as-long-as-a-secret")))
    assert owner_of(account, visit()) != account
    assert admit(account) != account


def test_an_act_of_the_page_is_told_whose_page_it_is_by_who_signed_in(signing_in: None) -> None:
    (tell,) = served({"tell": dict})
    assert tell({"owner": "account:ann"}, visit(oauth_info=signed("ann"))) == {"owner": "account:ann"}
    assert tell({"owner": "account:ann"}, visit(oauth_info=signed("bob"))) == {"owner": "account:bob"}
    assert "not signed in" in tell({"owner": "account:ann"}, visit())["fault"]
    assert tell({"owner": BROWSER}, visit()) == {"owner": BROWSER}


def test_without_a_space_nobody_is_asked_who_he_is() -> None:
    assert owner_of(BROWSER, visit(oauth_info=signed("ann"))) == BROWSER


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
    monkeypatch.setattr(space, "VOLUME", tmp_path / "none")
    assert space.images() is None
    monkeypatch.setattr(space, "VOLUME", tmp_path)
    assert space.images() == tmp_path / "images"
    monkeypatch.delenv("SPACE_ID")
    assert space.images() is None
