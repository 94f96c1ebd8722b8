"""What the studio and an engine in a process of its own say to each other, and the pipes that it goes through.

Both ends are this program, so what is unpickled here was pickled here. The pixels of pictures go beside the pickle, as
they lie in memory.
"""

import pickle
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from types import MappingProxyType
from typing import Any, BinaryIO

from PIL import Image

from studio.errors import Cancelled, StudioError
from studio.settings import Settings

# The lengths of a message's parts come first, and before them how many there are.
COUNT, LENGTH = struct.Struct("<I"), struct.Struct("<Q")
# What the engine makes and is given; of other modes PIL knows more than pixels.
PLAIN_MODES = ("L", "RGB", "RGBA")


@dataclass(frozen=True)
class Begin:
    """The first that an engine hears: how it is set up, and from which level on it tells what its log has."""

    settings: Settings
    level: int


@dataclass(frozen=True)
class Request:
    """A method of the backend is called, for the job of this id where there is one; all else of the call names `id`."""

    id: int
    method: str
    arguments: Sequence[Any]
    job: str


@dataclass(frozen=True)
class AskWanted:
    """The engine asks whether the rest of a call is wanted, and waits for the answer."""

    id: int


@dataclass(frozen=True)
class AnswerWanted:
    """Whether it is."""

    id: int
    wanted: bool


@dataclass(frozen=True)
class Over:
    """Nobody wants what a call makes any more."""

    id: int


@dataclass(frozen=True)
class Stop:
    """A call ends at its next step."""

    id: int


@dataclass(frozen=True)
class Ready:
    """The engine has imported its libraries."""


@dataclass(frozen=True)
class Progress:
    """What a call tells on its way: an event, a picture, words about a download."""

    id: int
    value: Any


@dataclass(frozen=True)
class Returned:
    """A call is over, with its value."""

    id: int
    value: Any


@dataclass(frozen=True)
class Raised:
    """A call is over, with an error."""

    id: int
    error: StudioError | Cancelled


@dataclass(frozen=True)
class Logged:
    """A line for the log of the studio; `fault` is a traceback, `facts` are those of `logs.FACTS`."""

    logger: str
    level: int
    words: str
    fault: str
    job: str
    facts: dict[str, Any] | None


Message = Begin | Request | AskWanted | AnswerWanted | Over | Stop | Ready | Progress | Returned | Raised | Logged


class Channel:
    """Two pipes to the other end: any thread may send, one receives."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._sending = Lock()

    def send(self, message: Message) -> None:
        """Send a message; OSError or ValueError where the other end is gone."""
        parts = packed(message)
        lengths = b"".join(LENGTH.pack(len(part)) for part in parts)
        with self._sending:
            self._sink.write(COUNT.pack(len(parts)) + lengths)
            for part in parts:
                self._sink.write(part)
            self._sink.flush()

    def receive(self) -> Message | None:
        """Wait for the next message; None where the other end is gone."""
        try:
            (count,) = COUNT.unpack(self._read(COUNT.size))
            lengths = [LENGTH.unpack(self._read(LENGTH.size))[0] for _ in range(count)]
            return unpacked([self._read(length) for length in lengths])
        except (EOFError, OSError, ValueError):
            return None

    def hang_up(self) -> None:
        """Say nothing more, which the other end sees."""
        with self._sending, suppress(OSError):
            self._sink.close()

    def close(self) -> None:
        """Let go of both pipes; who receives does so."""
        self.hang_up()
        self._source.close()

    def _read(self, length: int) -> bytes:
        read = self._source.read(length)
        if len(read) < length:
            raise EOFError
        return read


def packed(message: Message) -> list[memoryview]:
    """The parts of a message: its pickle, then the pixels of each picture."""
    pixels: list[pickle.PickleBuffer] = []
    text = BytesIO()
    _Pickler(text, 5, buffer_callback=pixels.append).dump(message)
    return [text.getbuffer(), *(buffer.raw() for buffer in pixels)]


def unpacked(parts: Sequence[bytes]) -> Message:
    """The message that these parts are."""
    message: Message = pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 - by our own other end
    return message


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        match value:
            case Image.Image() if value.mode in PLAIN_MODES:
                return _picture, (value.mode, value.size, pickle.PickleBuffer(value.tobytes()))
            case MappingProxyType():  # which cannot be pickled
                return dict, (dict(value),)
        return NotImplemented


def _picture(mode: str, size: tuple[int, int], pixels: Any) -> Image.Image:
    return Image.frombytes(mode, size, pixels)
