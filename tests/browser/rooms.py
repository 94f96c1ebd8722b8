"""What several tests do on the page: turn to a tab, wherever its handle stands; fill in the form, or a grid's axis."""

from playwright.sync_api import Locator, Page, expect


def turn_to(page: Page, tab: str) -> None:
    """Choose a tab, wherever its handle stands."""
    handle = page.locator("#tabs [role=tab]", has_text=tab)
    page.get_by_role("button", name="Other tabs").wait_for()
    if not handle.is_visible():
        page.get_by_role("button", name="Other tabs").click()
        page.get_by_role("menuitem", name=tab, exact=True).click()
    else:
        handle.click()
    expect(handle).to_have_attribute("aria-selected", "true")


def axis(page: Page, number: int, field: str, values: str, words: str = "") -> Locator:
    """Fill in what varies along an axis of a grid, by its field and values; returns the axis's card."""
    card = page.locator(".grid-axis").nth(number)
    card.locator("select").select_option(field)
    if words:
        card.locator(".grid-words").fill(words)
    card.locator("textarea").fill(values)
    return card


def open_more(page: Page) -> None:
    """Unfold the settings that are seldom needed."""
    page.get_by_role("button", name="More").click()
    expect(page.locator("#field-steps")).to_be_visible()


def number(page: Page, field: str) -> Locator:
    """The box in which a number is typed."""
    return page.locator(f"#field-{field} input[type=number]")
