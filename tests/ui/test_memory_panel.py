"""The status line's device: what everybody sees of its memory, and who may give it back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.backends.base import Held, MemoryUse
from studio.errors import InUse
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.memory_panel import MemoryPanel, device_line
from tests.drawer import Drawer
from tests.ui.callers import request


class Holder(Drawer):
    """It holds a box of pencils."""

    held: tuple[Held, ...] = (Held("model", "Pencils <b>", 300, 20, how="fits"),)
    fault: InUse | None = None

    def memory_use(self) -> MemoryUse:
        return MemoryUse("a desk", 1000, 600, self.held)

    def free_memory(self) -> int:
        if self.fault:
            raise self.fault
        self.held = ()
        return 320


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.fixture
def studio(tmp_path: Path, holder: Holder) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path), backend=holder) as studio:
        yield studio


@pytest.fixture
def panel(studio: Studio) -> MemoryPanel:
    with gr.Blocks(analytics_enabled=False):
        return MemoryPanel(studio)


def test_the_status_line_opens_what_holds_the_memory(studio: Studio, panel: MemoryPanel):
    assert "--used: 0.40" in device_line(studio)
    look = panel.widget.look({}, request())["memory"]
    assert list(look["held"]) == [
        {"kind": "model", "name": "Pencils <b>", "device_bytes": 300, "ram_bytes": 20, "in_use": False, "how": "fits"}
    ]
    assert (look["device_bytes"], look["device_free"], look["ram_bytes"], look["may_free"]) == (1000, 600, None, True)


def test_memory_is_given_back_on_demand(panel: MemoryPanel):
    assert panel.widget.free({}, request()) == {"freed": 320}
    assert panel.widget.look({}, request())["memory"]["held"] == ()


def test_memory_stays_while_something_is_made(panel: MemoryPanel, holder: Holder):
    holder.fault = InUse("A picture is being made.", "Wait.")
    assert "being made" in panel.widget.free({}, request())["fault"]
    assert holder.held


def test_a_visitor_may_look_but_not_free(panel: MemoryPanel, holder: Holder):
    visitor = request(here=False)
    assert not panel.widget.look({}, visitor)["memory"]["may_free"]
    assert "Only this studio's operator" in panel.widget.free({}, visitor)["fault"]
    assert holder.held


def test_a_backend_that_does_not_know_has_words_alone(tmp_path: Path):
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        assert device_line(studio) == "<span>a pencil</span>"
