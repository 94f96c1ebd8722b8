"""A process of its own for an engine: begun, asked, and seen to its end.

It is asked over its standard input and answers on its standard output. Where the studio ends, however it does, the one
closes, and the process ends; where the process ends the other closes, and the calls that it had end at once.
"""

import contextvars
import itertools
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from copy import copy
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, BinaryIO, Self, cast

from studio.backends.messages import (
    AskWanted,
    Begin,
    Channel,
    Logged,
    Message,
    Progress,
    Raised,
    Ready,
    Request,
    Returned,
    Stop,
)
from studio.errors import DeviceFailed, EngineEnded
from studio.logs import FACTS, job_id
from studio.settings import Settings

# Nothing is looked for in the folder that the studio was started in unless the studio itself does so.
MAIN = "import sys; sys.path[:] = sys.argv[1].split('\\n'); from studio.backends.engine_main import main; main()"
# Between two looks at whether anybody still wants what a call makes.
LOOK_SECONDS = 0.1
# What a process that is asked to end, or has nothing more to say, may take to do so.
ENDING_SECONDS = 2.0


class Call:
    """A method of the engine under way: what it tells comes one by one, and `ended` holds its value or its error."""

    def __init__(self, id: int, process: "EngineProcess") -> None:  # noqa: A002
        self.id = id
        self.process = process
        self.send = process.send
        self.ended: Future[Any] = Future()
        self._inbox: SimpleQueue[Progress | AskWanted | None] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whoever leaves early stops it; whatever ends it, the device is free afterwards."""
        if not self.ended.done():
            self.send(Stop(self.id))
            self.ended.exception()

    def news(self, look: Callable[[], None] = lambda: None) -> Iterator[Progress | AskWanted]:
        """What it tells, up to its end; `look` is called now and then."""
        while True:
            look()
            try:
                message = self._inbox.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            if message is None:
                return
            yield message

    def receive(self, message: Progress | AskWanted | Returned | Raised) -> None:
        """Something came for it."""
        match message:
            case Returned():
                self.ended.set_result(message.value)
            case Raised():
                self.ended.set_exception(message.error)
            case _:
                self._inbox.put(message)
                return
        self._inbox.put(None)

    @property
    def result(self) -> Any:
        """Its value, when it is over; or what it raised."""
        return self.ended.result()


class EngineProcess:
    """One process, from its beginning to its end, of which `on_end` is told; it never begins anew."""

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str] | None = None,
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        self._process, self._channel = _begun(python, variables or {})
        self._lock = Lock()
        self._calls: dict[int, Call] = {}
        self._ids = itertools.count()
        self._ended: EngineEnded | None = None
        self._on_end: Callable[[EngineProcess], None] | None = None
        # Whether its libraries are imported.
        self.ready = False
        self.send(Begin(settings, logging.getLogger().getEffectiveLevel()))
        self._listener = Thread(target=self._listen, name="engine", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The process' number."""
        return self._process.pid

    def watch(self, on_end: Callable[["EngineProcess"], None]) -> None:
        """Call `on_end` when the process ends, at once where it has; unless it was closed."""
        with self._lock:
            self._on_end = on_end
            over = self._ended is not None
        if over:
            on_end(self)

    def call(self, method: str, *arguments: Any) -> Call:
        """Begin a call of the engine's method of this name; where the process is gone, it ends in EngineEnded."""
        call = Call(next(self._ids), self)
        with self._lock:
            if self._ended:
                call.receive(Raised(call.id, copy(self._ended)))
                return call
            self._calls[call.id] = call
        self.send(Request(call.id, method, arguments, job_id.get()))
        return call

    @property
    def reason(self) -> EngineEnded | None:
        """Why it is gone; None while it is not."""
        return self._ended

    def retire(self, reason: EngineEnded) -> None:
        """End it at once, for this reason."""
        with self._lock:
            self._ended = self._ended or reason
        self._process.kill()

    def join(self) -> None:
        """Wait until it is gone, and whoever watches it knows."""
        self._listener.join()

    def close(self) -> None:
        """Let it give its device back and end; `on_end` is not called."""
        with self._lock:
            self._on_end = None
        self._channel.hang_up()
        self._code()

    def send(self, message: Message) -> None:
        """Send, unless it is gone: then its calls are told so by whoever listens."""
        with suppress(OSError, ValueError):
            self._channel.send(message)

    def _listen(self) -> None:
        while (message := self._channel.receive()) is not None:
            match message:
                case Progress() | AskWanted():
                    if call := self._calls.get(message.id):
                        call.receive(message)
                case Returned() | Raised():
                    if call := self._calls.pop(message.id, None):
                        call.receive(message)
                case Logged():
                    contextvars.copy_context().run(_log, message)
                case Ready():
                    self.ready = True
        self._end()

    def _end(self) -> None:
        """It is gone: so are its calls."""
        code = self._code()
        self._channel.close()
        with self._lock:
            self._ended = self._ended or EngineEnded(*_reason(code))
            left, self._calls, on_end = list(self._calls.values()), {}, self._on_end
        if on_end:  # before its calls end, so that whoever made them finds the next one
            on_end(self)
        for call in left:
            call.receive(Raised(call.id, copy(self._ended)))

    def _code(self) -> int:
        """How it ended, as it is about to."""
        try:
            return self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _begun(python: Sequence[str], variables: Mapping[str, str]) -> tuple["subprocess.Popen[bytes]", Channel]:
    """The process and the way to it; DeviceFailed where the system gives none."""
    try:
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [*python, "-c", MAIN, "\n".join(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | variables,
            # Ctrl-C in a terminal is for the studio, which asks it to end.
            start_new_session=True,
        )
    except OSError as error:
        fault = f"The engine cannot be started: {error.strerror}."
        raise DeviceFailed(fault, "Close other programs, then try again.") from error
    return process, Channel(cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin))


def _reason(code: int) -> tuple[str, str]:
    """What is said of a process that ended with this code, and what helps."""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"exit code {code}"
    if name == "SIGKILL":
        return (
            "The engine was ended from outside, as the system does when the computer's memory is full.",
            "Try again with a smaller size, fewer images or another model.",
        )
    return f"The engine broke down ({name}).", "Try again; its last messages are in the studio's log."


def _log(line: Logged) -> None:
    """Say it as the studio's own, of the job that it was said of."""
    job_id.set(line.job)
    logger = logging.getLogger(line.logger)
    if logger.isEnabledFor(line.level):
        extra = {FACTS: line.facts} if line.facts else {}
        words = f"{line.words}\n{line.fault}" if line.fault else line.words
        logger.log(line.level, "%s", words, extra=extra)
