"""How much the page jumps, and how long it is busy at a time, while a prompt is typed and pictures are made.

Figures of a browser: cumulative layout shift, of what nobody caused by a click or a key, and the longest task while a
prompt is typed. It wants a Chromium, and a machine that does nothing else.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.base import Benchmark, Measured

PROMPT = "a red house on the left at sunset by the sea, with a boat and a zeppelin"
MOST_SHIFT, MOST_TASK_MS = 0.05, 100.0
PICTURES = "4"
# Where they are on the path; else the one that Playwright brought.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Between two keys, in milliseconds.
BETWEEN_KEYS = 90
WATCH = """
window.shifts = [];
window.tasks = [];
const shifted = ({ hadRecentInput, value }) => { if (!hadRecentInput) window.shifts.push(value); };
const worked = ({ startTime, duration }) => window.tasks.push([startTime, duration]);
const watch = (type, act) =>
    new PerformanceObserver((list) => list.getEntries().forEach(act)).observe({ type, buffered: true });
watch("layout-shift", shifted);
watch("longtask", worked);
"""


def measure() -> Measured:
    from playwright.sync_api import sync_playwright

    from studio.settings import Settings
    from studio.studio import Studio
    from studio.ui import serve

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = Settings.load(home=Path(folder), port=0)
        with Studio(settings) as studio, serve(studio) as address:
            own = next(filter(None, map(shutil.which, BROWSERS)), None)
            browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(WATCH)
            page.goto(address)
            figures = _used(page)
            browser.close()
    ratio = max(figures["layout_shift"] / MOST_SHIFT, figures["longest_task_ms"] / MOST_TASK_MS)
    return Measured(ratio, None, figures)


def _used(page: Any) -> dict[str, float]:
    """What the page is like to somebody who types a prompt and has pictures made."""
    page.wait_for_selector("#stage[data-ready]", state="attached")
    page.wait_for_timeout(2000)
    began = page.evaluate("performance.now()")
    page.locator("#field-prompt textarea").press_sequentially(PROMPT, delay=BETWEEN_KEYS)
    page.wait_for_timeout(1000)
    tasks = page.evaluate("(began) => tasks.filter(([at]) => at >= began).map(([, ms]) => ms)", began)
    page.locator("#field-count").get_by_text(PICTURES, exact=True).click()
    page.locator("#generate").click()
    page.wait_for_function(f"document.querySelectorAll('.cell.done').length === {PICTURES}", timeout=600_000)
    page.wait_for_timeout(1000)
    shift = page.evaluate("shifts.reduce((sum, one) => sum + one, 0)")
    return {"layout_shift": round(shift, 4), "longest_task_ms": round(max([0.0, *tasks]), 1)}


BENCHMARK = Benchmark("layout shift and tasks of the page / 0.05 and 100 ms", 1.0, 1.0, measure)
