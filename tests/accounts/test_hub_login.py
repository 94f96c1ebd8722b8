"""Signing in with Hugging Face: off unless asked for, by a real way there and back, and nobody by another's answer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.accounts.hub_login import check_set_up
from studio.errors import InvalidSetting
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.accounts.hub_provider import CLIENT, SECRET, Provider, provider
from tests.api.asking import gated
from tests.loops import run
from tests.ui.painter import Painter

HERE = "http://127.0.0.1:7860"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with provider() as server:
        monkeypatch.setenv("OAUTH_CLIENT_ID", CLIENT)
        monkeypatch.setenv("OAUTH_CLIENT_SECRET", SECRET)
        monkeypatch.setenv("OPENID_PROVIDER_URL", server.address)
        yield server


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path, accounts="on", huggingface_login="creator")
    with Studio(settings, backend=Painter()) as studio:
        studio.accounts.add("ann", "admin", "correct horse battery")
        yield studio


class Browser:
    """One browser, with its cookies, at a studio behind its gate."""

    def __init__(self, studio: Studio) -> None:
        self._app = gated(studio)
        self.cookies = httpx.Cookies()

    def get(self, path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, client=("127.0.0.1", 5000))
            async with httpx.AsyncClient(transport=transport, base_url=HERE, cookies=self.cookies) as client:
                answer = await client.get(path, headers=headers)
                self.cookies = client.cookies
                return answer

        return run(ask())

    def through_the_hub(self) -> httpx.Response:
        """From the studio to the hub, and back with its answer, which another site's page leads to."""
        begun = self.get("/account/huggingface")
        assert begun.status_code == 303
        back = httpx.get(begun.headers["location"]).headers["location"]
        return self.get(back.removeprefix(HERE), **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})


@pytest.fixture
def browser(studio: Studio) -> Browser:
    return Browser(studio)


def test_whoever_comes_from_the_hub_has_an_account_of_that_name(
    hub: Provider, studio: Studio, browser: Browser
) -> None:
    assert 'href="/account/huggingface"' in browser.get("/account/login").text
    entered = browser.through_the_hub()
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "You are hf:dora, a creator" in browser.get("/account").text
    assert "Old password" not in browser.get("/account").text
    assert hub.asked[0] == "/oauth/authorize"


@pytest.mark.parametrize("granted", ["inference-api", ""])
def test_whoever_comes_from_the_hub_may_pay_with_that_account_until_they_leave(
    hub: Provider, studio: Studio, browser: Browser, monkeypatch: pytest.MonkeyPatch, granted: str
) -> None:
    monkeypatch.setenv("OAUTH_SCOPES", f"openid profile {granted}")
    browser.through_the_hub()
    secret = next(cookie.value for cookie in browser.cookies.jar if cookie.name.endswith("-login"))
    who = studio.accounts.holder("account", secret or "")
    assert who is not None
    assert (who.hub_token.get_secret_value() if who.hub_token else "") == ("the-access-token" if granted else "")
    studio.accounts.log_out(secret or "")
    assert studio.accounts.holder("account", secret or "") is None


def test_they_are_the_same_person_in_every_browser_and_under_a_new_name(hub: Provider, studio: Studio) -> None:
    Browser(studio).through_the_hub()
    hub.person = {"sub": "1001", "preferred_username": "dora-renamed"}
    Browser(studio).through_the_hub()
    hub.person = {"sub": "2002", "preferred_username": "dora"}
    Browser(studio).through_the_hub()
    names = [account.name for account in studio.accounts.all()]
    assert len(names) == 3
    assert {"ann", "hf:dora"} < set(names), "another who has the name now is somebody else"


def test_an_admin_s_word_about_a_role_outlasts_the_next_sign_in(hub: Provider, studio: Studio) -> None:
    Browser(studio).through_the_hub()
    studio.accounts.set_role(studio.accounts.get("hf:dora"), "viewer")
    again = Browser(studio)
    again.through_the_hub()
    assert "a viewer" in again.get("/account").text


