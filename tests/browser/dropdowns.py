"""Gradio's dropdowns: their lists opened, and something chosen from them."""

import re

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as TookTooLong

# A list that is there shows at once: one that does not is asked for again, so many times.
SOON_MS, TRIES = 3_000, 20


def offered(picker: Locator, name: str | re.Pattern[str]) -> Locator:
    """The option of this name, in the list of a dropdown that is opened for it.

    A list opens when its field gets the focus, and only then: a field that has it, and whose list was closed by Escape
    or by a choice, is left first.
    """
    picker.blur()
    picker.click()
    listed = picker.page.locator("ul[role=listbox]")
    listed.get_by_role("option").first.wait_for(timeout=SOON_MS)
    return listed.get_by_role("option", name=name, exact=isinstance(name, str))


def choose(picker: Locator, name: str | re.Pattern[str]) -> None:
    """Choose the option of this name, at the latest when the page has heard of it."""
    for tries_left in reversed(range(TRIES)):
        try:
            offered(picker, name).click(timeout=SOON_MS)
        except TookTooLong:
            if not tries_left:
                raise
        else:
            return
