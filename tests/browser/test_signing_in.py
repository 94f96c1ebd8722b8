"""Signing in with a real browser: in, a picture of one's own, and out again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from studio.accounts.store import identity_of
from studio.settings import Settings
from studio.studio import Studio
from tests.browser.conftest import PATIENCE_MS
from tests.browser.stage import draw
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def studio(settings: Settings) -> Iterator[Studio]:
    with Studio(settings.model_copy(update={"accounts": "on"}), backend=Painter()) as studio:
        studio.accounts.add("ann", "admin", PASSWORD)
        studio.accounts.add("bob", "creator", PASSWORD)
        yield studio


def test_whoever_signs_in_makes_pictures_of_their_own_and_signs_out(
    browser: Browser, address: str, studio: Studio
) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(address)
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill("wrong horse battery")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        draw(page, "a boat")
        (job,) = studio.jobs_of(identity_of(studio.accounts.get("ann")))
        assert job.recipes[0].prompt == "a boat"
        page.get_by_role("tab", name="Admin").click()
        admin = page.get_by_role("region", name="Admin")
        expect(admin.get_by_role("cell", name="bob", exact=True)).to_be_visible()
        admin.get_by_label("Role of bob").select_option("viewer")
        expect(admin.get_by_label("Role of bob")).to_have_value("viewer")
        page.get_by_role("link", name="Account").click()
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(address)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.get_by_label("Name").fill("bob")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("tab", name="Text to image")).to_be_visible()
        expect(page.locator(".stage")).to_be_visible()
        expect(page.get_by_role("tab", name="Admin")).to_have_count(0)
    finally:
        page.close()
