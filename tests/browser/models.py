"""The picker of models: its panel opened, and a model chosen from it."""

import re

from playwright.sync_api import Locator, Page, expect


def offers(page: Page) -> Locator:
    """The panel of models, opened."""
    page.get_by_role("button", name="Model: ").click()
    dialog = page.get_by_role("dialog", name="Choose a model")
    expect(dialog.locator(".model-row").first).to_be_visible()
    return dialog


def choose_model(page: Page, name: str) -> None:
    """Choose a model by its whole name; one that is not here is only looked at."""
    dialog = offers(page)
    dialog.get_by_role("button", name=f"Use {name}", exact=True).click()
    only = dialog.get_by_role("button", name="Open it first")
    expect(only.or_(page.locator(f'.model-open[aria-label="Model: {name}"]'))).to_be_visible()
    if only.is_visible():
        only.click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile(f"^Model: {re.escape(name)}$"))).to_be_visible()
