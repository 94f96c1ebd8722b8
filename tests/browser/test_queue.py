"""The queue in a real browser: seen from every tab, moved by drag and by key, paused, cancelled and made again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.jobs.job import Job
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.browser.conftest import NewPage
from tests.drawer import Drawer
from tests.people import who

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def drawer() -> Drawer:
    return Drawer(gated=True)


@pytest.fixture(scope="module")
def studio(settings: Settings, drawer: Drawer) -> Iterator[Studio]:
    with Studio(settings, backend=drawer) as studio:
        yield studio
        drawer.free()


def ask(studio: Studio, prompt: str, owner: str, count: int = 1) -> Job:
    recipe = Recipe.make(prompt=prompt, count=count, seed=1, model="starter", width=64, height=64, steps=1)
    return studio.jobs.submit(studio.resolve(recipe), who(owner))


def owner_of(page: Page, studio: Studio, drawer: Drawer) -> str:
    """Whose the page is: of the one picture that it asks for."""
    page.get_by_label("Prompt", exact=True).fill("mine")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".stage.busy")).to_have_count(1)
    (job,) = studio.jobs.unfinished()
    drawer.allow(100)
    list(job.follow())
    drawer.hold()
    return job.owner


def titles(queue: Locator) -> list[str]:
    return queue.locator("[aria-label='Running and waiting'] .queue-title").all_inner_texts()


def test_ones_own_jobs_are_moved_paused_cancelled_and_made_again(
    new_page: NewPage, address: str, studio: Studio, drawer: Drawer
) -> None:
    page = new_page(address)
    owner = owner_of(page, studio, drawer)
    ask(studio, "theirs", "browser:other")
    for name in ("alpha", "beta", "gamma"):
        ask(studio, name, owner, count=2)
    page.get_by_role("tab", name="Models").click()
    page.get_by_role("button", name="Queue", exact=True).click()
    queue = page.get_by_role("dialog", name="Queue")
    expect(queue.get_by_text("1 running, 3 waiting")).to_be_visible()
    assert titles(queue) == ["Somebody else’s", "alpha", "beta", "gamma"]
    queue.get_by_role("button", name="Move: gamma").focus()
    page.keyboard.press("ArrowUp")
    expect(queue.locator(".queue-title").nth(2)).to_have_text("gamma")
    queue.get_by_role("button", name="Move: beta").drag_to(
        queue.locator("li", has_text="alpha"), target_position={"x": 40, "y": 2}
    )
    expect(queue.locator(".queue-title").nth(1)).to_have_text("beta")
    queue.get_by_role("button", name="Pause: alpha").click()
    expect(queue.locator("li", has_text="alpha")).to_contain_text("Paused")
    queue.get_by_role("button", name="Background: gamma").click()
    expect(queue.locator("li", has_text="gamma")).to_contain_text("in the background")
    queue.get_by_role("button", name="Cancel: beta").click()
    ended = queue.locator("[aria-label='Ended'] li", has_text="beta")
    ended.get_by_role("button", name="Make again").click()
    expect(queue.locator("[aria-label='Running and waiting'] li", has_text="beta")).to_be_visible()
    page.keyboard.press("Escape")
    expect(queue).to_have_count(0)
