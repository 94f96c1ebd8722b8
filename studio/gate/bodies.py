"""What a request brings: bounded in bytes and in time while it arrives, and JSON that every reader can read."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import Message, Receive

from studio.errors import Busy, MalformedRequest, RequestTimeout, RequestTooLarge

# Between two parts of a request, and for a whole one of JSON.
IDLE_SECONDS, JSON_SECONDS = 30, 60
# JSON of this many brackets in one another is nothing that a page says.
DEEPEST = 64
# What all requests together hold of JSON, and what one may without being counted.
MOST_HELD, LITTLE = 2**29, 2**16
MOST_FIELDS = 50
# How many requests one person, or all strangers of one address, have open at once: an eighth of all connections.
MOST_OPEN = 512
# And how many of these bring files, which take disk as they come.
MOST_UPLOADING = 16


class Held:
    """The bytes of JSON that requests hold: as many as memory is meant for, whatever number of them comes at once."""

    def __init__(self, most_bytes: int = MOST_HELD) -> None:
        self._left = most_bytes

    @contextmanager
    def room(self, wanted: int) -> Iterator[None]:
        """Room for so many while the block lasts; Busy where there is none now."""
        counted = wanted if wanted > LITTLE else 0
        if counted > self._left:
            raise Busy("Too many large requests are being read.", "Try again in a moment.", wait_seconds=2)
        self._left -= counted
        try:
            yield
        finally:
            self._left += counted


class Open:
    """The requests that are being answered, by whose turn it is: `most` at once, as each holds a connection."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._of: Counter[str] = Counter()

    @contextmanager
    def one(self, turn: str) -> Iterator[None]:
        """One more while the block lasts; Busy where there are too many."""
        if self._most is not None and self._of[turn] >= self._most:
            raise Busy("Too many of your requests are open at once.", "Close other windows, then try again.")
        self._of[turn] += 1
        try:
            yield
        finally:
            self._of[turn] -= 1
            if not self._of[turn]:
                del self._of[turn]


async def whole(receive: Receive, most_bytes: int) -> bytes:
    """All of a body; StudioError where it is longer, stalls, or is cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(JSON_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise MalformedRequest("The request was cut off.")
                body += message.get("body", b"")
                if len(body) > most_bytes:
                    raise too_large(most_bytes)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError as error:
        raise RequestTimeout("The request did not arrive in time.") from error


def check_json(body: bytes) -> Any:
    """What the body says; MalformedRequest where it is no JSON, or JSON that is only meant to hurt."""
    if b"\\u0000" in body:
        raise MalformedRequest("The request's JSON holds a character that no text has.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest("The request is not valid JSON.") from error
    if _is_deeper(value, DEEPEST):
        raise MalformedRequest(f"The request's JSON is more than {DEEPEST} levels deep.")
    return value


def check_form(body: bytes) -> dict[str, str]:
    """The fields of a form; MalformedRequest where it cannot be read."""
    try:
        text = body.decode()
        return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise MalformedRequest("The form cannot be read.") from error


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, and then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def counted(receive: Receive, most_bytes: int) -> Receive:
    """A `receive` that raises StudioError as soon as a body is longer than it may be, or stalls.

    After the body it waits as long as the connection lasts: a stream of news asks so whether anybody still reads it.
    """
    seen, arrived = 0, False

    async def count() -> Message:
        nonlocal seen, arrived
        if arrived:
            return await receive()
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await receive()
        except TimeoutError as error:
            raise RequestTimeout("The request did not arrive in time.") from error
        seen += len(message.get("body", b""))
        arrived = not message.get("more_body")
        if seen > most_bytes:
            raise too_large(most_bytes)
        return message

    return count


def too_large(most_bytes: int) -> RequestTooLarge:
    """What a request is told that brings more than it may."""
    return RequestTooLarge(f"This is too large: the limit is {most_bytes / 2**20:.0f} MB.")


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie deeper in one another than this; without recursion."""
    layer: list[Any] = [value]
    for _ in range(levels):
        layer = [inner for one in layer for inner in _inside(one)]
        if not layer:
            return False
    return True


def _inside(one: Any) -> list[Any]:
    children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return [child for child in children if isinstance(child, dict | list)]
