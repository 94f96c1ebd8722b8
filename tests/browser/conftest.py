"""A real Chromium, and pages that must stay on this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from studio.inputs import Inputs
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui import gradio_loops
from tests.ui.painter import Painter

pytest_configure = gradio_loops.forgive

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Headless, and without the browser's own calls home.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCAL = ("http://127.0.0.1:", "data:", "blob:")
WIDE = {"width": 1440, "height": 900}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

NewPage = Callable[..., Page]


@pytest.fixture(scope="session", autouse=True)
def gradio_closed() -> Iterator[None]:
    yield
    gradio_loops.close_last()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(playwright), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.load(home=tmp_path_factory.mktemp("home"), port=0)


@pytest.fixture(scope="module")
def painter(settings: Settings) -> Painter:
    """A backend that paints at once."""
    painter = Painter(inputs=Inputs.of(settings))
    painter.ready.set()
    return painter


@pytest.fixture(scope="module")
def studio(settings: Settings, painter: Painter) -> Iterator[Studio]:
    with Studio(settings, backend=painter) as studio:
        yield studio


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address


@pytest.fixture
def let_go(painter: Painter) -> Iterator[None]:
    """The painter is ready before each test, and holds nothing back after it."""
    painter.ready.set()
    yield
    painter.held.clear()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens pages, each in a browser profile of its own, and fails the test where one erred or called outside."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def outside(request: Request) -> None:
        if not request.url.startswith(LOCAL):
            faults.append(f"called {request.url}")

    def open_page(address: str, context: BrowserContext | None = None, **options: Any) -> Page:
        if context is None:
            context = browser.new_context(**{"viewport": WIDE, "accept_downloads": True, **options})
            context.on("request", outside)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        _wait_until_ready(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def reload(page: Page) -> None:
    page.reload()
    _wait_until_ready(page)


def _wait_until_ready(page: Page) -> None:
    """The kept settings are back. The stage itself is seen only where the chosen tab has one."""
    page.wait_for_selector("#stage[data-ready]", state="attached")


def _chromium(playwright: Any) -> str:
    """Where a Chromium is; the test is skipped without one, or fails where REQUIRE_BROWSER=1 says that there is one."""
    own = Path(playwright.chromium.executable_path)
    found = next(filter(None, map(shutil.which, NAMES)), str(own) if own.exists() else None)
    if found is None:
        missing = "There is no Chromium: apt install chromium, or playwright install chromium."
        pytest.fail(missing) if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip(missing)
    return str(found)
