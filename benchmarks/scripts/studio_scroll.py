"""The page of a studio with so many pictures, made up, scrolled through in a headless Chromium."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from made_up import fill
from PIL import Image
from playwright.sync_api import Page, Playwright, sync_playwright

from studio.gate.identity import COMMAND_LINE
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve

SCROLLED = Path(__file__).with_name("scroll.js")
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
# As many small copies are made; each picture's is one of them, in a file of its own.
COPIES = 200


def main(home: str, count: int) -> None:
    with Studio(Settings.load(home=home, port=0)) as studio:
        fill(studio.index, studio.database, studio.library.folder, count, COMMAND_LINE.owner)
        copy(studio)
        with serve(studio) as address, sync_playwright() as playwright:
            page = opened(playwright, address)
            print("ready", flush=True)
            for _ in sys.stdin:
                print(json.dumps(scrolled(page)), flush=True)


def copy(studio: Studio) -> None:
    """Give each picture its small copy."""
    with studio.database.read() as rows:
        digests = [digest for (digest,) in rows.execute("SELECT digest FROM pictures")]
    made = []
    for number, digest in enumerate(digests):
        if number < COPIES:
            noise = Image.effect_noise((256, 256), 20 + number % 60).convert("RGB")
            made.append(studio.index.thumbnails.make(noise, digest))
            continue
        place = studio.index.thumbnails.place(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(made[number % COPIES], place)


def opened(playwright: Playwright, address: str) -> Page:
    """The library of the page, its first pictures there."""
    own = playwright.chromium.executable_path
    path = next(filter(None, map(shutil.which, BROWSERS)), own)
    browser = playwright.chromium.launch(executable_path=path, args=[*OPTIONS])
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.get_by_role("tab", name="Library").click()
    page.locator(".library-cell img.there").first.wait_for(timeout=120_000)
    page.evaluate(SCROLLED.read_text("utf-8"))
    return page


def scrolled(page: Page) -> dict[str, Any]:
    """One round of all ways to scroll: by wheel, by jumps of the bar, and in one sweep there and back."""
    page.locator(".library-wall").hover()
    page.evaluate("scrolling.begin()")
    for way in (1, -1):
        for _ in range(40):
            page.mouse.wheel(0, way * 400)
            page.wait_for_timeout(16)
        page.wait_for_timeout(500)
    wheel = page.evaluate("scrolling.end()")
    page.evaluate("scrolling.begin()")
    page.evaluate("scrolling.jump(20, 400)")
    jumps = page.evaluate("scrolling.end()")
    page.evaluate("scrolling.begin()")
    page.evaluate("scrolling.sweep(3000)")
    page.wait_for_timeout(1500)
    sweep = page.evaluate("scrolling.end()")
    ways = {"wheel": wheel, "jumps": jumps, "sweep": sweep}
    details = {
        f"{name}_{what}_seconds": one[what] for name, one in ways.items() for what in ("blank", "colour", "frame")
    }
    return {"seconds": max(one["blank"] for one in ways.values()), "cpu_seconds": 0, **details}


main(sys.argv[1], int(sys.argv[2]))
