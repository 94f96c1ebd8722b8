"""A real Chromium, and pages that must stay on this machine.

What a test costs is how often it loads the page: a second of a core each time. So it takes `page`, which its module
loads once, unless what the tests before it left is in its way; then `new_page`. Facts that need a page of their own
share one: each is a function with the fact's name, and one test calls them after each other. A studio takes half a
second; the module's will do, unless a test needs other settings.

It waits for what is seen, and for nothing that was seen before: for pictures by `stage.drawing`, which leaves out those
of earlier jobs. Where something has to come late, it is held back (`page.route`, `Painter.held`) and let go.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.browser.reruns import (
    has_failed,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    pytest_runtest_teardown,
)
from tests.ui import gradio_loops
from tests.ui.painter import Painter

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_makereport", "pytest_runtest_teardown"]
pytest_configure = gradio_loops.forgive

WITH_WINDOWS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The shell, a Chromium without windows and preferences, takes a sixth less time.
NAMES = ("chromium-headless-shell", *WITH_WINDOWS)
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
    # No page stays for long enough to make good for what its scripts are optimized for.
    "--js-flags=--no-opt,--no-maglev",
    # Else each window loads the address bar's suggestions, a page of its own. Given twice, the last counts: with them
    # stands what Playwright switches off that matters here.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,HttpsUpgrades,OptimizationHints,PaintHolding",
    # What lies outside is not found, and so a request that failed: all that are made need not be listened to, which
    # takes a sixth of the time that a page takes. One name of another site leads to this machine.
    "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
LOCAL = ("http://127.0.0.1:", "data:", "blob:")
WIDE = {"width": 1440, "height": 900}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# What the server shows without a script.
QUIET = "theme.css"
# How long is waited for anything to be seen: only a page that is broken, or a machine that stands still, takes longer.
PATIENCE_MS = 100_000
expect.set_options(timeout=PATIENCE_MS)

NewPage = Callable[..., Page]


@pytest.fixture(scope="session", autouse=True)
def gradio_closed() -> Iterator[None]:
    yield
    gradio_loops.close_last()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The one of all tests: a second in the same thread cannot be started."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=executable(playwright.chromium), args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.load(home=tmp_path_factory.mktemp("home"), port=0)


@pytest.fixture(scope="module")
def painter(settings: Settings) -> Painter:
    """A backend that paints at once."""
    painter = Painter(inputs=InputStore.of(settings))
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


@pytest.fixture(scope="session")
def profiles(browser: Browser) -> "Profiles":
    return Profiles(browser)


@pytest.fixture
def new_page(profiles: "Profiles", request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """Opens pages, each in an empty browser profile, and fails the test where one erred or called outside."""
    opened: list[Page] = []
    profiles.faults.clear()
    profiles.complaints.clear()

    def open_page(address: str, context: BrowserContext | None = None, **options: Any) -> Page:
        page = profiles.beside(context) if context else profiles.take(address, **options)
        opened.append(page)
        page.goto(address)
        _wait_until_ready(page)
        return page

    yield open_page
    for page in reversed(opened):
        profiles.give_back(page, spoiled=has_failed(request.node))
    assert not profiles.faults


@pytest.fixture(scope="module")
def kept(profiles: "Profiles", address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page that the tests of a module share, loaded once, with the module's PAGE as options."""
    page = profiles.take(address, **getattr(request.module, "PAGE", {}))
    page.goto(address)
    _wait_until_ready(page)
    yield page
    profiles.give_back(page, spoiled=page in profiles.spoiled)


@pytest.fixture
def page(kept: Page, profiles: "Profiles", request: pytest.FixtureRequest) -> Iterator[Page]:
    """The module's page as the test before left it, but for dialogs; a test fails where it erred or called outside."""
    profiles.faults.clear()
    kept.bring_to_front()
    kept.evaluate(CLOSE)
    yield kept
    if has_failed(request.node):
        profiles.spoiled.add(kept)
    assert not profiles.faults


# Dialogs and menus that are open.
CLOSE = """[...document.querySelectorAll("dialog[open], :popover-open")].reverse()
    .forEach((one) => (one.localName === "dialog" ? one.close() : one.hidePopover()))"""


class Profiles:
    """Browser profiles that are emptied and taken again, with the one page of each.

    A page in a new profile costs twice the time: a window, a process, and all scripts fetched and compiled anew.
    """

    def __init__(self, browser: Browser) -> None:
        self.faults: list[str] = []
        # What the browser's console was told of that is amiss, since a test began.
        self.complaints: list[str] = []
        # Pages that a test failed on.
        self.spoiled: set[Page] = set()
        self._browser = browser
        self._free: dict[bool, list[Page]] = {False: [], True: []}
        self._of: dict[Page, bool] = {}

    def take(self, address: str, **options: Any) -> Page:
        """A page that shows nothing yet, in an empty profile, with these options of a Playwright context."""
        options = {"viewport": WIDE, "color_scheme": "light", "reduced_motion": "reduce", **options}
        phone = bool(options.get("is_mobile"))
        if self._free[phone]:
            page = self._free[phone].pop()
            # Behind another page, which may not be quite closed yet, nothing would be drawn.
            page.bring_to_front()
            # A place of the same site, so that the process stays, and without a script that could write once more.
            page.goto(f"{address}{QUIET}")
            page.evaluate("localStorage.clear(), sessionStorage.clear()")
            page.context.clear_cookies()
            page.context.clear_permissions()
            page.set_viewport_size(options["viewport"])
            page.emulate_media(color_scheme=options["color_scheme"], reduced_motion=options["reduced_motion"])
            return page
        context = self._browser.new_context(**options)
        context.on("requestfailed", self._failed)
        page = self.beside(context)
        self._of[page] = phone
        return page

    def beside(self, context: BrowserContext) -> Page:
        """Another page in the same profile."""
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._told)
        return page

    def give_back(self, page: Page, *, spoiled: bool = False) -> None:
        """Let the page's server go; the first page of a profile may be taken again, but for one that is spoiled."""
        if page.is_closed() or (spoiled and page in self._of):
            page.context.close()
        elif page not in self._of:
            page.close()
        else:
            page.unroute_all()
            try:
                # Its own site once more: from an empty page the next would begin in a new process, with all scripts to
                # be compiled.
                page.goto(urljoin(page.url, f"/{QUIET}"))
            except Error:  # where its server has ended, the browser's own page about that is still to come
                page.context.close()
            else:
                self._free[self._of[page]].append(page)

    def _told(self, message: ConsoleMessage) -> None:
        # A browser that is slow says so of what it fetched ahead.
        if message.type in ("error", "warning") and "preload" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        if not request.url.startswith(LOCAL):
            self.faults.append(f"called {request.url}")


def reload(page: Page) -> None:
    page.reload()
    _wait_until_ready(page)


def _wait_until_ready(page: Page) -> None:
    """The kept settings are back. The stage itself is seen only where the chosen tab has one."""
    page.wait_for_selector("#stage[data-ready]", state="attached")


def executable(chromium: BrowserType, names: Sequence[str] = NAMES) -> str:
    """Where a Chromium is; the test is skipped without one, or fails where REQUIRE_BROWSER=1 says that there is one."""
    own = Path(chromium.executable_path)
    found = next(filter(None, map(shutil.which, names)), str(own) if own.exists() else None)
    if found is None:
        missing = "There is no Chromium: apt install chromium, or playwright install chromium."
        pytest.fail(missing) if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip(missing)
    return str(found)
