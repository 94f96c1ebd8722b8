"""Renders on this machine's own device, in a process of its own (`engine_main`).

The page answers while that imports its libraries. Where it breaks down, the page and the queue live on, and another one
is begun.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

from PIL.Image import Image

from studio.backends.base import NOBODYS, Backend, MemoryUse, Rendered, Report, Turn, Wanted, always, never
from studio.backends.engine_process import Call, EngineProcess
from studio.backends.local import LOST_HINT, made_alone
from studio.backends.messages import AnswerWanted, AskWanted, Over
from studio.catalogue.models import Catalogue
from studio.errors import DeviceFailed, DeviceLost, EngineEnded, StudioError
from studio.hub import Say, silent
from studio.inputs import Input
from studio.metrics.base import Sample, Score
from studio.openpose import Person
from studio.recipe import ControlUnit, ResolvedRecipe
from studio.settings import Settings

# One that ends this often before its libraries are there is not begun again; nor is one whose device is lost this often
# with no picture made in between: more often than one picture is tried, which may be at fault.
MOST_FAILURES, MOST_LOSSES = 3, 4
# What is known of device and memory may be so old, and news of it are waited for so long: it may be at work.
FRESH_SECONDS, PATIENCE_SECONDS = 0.5, 0.2
AGAIN = "Try again: a new one starts automatically."

log = logging.getLogger(__name__)


class ProcessBackend(Backend):
    """The engine of one device; its process is begun at once, and another one whenever it ends.

    `begun` is one that was begun before; `variables` are those of its environment that say which device it sees.
    """

    races = True

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        begun: EngineProcess | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._begin = partial(EngineProcess, settings, variables, python)
        self.side_by_side = settings.side_by_side
        self._lock = Lock()
        self._is_closing = False
        self._failures = self._losses = 0
        self._lost: DeviceLost | None = None
        # When each part of its state was last asked for, by which call, and what was last known.
        self._looks: dict[str, tuple[float, Call]] = {}
        self._seen: dict[str, Any] = {}
        self._process = begun or self._begin()
        self._process.watch(self._ended)

    def alone(self, recipe: ResolvedRecipe) -> bool:
        return made_alone(recipe, self._settings, self._catalogue)

    def generate(
        self, recipes: Sequence[ResolvedRecipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        with self._call("generate", tuple(recipes), replace(turn, over=never)) as call:
            for news in call.news(_while_wanted(call, turn)):
                if isinstance(news, AskWanted):
                    call.send(AnswerWanted(call.id, wanted()))
                elif isinstance(news.value, Rendered):
                    yield news.value
                else:
                    report(news.value)
            self._result(call)
        self._losses = 0

    def warm(self, model: str) -> None:
        try:
            self._result(self._call("warm", model))
        except EngineEnded:
            if not self._is_closing:
                raise

    def control_map(self, unit: ControlUnit, model: str, say: Say = silent) -> Input:
        made: Input = self._once_more(lambda: self._call("control_map", unit, model), say)
        return made

    def people(self, unit: ControlUnit, model: str, say: Say = silent) -> list[Person]:
        found: list[Person] = self._once_more(lambda: self._call("people", unit, model), say)
        return found

    def measure(self, metric: str, samples: Sequence[Sample], *, starter: bool) -> list[Score]:
        scores: list[Score] = self._once_more(lambda: self._call("measure", metric, tuple(samples), starter))
        return scores

    def classify(self, image: Image) -> Mapping[str, float]:
        shares: Mapping[str, float] = self._once_more(lambda: self._call("classify", image))
        return shares

    def unload(self, model: str) -> bool:
        is_free: bool = self._result(self._call("unload", model))
        self._looks.clear()
        return is_free

    def memory_use(self) -> MemoryUse | None:
        use: MemoryUse | None = None if self._lost else self._look("memory_use")
        return use

    def free_memory(self) -> int:
        freed: int = 0 if self._lost else self._result(self._call("free_memory"))
        self._looks.clear()
        return freed

    def describe(self) -> str:
        if self._lost:
            return self._lost.message
        return self._look("describe") or "The engine is starting."

    def close(self) -> None:
        with self._lock:
            self._is_closing = True
        self._process.close()

    def _call(self, method: str, *arguments: Any) -> Call:
        return self._running().call(method, *arguments)

    def _running(self) -> EngineProcess:
        """The process, or the next one where it is about to end; DeviceLost where none is begun any more."""
        with self._lock:
            process = self._process
        if process.reason:
            process.join()
        with self._lock:
            if self._lost:
                raise copy(self._lost)
            return self._process

    def _result(self, call: Call) -> Any:
        """What a call returned or raised; a process whose device is lost makes room for another one."""
        try:
            return call.result
        except DeviceLost as error:
            ended = EngineEnded(error.message, AGAIN)
            self._lose_device(call.process, ended)
            raise ended from error

    def _lose_device(self, process: EngineProcess, ended: EngineEnded) -> None:
        """Another process may find the device again, but not for ever."""
        with self._lock:
            self._losses += process.reason is None  # of calls at a time, one counts
            if self._losses >= MOST_LOSSES:
                self._lose(ended.message)
        process.retire(ended)

    def _once_more(self, begin: Callable[[], Call], say: Say = silent) -> Any:
        """What such a call returns, which may be made twice: it need not be the one that ended the engine."""
        try:
            return self._followed(begin(), say)
        except EngineEnded:
            return self._followed(begin(), say)

    def _followed(self, call: Call, say: Say) -> Any:
        with call:
            for news in call.news():
                if not isinstance(news, AskWanted):
                    say(news.value)
            return self._result(call)

    def _look(self, name: str) -> Any:
        """What the engine tells of itself: news where they come in a moment, else what was last known."""
        with self._lock:
            if not self._process.ready:
                return None
            since, call = self._looks.get(name, (0.0, None))
            if call is None or (call.ended.done() and time.monotonic() - since > FRESH_SECONDS):
                call = self._process.call(name)
                self._looks[name] = (time.monotonic(), call)
        with suppress(TimeoutError, StudioError):
            self._seen[name] = call.ended.result(PATIENCE_SECONDS)
        return self._seen.get(name)

    def _ended(self, process: EngineProcess) -> None:
        """The process is gone: begin another one, unless that does not help."""
        with self._lock:
            if self._is_closing or self._lost:
                return
            self._looks, self._seen = {}, {}
            self._failures = 0 if process.ready else self._failures + 1
            if self._failures >= MOST_FAILURES:
                self._lose(f"The engine ended {self._failures} times before it had started.")
                return
            log.error("%s Another one is begun.", process.reason.message if process.reason else "The engine ended.")
            try:
                self._process = self._begin()
            except DeviceFailed as error:
                self._lose(error.message)
                return
        self._process.watch(self._ended)

    def _lose(self, words: str) -> None:
        log.error("No engine is begun any more: %s", words)
        self._lost = DeviceLost(words, LOST_HINT)


def _while_wanted(call: Call, turn: Turn) -> Callable[[], None]:
    """What tells the engine once where nobody wants what the call makes any more."""
    is_sent = False

    def look() -> None:
        nonlocal is_sent
        if not is_sent and turn.over():
            is_sent = True
            call.send(Over(call.id))

    return look
