"""The picker of models in a real browser: the panel, a favourite, and the question before gigabytes come."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import PHONE, NewPage
from tests.browser.models import choose_model, offers
from tests.browser.stage import drawing
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser
SMALL = """[...document.querySelectorAll(".model-panel :is(button, label, [type=search])")]
    .filter((e) => e.offsetWidth && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 120))"""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A studio that may download, though nothing is to be had where it would."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    settings = Settings.load(home=tmp_path, port=0)
    painter = Painter(inputs=InputStore.of(settings))
    painter.ready.set()
    with Studio(settings, backend=painter) as studio, serve(studio) as address:
        yield address


def test_a_model_is_chosen_by_what_it_is_and_needs_and_its_gigabytes_want_a_yes(
    address: str, new_page: NewPage
) -> None:
    page = new_page(address, **PHONE)
    panel = offers(page)
    flux = panel.locator("[data-id=flux1-schnell]")
    expect(flux).to_contain_text("33.7 GB to download")
    expect(flux).to_contain_text("needs about 40.4 GB")
    expect(flux).to_contain_text("Apache-2.0")
    expect(panel.locator("[data-id=starter]")).to_contain_text("not tried here yet")
    flux.get_by_role("button", name="Favourite FLUX.1 schnell").click()
    expect(panel.locator(".model-row").nth(1)).to_have_attribute("data-id", "flux1-schnell")
    flux.get_by_role("button", name="Use FLUX.1 schnell").click()
    expect(flux.get_by_role("button", name="Download 33.7 GB and use it")).to_be_visible()
    seen = Axe().run(page, options={"resultTypes": ["violations"]})
    assert not seen.violations_count, seen.generate_report()
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    panel.get_by_role("button", name="Done").click()

    choose_model(page, "FLUX.1 schnell")
    page.get_by_label("Prompt", exact=True).fill("a cat")
    page.get_by_role("button", name="Generate").click()
    question = page.get_by_role("dialog", name="Download")
    expect(question).to_contain_text("FLUX.1 schnell is not on this machine: 33.7 GB to download")
    question.get_by_role("button", name="Cancel").click()
    expect(page.locator(".stage.busy")).to_have_count(0)
    choose_model(page, "Starter")
    with drawing(page):
        page.get_by_role("button", name="Generate").click()
    expect(offers(page).locator("[data-id=starter]")).to_contain_text("a picture here")
