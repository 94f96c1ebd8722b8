"""axe, which holds pages against the rules of accessibility, finds nothing in any tab, in light nor dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import NewPage
from tests.browser.rooms import turn_to

pytestmark = pytest.mark.browser


def test_axe_finds_nothing_in_any_tab(new_page: NewPage, address: str) -> None:
    """By turns in light and in dark."""
    page, found = new_page(address), []
    for label in tabs(page):
        found += faults(page, label)
        page.get_by_role("button", name="Light or dark").click()
    assert not found, "\n".join(found)


@pytest.mark.soak
def test_axe_finds_nothing_in_any_tab_in_light_nor_dark(new_page: NewPage, address: str) -> None:
    page, found = new_page(address), []
    for _ in range(2):
        found += [fault for label in tabs(page) for fault in faults(page, label)]
        page.get_by_role("button", name="Light or dark").click()
    assert not found, "\n".join(found)


def tabs(page: Page) -> list[str]:
    """All tabs; last the one whose editor, once it is there, is drawn in every frame."""
    return sorted(page.locator("#tabs [role=tab]").all_inner_texts(), key=lambda label: label == "Inpainting")


def faults(page: Page, label: str) -> list[str]:
    turn_to(page, label)
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    seen = Axe().run(page, options={"resultTypes": ["violations"]})
    return [f"{label}: {seen.generate_report()}"] if seen.violations_count else []
