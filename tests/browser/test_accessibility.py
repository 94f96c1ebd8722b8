"""axe, which holds pages against the rules of accessibility, finds nothing in any tab, in light nor dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import NewPage
from tests.browser.rooms import turn_to

pytestmark = pytest.mark.browser


def test_axe_finds_nothing_in_any_tab_in_light_nor_dark(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    found = []
    for _ in range(2):
        for label in page.locator("#tabs [role=tab]").all_inner_texts():
            turn_to(page, label)
            page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
            seen = Axe().run(page, options={"resultTypes": ["violations"]})
            found += [f"{label}: {seen.generate_report()}"] if seen.violations_count else []
        page.get_by_role("button", name="Light or dark").click()
    assert not found, "\n".join(found)
