"""The way of one image, as docs/architecture.md tells it: each stop is there, and an image passes them in order."""

import inspect
import pkgutil
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests import tiny

DOCS = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
MOST_STOPS = 30
PAGE = ("gate.", "ui.")


def told() -> list[str]:
    """The names of the stops, first to last."""
    section = DOCS.read_text("utf-8").partition("## The way of one image")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. `([\w.]+)`", section, re.MULTILINE)


def code_of(stop: str) -> CodeType:
    """The code of a function by its name below `studio`; AttributeError or ImportError where it is not there."""
    code: CodeType = inspect.unwrap(pkgutil.resolve_name(f"studio.{stop}")).__code__
    return code


@contextmanager
def walked(stops: Callable[[CodeType], str | None]) -> Iterator[dict[str, None]]:
    """The stops in the order in which any thread that begins meanwhile came to them first."""
    passed: dict[str, None] = {}

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (stop := stops(frame.f_code)):
            passed.setdefault(stop)

    threading.setprofile(look)
    try:
        yield passed
    finally:
        threading.setprofile(None)  # type: ignore[arg-type]


def test_every_stop_on_the_way_of_one_image_is_there():
    stops = told()
    assert 10 < len(stops) <= MOST_STOPS
    assert len({code_of(stop) for stop in stops}) == len(stops)


def test_an_image_passes_the_stops_of_its_way_in_their_order(tiny_model: Callable[[str], Path], tmp_path: Path):
    """From where the page hands it over: what stands before and after is the event loop's."""
    stops = [stop for stop in told() if not stop.startswith(PAGE)]
    codes = {code_of(stop): stop for stop in stops}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny").symlink_to(tiny_model("sd15"))
    settings = Settings.load(home=tmp_path, device="cpu", model="tiny")
    wanted = Recipe(prompt=tiny.PROMPT, steps=2, width=tiny.SIDE, height=tiny.SIDE)
    with walked(codes.get) as passed, Studio(settings) as studio:
        made = threading.Thread(target=lambda: list(studio.submit(wanted, COMMAND_LINE).follow()))
        made.start()
        made.join()
    assert list(passed) == stops
