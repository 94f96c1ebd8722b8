"""The main road, as a creator walks it: the real command, the real starter, a real browser."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from studio.metadata import own
from studio.settings import ASSETS
from tests.browser.rooms import number, open_more
from tests.browser.stage import drawing
from tests.forks import python

pytestmark = pytest.mark.browser

ROOT = ASSETS.parent
PROMPT = "a red house on the left at sunset by the sea"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    environment = {**os.environ, "STUDIO_HOME": str(home), "STUDIO_PORT": "0"}
    command = [python(anew=True), "app.py"]
    # What a shell starts in the background ignores it, and so would the server that is to be stopped by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        yield line.rsplit(" ", 1)[-1].strip()
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0


def ask(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.keyboard.press("Control+Enter")


def set_steps(page: Page, steps: int) -> None:
    open_more(page)
    number(page, "steps").fill(str(steps))
    page.get_by_role("button", name="More").click()
    expect(page.locator("#field-steps")).to_be_hidden()


def test_a_prompt_is_drawn_step_by_step_and_its_file_downloaded(page: Page, home: Path, tmp_path: Path) -> None:
    page.evaluate(REMEMBER)
    set_steps(page, 8)
    with drawing(page):
        ask(page, PROMPT)
    assert [line for line in page.evaluate("seen.lines") if re.search(r"Step \d+ of 8", line)]
    assert page.evaluate("seen.previews") > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    got = tmp_path / download.value.suggested_filename
    download.value.save_as(got)
    (stored,) = (home / "images").rglob("*.png")
    assert got.read_bytes() == stored.read_bytes()
    assert own.read(got).prompt == PROMPT
    with Image.open(got) as image:
        # A picture, not one colour.
        assert max(high - low for low, high in image.convert("RGB").getextrema()) > 100

    page.locator(".memory-open").click()
    memory = page.get_by_role("dialog", name="Memory")
    expect(memory.locator(".memory-held")).to_contain_text("Starter")
    memory.get_by_role("button", name="Free memory now").click()
    expect(memory.get_by_role("status")).to_contain_text("of weights freed")
    expect(memory).to_contain_text("Nothing is loaded.")
    page.keyboard.press("Escape")
    expect(memory).to_have_count(0)


# What passes by on the stage: a busy machine looks too late.
REMEMBER = """() => {
    const seen = window.seen = { lines: [], previews: 0 };
    const any = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(() => {
        seen.lines.push(document.querySelector(".stage .line").textContent);
        seen.previews += document.querySelectorAll(".cell img[src^='data:image/jpeg']").length;
    }).observe(document.querySelector("#stage"), any);
}"""


def test_a_running_job_outlives_a_reload_and_can_be_stopped(page: Page) -> None:
    set_steps(page, 100)
    page.locator("#field-count").get_by_text("8", exact=True).click()
    ask(page, PROMPT)
    expect(page.locator(".stage .line")).to_contain_text(re.compile(r"step \d+ of 100"))
    page.reload()
    expect(page.locator(".stage .line")).to_contain_text(re.compile(r"step \d+ of 100"))
    page.locator(".halt").click()
    expect(page.locator(".stage .line")).to_have_text("Stopped")
    page.locator("#field-count").get_by_text("1", exact=True).click()
    page.locator("#field-quality").get_by_text("Draft").click()
    with drawing(page):
        ask(page, PROMPT)
