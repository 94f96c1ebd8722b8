"""Comparisons and the arena in a real browser: the starter against a hosted model, and a blind vote on four pairs."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.conftest import PHONE, NewPage
from tests.browser.rooms import turn_to
from tests.hosted.service import KEY, Service, serving

pytestmark = pytest.mark.browser

PROMPTS = [f"a red house, number {number}" for number in range(4)]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service(size=(128, 96))
    with serving(service):
        yield service


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", service.address)
        patch.delenv("OPENAI_API_KEY", raising=False)
        settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0, day_budget_usd=2, unknown_prices="allow")
        with Studio(settings) as studio, serve(studio) as address:
            yield address


def opened(page: Page) -> Page:
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator(".versus-column")).to_have_count(1)
    return page


def compared(page: Page, prompts: str, *models: str) -> None:
    """Compare the starter with these models."""
    page.get_by_label("Prompts", exact=True).fill(prompts)
    page.get_by_label("Add a setting to Starter").select_option("steps")
    # It is not left before the costs come: what is typed has to outlive that.
    page.get_by_label("Steps", exact=True).fill("1")
    for model in models:
        page.get_by_label("Add a column").select_option(model)
    expect(page.locator(".versus-cost")).to_contain_text("at most $")
    tell_key(page, "OpenAI")
    go = page.locator(".versus-go")
    go.click()
    expect(go).to_have_text("Continue")


def tell_key(page: Page, host: str) -> None:
    field = page.get_by_label(f"Key for {host}")
    field.fill(KEY)
    field.press("Tab")
    expect(page.locator(".versus-key").filter(has_text=host)).to_contain_text("typed")


def test_the_starter_is_compared_with_a_hosted_model_and_judged_blind(
    new_page: NewPage, address: str, service: Service, tmp_path: Path
):
    page = opened(new_page(address))
    page.locator(".versus-empty + .examples .example").first.click()
    expect(page.get_by_label("Prompts", exact=True)).to_have_value(re.compile("a red house"))
    service.behaviours["dall-e-3"] = "missing"
    refiner = page.get_by_label("Add a column").locator("option[value=sdxl-refiner]")
    expect(refiner).to_have_count(0)
    page.get_by_label("Add a column").select_option("openai:dall-e-3")
    expect(page.locator(".versus-column").last).to_contain_text("OpenAI shut it down on 2026-05-12")
    page.get_by_label("Add a column").select_option("other")
    page.get_by_label("Address").fill("openai")
    page.get_by_label("Model id").fill("gpt-imge-2")
    page.get_by_role("button", name="Add the model").click()
    mistyped = page.locator(".versus-column").last
    expect(mistyped).to_contain_text("Did you mean openai:gpt-image-2")
    mistyped.get_by_role("button", name="Remove").click()
    page.get_by_label("Budget for a day").fill("1.5")
    page.keyboard.press("Tab")
    compared(page, "\n".join(f"{prompt} # house" for prompt in PROMPTS), "openai:gpt-image-2")
    expect(page.locator(".versus-cell.done")).to_have_count(8)
    expect(page.locator(".versus-cell.failed")).to_have_count(4)
    expect(page.locator(".versus-cell.failed").first).to_contain_text("Take gpt-image-2")
    expect(page.locator(".versus-sum")).to_contain_text("8 of 12 pictures · 4 failed · cost $0.120 · $1.38 left today")

    picks = page.locator(".versus-cell.done").get_by_role("button", name="with another")
    picks.nth(0).click()
    picks.nth(1).click()
    dialog = page.get_by_role("dialog", name="Two pictures")
    line = dialog.get_by_role("slider")
    line.focus()
    line.press("ArrowRight")
    expect(line).to_have_attribute("aria-valuetext", "51 % starter (steps 1)")
    dialog.get_by_role("button", name="Side by side").click()
    expect(dialog.locator(".zoom-cell")).to_have_count(2)
    expect(dialog.locator(".pair-table")).to_contain_text("Steps")
    page.keyboard.press("Escape")

    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    told = json.loads(download.value.path().read_text("utf-8"))
    assert {cell["model"] for cell in told["cells"]} == {"starter", "openai:gpt-image-2", "openai:dall-e-3"}
    assert all(cell["metrics"]["sharpness"] >= 0 for cell in told["cells"] if cell["path"])
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert KEY not in page.content() + kept

    page.locator(".versus-cell.done").nth(1).get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Image to image").click()
    expect(page.locator("#field-image_to_image-init_image")).to_contain_text("128 × 96")
    page.get_by_label("Prompt", exact=True).fill("a cat")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(refiner).to_have_count(1)

    turn_to(page, "Arena")
    judged_all(page)


def judged_all(page: Page) -> None:
    """Four pairs, the first of them twice, and what the votes say."""
    expect(page.locator(".arena-foot")).to_contain_text("Pair 1 of 4")
    judged(page, "ArrowLeft")
    expect(page.locator(".arena-foot")).to_contain_text("Pair 2 of 4")
    page.keyboard.press("z")
    expect(page.locator(".arena-foot")).to_contain_text("Pair 1 of 4")
    for vote in range(4):
        judged(page, ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")[vote % 4])
    expect(page.locator(".arena")).to_contain_text("No pair to judge")
    rows = page.locator(".arena-board tbody").first.locator("tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("–")
    page.get_by_label("Prompts with the tag").select_option("house")
    expect(rows).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export votes").click()
    with download.value.path().open(newline="") as file:
        assert len(list(csv.reader(file))) == 5


def judged(page: Page, key: str) -> None:
    """One pair, without a name before the vote."""
    expect(page.locator(".arena-votes")).to_be_visible()
    assert "GPT" not in page.locator(".arena").inner_text().split("Ratings")[0]
    assert all(source.startswith("data:image/jpeg") for source in page.evaluate(SOURCES))
    page.keyboard.press(key)
    expect(page.locator(".arena-next")).to_be_visible()
    assert sorted(page.locator(".arena-name").all_inner_texts()) == ["GPT Image 2", "Starter (steps 1)"]
    page.keyboard.press("Enter")


# Where the two pictures come from.
SOURCES = "[...document.querySelectorAll('.arena-look img')].map((image) => image.src)"


def test_a_comparison_is_found_again_extended_and_brought_beside_kept_pictures_on_a_phone(
    new_page: NewPage, address: str, service: Service, tmp_path: Path
):
    page, before = new_page(address, **PHONE), service.paid  # it may be a rerun
    page.get_by_label("Prompt", exact=True).fill("a cat")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_label("Prompts", exact=True)).to_have_value("a cat")
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "kept.png")
    page.get_by_label("Pictures to compare with").set_input_files(tmp_path / "kept.png")
    expect(page.locator(".versus-column").last).to_contain_text("Imported: kept.png")
    page.get_by_label("Add a column").select_option("other")
    page.get_by_label("Model id").fill("mine")
    page.get_by_label("Address", exact=True).fill(service.address)
    page.get_by_role("button", name="Add the model").click()
    expect(page.locator(".versus-column").last).to_contain_text("Price unknown")
    tell_key(page, "127.0.0.1")
    compared(page, "a cat", "openai:dall-e-2")
    expect(page.locator(".versus-cell.done")).to_have_count(4)
    page.reload()
    expect(page.locator(".versus-cell.done")).to_have_count(4)
    page.get_by_label("More prompts").fill("a dog")
    page.get_by_role("button", name="Extend").click()
    expect(page.locator(".versus-cell.done")).to_have_count(7)
    expect(page.locator(".versus-cell.empty")).to_have_count(1)
    paid = service.paid - before
    assert paid["dall-e-2", "a cat"] == paid["dall-e-2", "a dog"] == 1
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(SMALL_TARGETS) == []
    page.get_by_role("button", name="New comparison").click()
    expect(page.get_by_label("Add a column").get_by_role("option", name="mine")).to_have_count(1)
    page.get_by_text("Earlier comparisons").click()
    page.get_by_role("button", name="Remove the comparison a cat").click()
    expect(page.get_by_text("Earlier comparisons")).to_be_hidden()


# What a finger would miss.
SMALL_TARGETS = """() => [...document.querySelectorAll(".versus :is(button, select, summary, input:not(.unseen))")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.offsetWidth)
    .filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 120))"""
