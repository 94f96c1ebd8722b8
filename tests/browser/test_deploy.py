"""The Deploy tab in a browser: the studio onto a hub on loopback, stopped, taken up again, and opened."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from playwright.sync_api import Page, expect

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage
from tests.browser.rooms import turn_to
from tests.deploy import hub_server
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser
SPACE = "ann/image-studio"
KEY = "a-key-of-another-house"
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[hub_server.Hub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", "no such file")
    with hub_server.running() as remote:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", remote.endpoint)
        yield remote


@pytest.fixture
def page(remote: hub_server.Hub, tmp_path: Path, new_page: NewPage) -> Iterator[Page]:
    settings = Settings.load(home=tmp_path, port=0)
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio, serve(studio) as address:
        page = new_page(address)
        turn_to(page, "Deploy")
        yield page
        page.close()  # else the server waits for its connections


def test_the_studio_goes_onto_a_space_by_its_page(page: Page, remote: hub_server.Hub) -> None:
    deploy = page.get_by_role("button", name="Deploy", exact=True)
    check = page.get_by_role("button", name="Check")
    check.click()
    expect(page.get_by_role("alert")).to_contain_text("Then paste it into the Token field")

    # What is sent can be seen without one.
    page.get_by_role("button", name="Show files").click()
    expect(page.get_by_role("region", name="Files")).to_contain_text("studio/errors.py")
    expect(page.get_by_text("Not compared with the Space")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)

    # The token is enough: whose Space it is follows from it.
    page.get_by_label("Token").fill(hub_server.TOKEN)
    page.get_by_role("button", name="Show files").click()
    expect(page.get_by_role("region", name="Files")).to_contain_text("studio/errors.py")
    expect(page.get_by_text("Signed in as ann, a free account; organizations: club.")).to_be_attached()

    page.get_by_text("Secrets", exact=True).click()
    page.get_by_role("button", name="Add a secret").click()
    page.get_by_label("Secret name").fill("OPENAI_API_KEY")
    page.get_by_label("Secret value").fill(KEY)
    page.get_by_text("Variables", exact=True).click()
    page.get_by_role("button", name="Add a variable").click()
    page.get_by_label("Variable name").fill("STUDIO_SHARE_KEYS")
    page.get_by_label("Variable value").fill("perhaps")
    deploy.click()
    expect(page.get_by_role("alert")).to_contain_text("STUDIO_SHARE_KEYS")
    page.get_by_label("Variable value").fill("true")

    remote.builds = ("BUILDING",) * 1000
    deploy.click()
    expect(page.get_by_role("region", name="Build log")).to_contain_text("pip install")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()

    # Taken up again: nothing is left to send.
    remote.builds = ("RUNNING",)
    remote.build_again()
    deploy.click()
    opens = page.get_by_role("link", name="Open the Space")
    expect(opens).to_have_attribute("href", f"{remote.endpoint}/spaces/{SPACE}")
    expect(page.get_by_text("Every file is up to date")).to_be_visible()

    assert remote.spaces[SPACE].secrets == {"OPENAI_API_KEY": KEY}
    assert remote.spaces[SPACE].variables == {"STUDIO_SHARE_KEYS": "true"}
    kept = page.evaluate(
        "JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.documentElement.outerHTML"
    )
    assert hub_server.TOKEN not in kept
    assert KEY not in kept
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
