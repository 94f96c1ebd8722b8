"""A tab that draws itself is a file, a script and a test: it stands on the page, is drawn, and is answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from studio.ui.tabs import TABS
from tests.browser.conftest import NewPage
from tests.drawer import Drawer
from tests.registering import registered, served_from

pytestmark = pytest.mark.browser

TAB = '''
"""Echo: says what it is told, and to whom."""

from typing import Any

from typing_extensions import TypedDict

from studio.errors import InvalidRequest
from studio.gate.identity import Identity
from studio.ui.island import Island
from studio.ui.events import Name, served
from studio.ui.tabs.base import Panel, Tab, TabContext


class Said(TypedDict):
    """Some words."""

    words: Name


class EchoTab(Tab):
    label = "Echo"
    order = 90

    def build(self, context: TabContext) -> Panel:
        section = '<section class="echo" aria-label="Echo"></section>'
        Island("echo", section, module="echo_tab", acts=served({"say": say}))
        return Panel()


def say(asked: Said, who: Identity) -> dict[str, Any]:
    if not asked["words"]:
        raise InvalidRequest("Nothing was said.", "Say something.")
    return {"words": asked["words"].upper(), "here": who.here}


TAB = EchoTab()
'''
SCRIPT = """
import { make, part } from "./dom.js";

/** @param {Island} island */
export function mount({ element, server }) {
    const words = make("input", { type: "text", "aria-label": "Words" });
    const answer = make("p", { role: "status" });
    const say = async () => {
        const told = await server.say({ words: words.value });
        answer.textContent = told.fault ?? `${told.words} ${told.here}`;
    };
    part(element, ".echo").append(words, make("button", { type: "button", onclick: say }, "Say it"), answer);
}
"""
STYLE = ".echo { border-left: 7px solid rgb(1, 2, 3); }"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    own: Path = tmp_path_factory.mktemp("tabs")
    (own / "echo.py").write_text(TAB)
    (own / "echo_tab.js").write_text(SCRIPT)
    (own / "echo_tab.css").write_text(STYLE)
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
    with (
        registered(TABS, own),
        served_from(own),
        Studio(settings, backend=Drawer()) as studio,
        serve(studio) as address,
    ):
        yield address


def test_a_tab_with_a_script_of_its_own_is_drawn_and_answered(new_page: NewPage, address: str) -> None:
    page: Page = new_page(address)
    page.get_by_role("tab", name="Echo").click()
    echo = page.get_by_label("Echo", exact=True)
    echo.get_by_role("button", name="Say it").click()
    expect(echo.get_by_role("status")).to_have_text("Nothing was said. Say something.")
    echo.get_by_label("Words").fill("hello")
    echo.get_by_role("button", name="Say it").click()
    expect(echo.get_by_role("status")).to_have_text("HELLO true")
    assert echo.evaluate("one => getComputedStyle(one).borderLeftWidth") == "7px"
