"""Waiting for a Space to run: its stage is asked for again and again, its build log followed beside that."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from studio.deploy.hub import Hub
from studio.deploy.request import Logged, Report, StepReport
from studio.errors import DeploymentFailed

# Stages beyond which nothing comes by itself. A Space that has just been made is without app file until the hub has
# seen the commit; one that sleeps wakes when it is visited.
READY = ("RUNNING", "SLEEPING")
BROKEN = ("BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "DELETING")
IDLE = ("PAUSED", "STOPPED")
WORDS = {
    "NO_APP_FILE": "The Space waits for the commit",
    "BUILDING": "The Space is being built",
    "RUNNING_BUILDING": "The Space is being built; the previous one keeps running",
    "APP_STARTING": "The studio is starting",
    "RUNNING_APP_STARTING": "The studio is starting; the previous one keeps running",
    "RUNNING": "The Space runs",
    "SLEEPING": "The Space sleeps until somebody visits it",
    "BUILD_ERROR": "The Space could not be built",
    "RUNTIME_ERROR": "The studio ended with an error",
    "CONFIG_ERROR": "The hub rejected the README’s header",
    "PAUSED": "The Space is paused",
    "STOPPED": "The Space is stopped",
    "DELETING": "The Space is being deleted",
}
LAST_LINES = 5


@dataclass(frozen=True)
class Timeouts:
    """How long a build may take, how often it is asked after, and how long its log's end is waited for; seconds."""

    whole: float = 1800
    between: float = 2
    end: float = 3


def wait(hub: Hub, space: str, commit: str, report: Report, timeouts: Timeouts) -> str:
    """Return the page's address when the Space runs this commit; DeploymentFailed where it breaks or takes too long."""
    end = time.monotonic() + timeouts.whole
    page = f"{hub.api.endpoint}/spaces/{space}"
    log = _Tail(hub, space)
    while True:
        with hub.doing("waiting for the build") as api:
            runtime = api.get_space_runtime(space)
        log.tell(report)
        stage = str(runtime.stage)
        words = WORDS.get(stage, f"The Space is {stage.replace('_', ' ').lower()}")
        report(StepReport("build", words))
        if _is_of(runtime, commit) and stage in (*READY, *BROKEN, *IDLE):
            break
        if time.monotonic() > end:
            raise DeploymentFailed(
                f"{space} was not ready after {timeouts.whole / 60:.0f} minutes. {words}.",
                f"It may still come: deploy again to keep waiting, or look at {page}?logs=build",
            )
        time.sleep(timeouts.between)
    log.finish(report, timeouts.end)
    if stage in READY:
        return page
    message = hub.hide(str(runtime.raw.get("errorMessage") or "\n".join(log.last)))
    cure = (
        f"Fix what its log reports, then deploy again: {page}?logs={'build' if stage == 'BUILD_ERROR' else 'container'}"
    )
    raise DeploymentFailed(
        f"{words}{f': {message}' if message else ''}.", f"Restart it there: {page}" if stage in IDLE else cure
    )


def _is_of(runtime: Any, commit: str) -> bool:
    """Whether it is the stage of this commit; a hub that does not say is believed."""
    return runtime.raw.get("sha") in (None, commit)


class _Tail:
    """The build's log, read by a thread of its own because the hub sends it when it likes."""

    def __init__(self, hub: Hub, space: str) -> None:
        self.last: list[str] = []
        self._hide = hub.hide
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._follow = lambda: self._read(hub.api, space)
        self._thread = self._started()

    def tell(self, report: Report) -> None:
        """Report the lines that came since; a log that was not there yet is asked for again."""
        over = not self._thread.is_alive()
        for line in self._new():
            self.last = [*self.last, line][-LAST_LINES:]
            report(Logged(line))
        if over and not self.last:
            self._thread = self._started()

    def finish(self, report: Report, seconds: float) -> None:
        """Report the last lines, waiting for them no longer than this."""
        self._thread.join(seconds)
        self.tell(report)

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._follow, name="build log", daemon=True)
        thread.start()
        return thread

    def _new(self) -> Iterator[str]:
        with suppress(queue.Empty):
            while True:
                yield from self._hide(self._lines.get_nowait()).splitlines()

    def _read(self, api: Any, space: str) -> None:
        import httpx2

        # The log is a help: a Space builds without anybody reading along.
        with suppress(httpx2.HTTPError, OSError):
            for text in api.fetch_space_logs(space, build=True, follow=True):
                self._lines.put(text)
