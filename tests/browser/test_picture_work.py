"""From the full view: a picture made again and compared, and saved in another form."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from studio.metadata import own
from tests.browser.conftest import NewPage
from tests.browser.stage import draw

pytestmark = pytest.mark.browser


def test_a_picture_is_made_again_and_saved_from_the_full_view(new_page: NewPage, address: str, tmp_path: Path) -> None:
    page = new_page(address)
    draw(page, "a house")
    page.get_by_role("button", name="Open: a house").click()
    full = page.get_by_role("dialog", name="Full view")
    full.get_by_role("button", name="More", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download as WebP").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    (file,) = tmp_path.glob("*.webp")
    assert own.read(file).prompt == "a house"
    full.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Make again and compare").click()
    again = page.get_by_role("dialog", name="Made again")
    expect(again).to_contain_text("Identical: every pixel is the same.")
    expect(again.locator("img")).to_have_count(2)
    again.get_by_role("button", name="Close").click()
    expect(again).to_have_count(0)
    expect(full).to_be_visible()
