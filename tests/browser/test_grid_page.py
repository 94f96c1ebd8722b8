"""Grids in a real browser, on a backend that paints at once: from the form to cells, and what one can do with them."""

import csv
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage, reload
from tests.browser.rooms import axis, turn_to
from tests.ui.painter import Painter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("let_go")]


def begun(page: Page, prompt: str) -> None:
    """The grid tab with what the form says."""
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Grid", exact=True).click()
    expect(page.locator(".grid-prompt")).to_have_text(prompt)


def looks(page: Page) -> Locator:
    return page.locator(".grid-table .grid-look")


def saved(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_grid_from_the_form_to_its_exports(new_page: NewPage, address: str, tmp_path: Path) -> None:
    page = new_page(address)
    page.get_by_role("button", name="Grid", exact=True).click()
    expect(page.locator("#field-prompt .fault")).to_contain_text("The prompt is empty")
    expect(page.get_by_role("tab", name="Text to image")).to_have_attribute("aria-selected", "true")
    begun(page, "a red house")
    across = axis(page, 0, "scheduler", "")
    for name in ("Euler", "DDIM"):
        across.get_by_role("button", name=name, exact=True).click()
    expect(across.locator("textarea")).to_have_value("Euler, DDIM")
    down = axis(page, 1, "prompt:", "red, blue, house without paint", "blue")
    expect(down.locator(".fault")).to_contain_text("does not say “blue”")
    down.locator(".grid-words").fill("red")
    axis(page, 2, "steps", "1, 2, 5000")
    expect(page.locator(".grid-total")).to_have_text("12 pictures · 18 steps · 6 cannot be made")
    expect(page.locator(".grid-faults")).to_contain_text("Steps 5000 '5000' is not a valid number of steps")
    page.get_by_role("button", name="Make 12 pictures").click()
    expect(page.locator(".grid-state")).to_have_text("8 of 18 pictures, 10 failed")

    expect(looks(page)).to_have_count(4)
    expect(page.locator(".grid-wrong")).to_have_text(["The paint ran out. Try a smaller picture."] * 2)
    page.get_by_role("button", name="5000", exact=True).click()
    expect(looks(page)).to_have_count(0)
    page.get_by_role("button", name="2", exact=True).click()
    heads = page.locator(".grid-table thead th")
    expect(heads).to_have_text([re.compile("Scheduler.*red"), "Euler", "DDIM"])
    page.get_by_role("button", name="Swap axes").click()
    expect(heads).to_have_text([re.compile("red.*Scheduler"), "red", "blue", "house without paint"])
    page.get_by_label("Axis of the pages").select_option(label="Scheduler")
    expect(page.locator(".grid-table tbody th")).to_have_text(["1", "2", "5000"])

    looks(page).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    full = page.get_by_role("dialog", name="Full view")
    expect(full).to_contain_text("“red” in the prompt: blue, Steps: 1")
    page.keyboard.press("ArrowRight")
    expect(full).to_contain_text("“red” in the prompt: red, Steps: 2")
    full.get_by_role("button", name="Use these settings").click()
    page.get_by_role("button", name="More").click()
    expect(page.locator("#field-steps input[type=number]")).to_have_value("2")
    expect(page.locator("#field-scheduler input")).to_have_value("Euler")

    turn_to(page, "Grid")
    with Image.open(saved(page, "Picture", tmp_path)) as sheet:
        assert min(sheet.size) > 300
    assert "data:image/webp" in saved(page, "Page", tmp_path).read_text("utf-8")
    rows = list(csv.DictReader(saved(page, "Table", tmp_path).read_text("utf-8").splitlines()))
    assert len(rows) == 18
    assert {row["y (“red” in the prompt)"] for row in rows} == {"red", "blue", "house without paint"}


def test_a_grid_is_stopped_found_again_and_resumed(new_page: NewPage, painter: Painter, address: str) -> None:
    page = new_page(address)
    begun(page, "a green boat")
    axis(page, 0, "seed", "1-4")
    expect(page.locator(".grid-total")).to_contain_text("4 pictures")
    painter.held.set()
    page.get_by_role("button", name="Make 4 pictures").click()
    expect(page.locator(".grid-making")).to_have_count(1)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".grid-state")).to_have_text("0 of 4 pictures · stopped")
    painter.held.clear()
    reload(page)
    expect(page.locator(".grid-state")).to_have_text("0 of 4 pictures · stopped")
    expect(page.locator(".grid-axis").first.locator("textarea")).to_have_value("1-4")
    page.get_by_role("button", name="Resume").click()
    expect(looks(page)).to_have_count(4)
    expect(page.locator(".grid-state")).to_have_text("4 of 4 pictures")

    axis(page, 0, "seed", "8, 9")
    page.get_by_role("button", name="Make 2 pictures").click()
    expect(looks(page)).to_have_count(2)
    earlier = page.get_by_label("Earlier grids")
    expect(earlier.locator("option")).to_have_count(2)
    earlier.select_option(index=1)
    expect(looks(page)).to_have_count(4)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget").click()
    expect(earlier.locator("option")).to_have_count(1)
