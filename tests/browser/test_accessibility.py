"""axe, which holds pages against the rules of accessibility, finds nothing in any tab, in light nor dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import NewPage

pytestmark = pytest.mark.browser


def test_axe_finds_nothing_in_any_tab_in_light_nor_dark(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    found = []
    for _ in range(2):
        for tab in page.get_by_role("tab").all():
            tab.click()
            expect(tab).to_have_attribute("aria-selected", "true")
            page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
            seen = Axe().run(page, options={"resultTypes": ["violations"]})
            found += [f"{tab.inner_text()}: {seen.generate_report()}"] if seen.violations_count else []
        page.get_by_role("button", name="Light or dark").click()
    assert not found, "\n".join(found)
