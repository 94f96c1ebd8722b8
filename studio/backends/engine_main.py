"""What runs in an engine's process of its own: the local backend, asked over standard input until that closes."""

import faulthandler
import logging
import os
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, NoReturn

from studio.backends.base import Turn
from studio.backends.libraries import import_engine
from studio.backends.local import LocalBackend
from studio.backends.messages import (
    AnswerWanted,
    AskWanted,
    Begin,
    Channel,
    Logged,
    Message,
    Over,
    Progress,
    Raised,
    Ready,
    Request,
    Returned,
    Stop,
)
from studio.catalogue.models import Catalogue
from studio.errors import Cancelled, InternalError, StudioError
from studio.logs import FACTS, job_id

log = logging.getLogger(__name__)

# Signals that the studio answers, for both.
STUDIOS = ("SIGINT", "SIGTERM", "SIGHUP")


def main() -> NoReturn:
    """Do what the studio asks, until it is gone or asks for nothing more: then this ends as it stands."""
    channel = _channel()
    faulthandler.enable()
    for name in STUDIOS:
        if number := getattr(signal, name, None):  # Windows has no SIGHUP
            signal.signal(number, lambda *_: None)
    Thread(target=_prepare, args=(channel,), name="imports", daemon=True).start()
    if isinstance(begin := channel.receive(), Begin):
        logging.basicConfig(level=begin.level, handlers=[_Lines(channel)], force=True)
        _Engine(channel, LocalBackend(begin.settings, Catalogue(begin.settings))).serve()
    sys.stderr.flush()
    os._exit(0)


def _channel() -> Channel:
    """The pipes to the studio; whatever else is read finds nothing, and whatever is written goes to standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return _ToStudio(source, sink)


class _ToStudio(Channel):
    """The way to the studio; where that is gone, nothing is left to do."""

    def send(self, message: Message) -> None:
        try:
            super().send(message)
        except OSError:
            os._exit(0)


def _prepare(channel: Channel) -> None:
    """Import what pictures are made with, before the first one is asked for."""
    with suppress(StudioError):  # whoever asks for a picture is told
        import_engine()
    channel.send(Ready())


class _Engine:
    """Does what is asked of a backend, several calls at a time."""

    def __init__(self, channel: Channel, backend: LocalBackend) -> None:
        self._channel = channel
        self._backend = backend
        self._calls: dict[int, _Work] = {}
        # A thread that has computed keeps its team (`apart`): those that make pictures are the same for good.
        self._makers = ThreadPoolExecutor(backend.side_by_side, "maker")

    def serve(self) -> None:
        """Do what is asked until the studio is gone."""
        while (message := self._channel.receive()) is not None:
            match message:
                case Request():
                    self._begin(message)
                case AnswerWanted():
                    if work := self._calls.get(message.id):
                        work.answers.put(message.wanted)
                case Over():
                    if work := self._calls.get(message.id):
                        work.over.set()
                case Stop():
                    if work := self._calls.get(message.id):
                        work.stop()

    def _begin(self, request: Request) -> None:
        work = self._calls[request.id] = _Work(request, self._channel)
        if request.method == "generate":
            self._makers.submit(self._do, work)
        else:
            Thread(target=self._do, args=(work,), name=request.method, daemon=True).start()

    def _do(self, work: "_Work") -> None:
        job_id.set(work.request.job)
        try:
            outcome: Returned | Raised = Returned(work.request.id, work.do(self._backend))
        except (StudioError, Cancelled) as error:
            outcome = Raised(work.request.id, error)
        except Exception as error:
            log.exception("A call of the engine failed")
            outcome = Raised(work.request.id, InternalError(error))
        del self._calls[work.request.id]
        self._channel.send(outcome)


class _Work:
    """One call under way."""

    def __init__(self, request: Request, channel: Channel) -> None:
        self.request = request
        self.answers: SimpleQueue[bool] = SimpleQueue()
        self.over = Event()
        self._stopped = Event()
        self._channel = channel

    def stop(self) -> None:
        """End it at its next step."""
        self._stopped.set()
        self.over.set()
        self.answers.put(False)

    def do(self, backend: LocalBackend) -> Any:
        """What the backend's method returns; of those that tell something on their way, that is told."""
        arguments = self.request.arguments
        match self.request.method:
            case "generate":
                return self._generate(backend, *arguments)
            case "control_map" | "people" as name:
                return getattr(backend, name)(*arguments, self._tell)
            case "measure":
                metric, samples, starter = arguments
                return backend.measure(metric, samples, starter=starter)
            case name:
                return getattr(backend, name)(*arguments)

    def _generate(self, backend: LocalBackend, recipes: Any, turn: Turn) -> None:
        turn = replace(turn, over=self.over.is_set)
        with closing(backend.generate(recipes, self._tell, self._wanted, turn)) as pictures:
            for rendered in pictures:
                self._tell(rendered)

    def _tell(self, value: Any) -> None:
        if self._stopped.is_set():
            raise Cancelled
        self._channel.send(Progress(self.request.id, value))

    def _wanted(self) -> bool:
        self._channel.send(AskWanted(self.request.id))
        return self.answers.get()


class _Lines(logging.Handler):
    """Hands lines of the log to the studio, which writes them as its own."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line over."""
        fault = "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""
        facts = getattr(record, FACTS, None)
        line = Logged(record.name, record.levelno, record.getMessage(), fault, job_id.get(), facts)
        try:
            self._channel.send(line)
        except Exception:  # noqa: BLE001 - as any handler does
            self.handleError(record)
