"""Where things are once they hold still, and fingers on them."""

import time
from typing import Literal

from playwright.sync_api import Locator, Page

# What moves has come to its end, but for what never ends: a light that breathes while something runs.
AT_REST = """Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime < Infinity).map((one) => one.finished))"""
# Seconds between two events of a finger, by the browser's clock.
BETWEEN = 0.02
Point = tuple[float, float]


def place(locator: Locator) -> dict[str, float]:
    """The box of an element, once that is the same in two frames."""
    handle = locator.element_handle()
    assert handle
    handle.wait_for_element_state("stable")
    box = locator.bounding_box()
    assert box
    return dict(box)


def middle(locator: Locator) -> Point:
    """The middle of an element that holds still."""
    box = place(locator)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


class Fingers:
    """Fingers on a page, as quick as fingers are: however long a machine takes for it, the page's clock says so."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._clock = time.time()

    def touch(self, kind: Literal["Start", "Move", "End"], *points: Point) -> None:
        """One event, with all fingers that are on the page then."""
        self._clock += BETWEEN
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        event = {"type": f"touch{kind}", "touchPoints": touches, "timestamp": self._clock}
        self._session.send("Input.dispatchTouchEvent", event)

    def tap(self, point: Point, times: int = 1) -> None:
        for _ in range(times):
            self.touch("Start", point)
            self.touch("End")

    def drag(self, *points: Point) -> None:
        """One finger from the first of these places over the others to the last."""
        self.touch("Start", points[0])
        for point in points[1:]:
            self.touch("Move", point)
        self.touch("End")

    def pinch(self, middle: Point, by: float = 40) -> None:
        """Two fingers beside a place that go apart, each by so many pixels."""
        x, y = middle
        self.touch("Start", (x - 20, y))
        self.touch("Start", (x - 20, y), (x + 20, y))
        self.touch("Move", (x - 20 - by, y), (x + 20 + by, y))
        self.touch("End")
