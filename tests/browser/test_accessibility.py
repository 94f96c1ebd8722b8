"""axe, which holds pages against the rules of accessibility, finds nothing in any tab; none is wider than a window."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import WIDE, NewPage, Profiles
from tests.browser.rooms import turn_to
from tests.browser.touch import AT_REST

pytestmark = pytest.mark.browser

SHOWN = ("Text to image", "Image to image", "Inpainting", "ControlNet", "LoRA", "Compare")


# What moved that nobody moved, added up, since the page was loaded.
SHIFTED = """new Promise((done) => {
    const sum = (list) => list.filter((one) => !one.hadRecentInput).reduce((all, one) => all + one.value, 0);
    new PerformanceObserver((list) => done(sum(list.getEntries()))).observe({ type: "layout-shift", buffered: true });
    setTimeout(done, 1000, 0);
})"""


# Whether a part of the header lies on another while much is said there.
COVERED = """() => {
    const said = document.querySelector("#status span");
    if (said) said.textContent = "CPU, 17.7 of 25.3 GB used, 1 running, 12 waiting";
    const boxes = [...document.querySelectorAll("#header > *")]
        .filter((one) => one.checkVisibility() && one.offsetWidth).map((one) => one.getBoundingClientRect());
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    return boxes.some((one, at) => boxes.slice(at + 1).some((other) => meet(one, other)));
}"""


def test_axe_finds_nothing_in_any_tab_and_none_scrolls_sideways(
    new_page: NewPage, profiles: Profiles, address: str
) -> None:
    """By turns in light and in dark; no word stands there that Gradio did not translate, and the console is silent."""
    page, found = new_page(address), []
    assert page.evaluate(SHIFTED) < 0.05, "nothing jumps while the page loads"
    shown = page.locator("#tabs [role=tab]").filter(visible=True).all_inner_texts()
    assert set(SHOWN) <= set(shown), "the tabs of the mission stand in the strip of a laptop"
    for label in tabs(page):
        found += [*faults(page, label), *untranslated(page, label), *sideways(page, label)]
        page.get_by_role("button", name="Light or dark").click()
    found += [*styles(page), *profiles.complaints]
    assert not found, "\n".join(found)


@pytest.mark.soak
def test_axe_finds_nothing_in_any_tab_in_light_nor_dark(new_page: NewPage, address: str) -> None:
    page, found = new_page(address), []
    for _ in range(2):
        found += [fault for label in tabs(page) for fault in faults(page, label)]
        page.get_by_role("button", name="Light or dark").click()
    assert not found, "\n".join(found)


def styles(page: Page) -> list[str]:
    """What axe finds in the dialog of styles, in both themes."""
    turn_to(page, "Text to image")
    page.get_by_role("button", name="Browse styles").click()
    page.get_by_role("dialog", name="Styles").get_by_role("button").first.wait_for()
    found = examined(page, "Styles")
    page.evaluate("document.body.classList.toggle('dark')")
    return [*found, *examined(page, "Styles, the other theme")]


def untranslated(page: Page, label: str) -> list[str]:
    """Names of Gradio's texts in the place of the texts."""
    return [f"{label}: {name}" for name in re.findall(r"\bcommon\.\w+", page.locator("body").inner_text())]


def sideways(page: Page, label: str) -> list[str]:
    """At which widths the page is wider than its window: those of a phone, a tablet and a small laptop."""
    found = []
    for width in (390, 820, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        across = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{label}: {across} pixels wide in {width}"] if across > width else []
        found += [f"{label}: the header covers itself in {width}"] if page.evaluate(COVERED) else []
    page.set_viewport_size(WIDE)
    return found


def tabs(page: Page) -> list[str]:
    """All tabs; last the one whose editor, once it is there, is drawn in every frame."""
    return sorted(page.locator("#tabs [role=tab]").all_inner_texts(), key=lambda label: label == "Inpainting")


def faults(page: Page, label: str) -> list[str]:
    turn_to(page, label)
    return examined(page, label)


def examined(page: Page, label: str) -> list[str]:
    page.evaluate(AT_REST)
    seen = Axe().run(page, options={"resultTypes": ["violations"]})
    return [f"{label}: {seen.generate_report()}"] if seen.violations_count else []
