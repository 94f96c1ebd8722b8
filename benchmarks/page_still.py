"""How much the page jumps, in every tab, and how long it is busy at a time while somebody types there.

Figures of a browser: cumulative layout shift, of what nobody caused by a click or a key, from the load of each tab on
until it is at rest, in the first tab until pictures are made; and the longest task while text is typed, beside it the
processor time of the longest, which other programs change less. It wants a Chromium, and a machine that does nothing
else.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.base import Benchmark, Measured

PROMPT = "a red house on the left at sunset by the sea, with a boat and a zeppelin"
MOST_SHIFT, MOST_TASK_MS = 0.05, 100.0
PICTURES = "4"
# Where they are on the path; else the one that Playwright brought.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# Between two keys, in milliseconds.
BETWEEN_KEYS = 90
# How long nothing changes until a tab is at rest, in milliseconds.
REST = 2000
# A shift is told with what moved; the largest of the page is what is to be mended first.
WATCH = """
window.shifts = [];
window.tasks = [];
const called = (node) => {
    const element = node?.nodeType === 1 ? node : node?.parentElement;
    return element ? [element.localName, element.id && `#${element.id}`, ...element.classList].join(" ") : "";
};
const shifted = ({ hadRecentInput, value, sources }) => {
    if (!hadRecentInput) window.shifts.push([value, sources.map(({ node }) => called(node)).join(", ")]);
};
const worked = ({ startTime, duration }) => window.tasks.push([startTime, duration]);
const watch = (type, act) =>
    new PerformanceObserver((list) => list.getEntries().forEach(act)).observe({ type, buffered: true });
watch("layout-shift", shifted);
watch("longtask", worked);
"""
# What can be typed into, the prompt before others.
ENTRIES = "#field-prompt textarea:visible, [role=tabpanel]:visible :is(textarea, input[type=search], input[type=text])"


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
            _rest(page)
            figures = {tab: _used(browser, page, f"{address}#{tab}") for tab in page.evaluate(TABS)}
            browser.close()
    shift = max(one["layout_shift"] for one in figures.values())
    task = max(one["longest_task_ms"] for one in figures.values())
    return Measured(max(shift / MOST_SHIFT, task / MOST_TASK_MS), None, {"tabs": figures})


TABS = "[...document.querySelectorAll('#tabs [role=tab]')].map((handle) => handle.id.replace(/^tab-|-button$/g, ''))"


def _used(browser: Any, page: Any, address: str) -> dict[str, Any]:
    """What a tab is like to somebody who opens the page there, types, and in the first has pictures made."""
    page.goto("about:blank")
    page.goto(address)
    _rest(page)
    began = page.evaluate("performance.now()")
    browser.start_tracing(page=page, categories=["toplevel"])
    entry = page.locator(ENTRIES).first
    if entry.count():
        entry.press_sequentially(PROMPT, delay=BETWEEN_KEYS)
        page.wait_for_timeout(REST)
    busy = _processor_ms(json.loads(browser.stop_tracing()))
    tasks = page.evaluate("(began) => tasks.filter(([at]) => at >= began).map(([, ms]) => ms)", began)
    if address.endswith("#text_to_image"):
        page.locator("#field-count").get_by_text(PICTURES, exact=True).click()
        page.locator("#generate").click()
        page.wait_for_function(f"document.querySelectorAll('.cell.done').length === {PICTURES}", timeout=600_000)
        page.wait_for_timeout(REST)
    shifts = page.evaluate("shifts")
    shift = round(sum(value for value, _ in shifts), 4)
    moved = {"moved": max(shifts)[1]} if shifts else {}
    task = round(max([0.0, *tasks]), 1)
    return {"layout_shift": shift, "longest_task_ms": task, "longest_task_processor_ms": busy, **moved}


def _processor_ms(trace: dict[str, Any]) -> float:
    """The most processor time that one task of the page's main thread took."""
    events = trace["traceEvents"]
    main = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    return round(max(float(one.get("tdur", 0)) for one in events if (one["pid"], one["tid"]) in main) / 1000, 1)


def _rest(page: Any) -> None:
    page.wait_for_selector("#stage[data-ready]", state="attached", timeout=600_000)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(REST)


BENCHMARK = Benchmark("layout shift and tasks of the page / 0.05 and 100 ms", 1.0, 1.0, measure)
