"""The page's tabs: those in the strip, and those in the menu behind it."""

from playwright.sync_api import Page, expect


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
