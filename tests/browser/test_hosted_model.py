"""A hosted model chosen on the page: what it costs at most before, and what it did cost at the picture."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import NewPage
from tests.browser.models import choose_model
from tests.browser.stage import drawing
from tests.drawer import Drawer
from tests.hosted.service import KEY, Service, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serving(Service()) as service:
        patch.setenv("OPENAI_BASE_URL", service)
        patch.setenv("OPENAI_API_KEY", KEY)
        settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0, day_budget_usd=1)
        with Studio(settings, backend=Drawer()) as studio, serve(studio) as address:
            yield address


def test_a_hosted_model_says_its_price_before_and_its_cost_at_the_picture(new_page: NewPage, address: str):
    page: Page = new_page(address)
    page.locator("#field-prompt textarea").fill("a red house")
    choose_model(page, "GPT Image 2, low")
    expect(page.locator("#price")).to_contain_text("At most $")
    expect(page.locator("#price")).to_contain_text("left for today")
    expect(page.locator("#field-steps")).to_be_hidden()
    with drawing(page):
        page.locator("#generate").click()
    page.locator(".cell.done .look").click()
    row = page.get_by_role("complementary", name="Details").locator("dl > div").filter(has_text="Cost")
    expect(row.locator("dd")).to_have_text(re.compile(r"^\$0\.0\d"))
