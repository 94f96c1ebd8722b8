"""The Models tab in a browser: a download with its progress, cancelled, taken up, and what came removed again."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Page, expect

from studio.inputs import InputStore
from studio.settings import ASSETS, Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage
from tests.browser.dropdowns import choose
from tests.small_hub import Manners, small_hub, turn_to
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser
NARROW = {"width": 390, "height": 844}
WEIGHTS = ASSETS / "upscalers" / "starter-4x.safetensors"


@pytest.fixture
def manners() -> Manners:
    return Manners(begun=Event(), go_on=Event())


@pytest.fixture
def page(manners: Manners, tmp_path: Path, new_page: NewPage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    settings = Settings.load(home=tmp_path / "home", port=0)
    toml = settings.home / "presets" / "upscalers" / "mine.toml"
    toml.parent.mkdir(parents=True)
    toml.write_text(
        'name = "Mine"\nsummary = "Four times larger."\nlicence = "MIT"\nrepo = "some/mine"\n'
        'file = "mine.safetensors"\ndownload_bytes = 200000\n'
    )
    with small_hub({"some/mine": {"mine.safetensors": WEIGHTS.read_bytes()}}, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio, serve(studio) as served:
            page = new_page(served)
            page.get_by_role("tab", name="Models").click()
            yield page
            manners.go_on.set()
            page.close()  # else the server waits for its connections


def test_weights_are_downloaded_cancelled_resumed_and_removed(page: Page, manners: Manners) -> None:
    assert manners.begun
    assert manners.go_on
    row = page.locator("[data-key='upscaler/mine']")
    expect(row).to_contain_text("Four times larger.")
    expect(row).to_contain_text("MIT")
    row.get_by_role("button", name="Download: Mine").click()
    expect(page.get_by_role("progressbar", name="Download of Mine")).to_have_js_property("value", 0.5)
    expect(row).to_contain_text(" kB of ")
    page.get_by_role("button", name="Downloads 1").click()
    expect(page.locator(".models-row")).to_have_count(1)
    page.get_by_role("button", name="Cancel the download of Mine").click()
    expect(page.get_by_role("button", name="Downloads 1")).to_be_hidden()
    expect(page.get_by_text("What was downloaded of Mine is kept.")).to_be_attached()

    manners.go_on.set()
    page.get_by_role("searchbox", name="Search models").fill("mine")
    row.get_by_role("button", name="Download: Mine").click()
    expect(row.get_by_role("button", name="Remove Mine")).to_be_visible()
    expect(page.get_by_text("Mine is downloaded.")).to_be_attached()
    assert manners.heard[-1][1] is not None, "it went on where it stopped"
    # What came can be chosen at once.
    page.get_by_role("tab", name="Upscale").click()
    upscaler = page.locator("#field-upscale-upscaler input")
    choose(upscaler, "mine")
    expect(upscaler).to_have_value("mine")

    page.get_by_role("tab", name="Models").click()
    row.get_by_role("button", name="Remove Mine").click()
    expect(row).to_contain_text("kB?")
    row.get_by_role("button", name="Keep").click()
    row.get_by_role("button", name="Remove Mine").click()
    row.get_by_role("button", name="Remove Mine from the disk").click()
    expect(row.get_by_role("button", name="Download: Mine")).to_be_visible()

    page.get_by_role("searchbox", name="Search models").fill("")
    page.get_by_role("button", name="ControlNets").click()
    expect(page.get_by_role("region", name="Models", exact=True).get_by_role("heading", level=2)).to_have_text(
        ["ControlNets"]
    )
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