def test_an_account_of_the_hub_has_no_password(hub: Provider, studio: Studio, browser: Browser) -> None:
    browser.through_the_hub()
    for guess in ("", "nobody's password"):
        with pytest.raises(Exception, match="wrong"):
            studio.accounts.check_password("hf:dora", guess, "192.0.2.1")


@pytest.mark.parametrize(
    "tampered",
    [
        lambda path: path.replace("state=", "state=x"),
        lambda path: path.replace("code=", "code=x"),
        lambda path: "/account/huggingface/callback?error=access_denied",
        lambda path: "/account/huggingface/callback",
    ],
)
def test_an_answer_that_is_not_to_this_browser_s_attempt_signs_nobody_in(
    hub: Provider, browser: Browser, tampered: Callable[[str], str]
) -> None:
    begun = browser.get("/account/huggingface")
    back = httpx.get(begun.headers["location"]).headers["location"]
    answer = browser.get(tampered(back.removeprefix(HERE)))
    assert answer.status_code in (403, 502)
    assert 'role="alert"' in answer.text
    assert not [cookie for cookie in browser.cookies.jar if cookie.name.endswith("-login")]
    assert SECRET not in answer.text


def test_another_browser_s_answer_signs_nobody_in(hub: Provider, studio: Studio) -> None:
    mallory, bob = Browser(studio), Browser(studio)
    begun = mallory.get("/account/huggingface")
    back = httpx.get(begun.headers["location"]).headers["location"].removeprefix(HERE)
    assert bob.get(back).status_code == 403


def test_where_somebody_goes_then_follows_from_nothing_that_was_asked(hub: Provider, browser: Browser) -> None:
    begun = browser.get("/account/huggingface?_target_url=http://evil.example&next=//evil.example")
    assert "evil.example" not in begun.headers["location"]
    back = httpx.get(begun.headers["location"]).headers["location"].removeprefix(HERE)
    entered = browser.get(f"{back}&_target_url=http://evil.example&next=//evil.example")
    assert entered.headers["location"] == "/"


def test_a_hub_that_is_not_there_is_said(hub: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = browser.get("/account/huggingface")
    back = httpx.get(begun.headers["location"]).headers["location"].removeprefix(HERE)
    monkeypatch.setenv("OPENID_PROVIDER_URL", "http://127.0.0.1:9")
    assert "does not answer" in browser.get(back).text


@pytest.mark.parametrize("given", [{"huggingface_login": "off", "accounts": "on"}, {"huggingface_login": "viewer"}])
def test_it_is_off_unless_asked_for_and_where_there_are_no_accounts(
    hub: Provider, tmp_path: Path, given: dict[str, Any]
) -> None:
    with Studio(Settings.load(home=tmp_path, **given), backend=Painter()) as studio:
        studio.accounts.add("ann", "admin", "correct horse battery")
        assert Browser(studio).get("/account/huggingface").status_code == 404
        assert hub.asked == []


def test_without_a_client_it_is_told_before_anything_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAUTH_CLIENT_ID", raising=False)
    monkeypatch.delenv("OAUTH_CLIENT_SECRET", raising=False)
    with pytest.raises(InvalidSetting, match="OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET"):
        check_set_up(Settings.load(home=tmp_path, huggingface_login="viewer"))


def test_on_a_space_whoever_made_it_looks_after_it(
    hub: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_ID", "dora/studio")
    settings = Settings.load(home=tmp_path, port=0, accounts="on", huggingface_login="viewer")
    with Studio(settings, backend=Painter()) as studio, serve(studio):
        browser = Browser(studio)
        browser.through_the_hub()
        assert "an admin" in browser.get("/account").text
        hub.person = {"sub": "7", "preferred_username": "eve"}
        other = Browser(studio)
        other.through_the_hub()
        assert "hf:eve, a viewer" in other.get("/account").text
