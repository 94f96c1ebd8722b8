"""What a request brings: bounded in bytes and in time while it arrives, and JSON that every reader can read."""

import asyncio
from typing import Any

import orjson
from starlette.types import Message, Receive

# Between two parts of a request, and for a whole one of JSON.
IDLE_SECONDS, JSON_SECONDS = 30, 60
# JSON of this many brackets in one another is nothing that a page says.
DEEPEST = 64


class Refused(Exception):  # noqa: N818 - an answer, not a fault of the program
    """A request that is not let in; `status` is HTTP's, the text says why and what helps."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def whole(receive: Receive, most_bytes: int) -> bytes:
    """All of a body; Refused where it is longer, stalls, or is cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(JSON_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The request was cut off.")
                body += message.get("body", b"")
                if len(body) > most_bytes:
                    raise too_large(most_bytes)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError as error:
        raise Refused(408, "The request did not arrive in time.") from error


def check_json(body: bytes) -> Any:
    """What the body says; Refused where it is no JSON, or JSON that is only meant to hurt."""
    if b"\\u0000" in body:
        raise Refused(400, "The request's JSON holds a character that no text has.")
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "The request is no valid JSON.") from error
    if _is_deeper(said, DEEPEST):
        raise Refused(400, f"The request's JSON is more than {DEEPEST} levels deep.")
    return said


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
    """A `receive` that raises Refused as soon as a body is longer than it may be, or stalls.

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
            raise Refused(408, "The request did not arrive in time.") from error
        seen += len(message.get("body", b""))
        arrived = not message.get("more_body")
        if seen > most_bytes:
            raise too_large(most_bytes)
        return message

    return count


def too_large(most_bytes: int) -> Refused:
    """What a request is told that brings more than it may."""
    return Refused(413, f"This is too large: {most_bytes / 2**20:.0f} MB are the most.")


def _is_deeper(said: Any, levels: int) -> bool:
    """Whether lists and objects lie deeper in one another than this; without recursion."""
    layer: list[Any] = [said]
    for _ in range(levels):
        layer = [inner for one in layer for inner in _inside(one)]
        if not layer:
            return False
    return True


def _inside(one: Any) -> list[Any]:
    children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return [child for child in children if isinstance(child, dict | list)]
