"""Following a job for a program: to its end, or event by event; nobody's job is made once nobody waits for it."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from studio.errors import JobStopped, MalformedRequest, NotFound, StudioError, from_fault
from studio.events import END, Event, Failed, Finished, Stopped
from studio.jobs.job import Job
from studio.studio import Studio

# Between two looks at a job that tells much, and between two signs of life on a stream that tells nothing.
PAUSE_SECONDS, PULSE_SECONDS = 0.05, 15.0
PULSE = b": still there\n\n"


async def images(studio: Studio, job: Job, request: Request) -> tuple[Finished, ...]:
    """The images of a job, when it is over; the StudioError that ended it.

    Where whoever asked has left, the job is stopped: what it makes could be given to nobody.
    """
    ending, leaving = asyncio.ensure_future(_end(job)), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({ending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            raise MalformedRequest("The connection was cut.")
    finally:
        ending.cancel()
        leaving.cancel()
        await let_go(studio, job)
    check(job)
    return tuple(sorted(job.results, key=lambda event: event.image))


async def let_go(studio: Studio, job: Job) -> None:
    """Stop a job that nobody waits for any more, also while the request is cancelled; nothing where it is over."""
    if job.is_open:
        with anyio.CancelScope(shield=True), suppress(NotFound):
            await run_in_threadpool(studio.stop, job.id, job.who)


def check(job: Job) -> None:
    """The StudioError that a job ended in; nothing where it was done."""
    if fault := error_of(job.events[-1]):
        raise fault


def error_of(event: Event) -> StudioError | None:
    """The error that an ending tells of."""
    if isinstance(event, Failed):
        return from_fault(event.as_fault())
    return JobStopped("The job was stopped.", "Ask again.") if isinstance(event, Stopped) else None


async def events(job: Job, position: int = 0) -> AsyncGenerator[tuple[int, Event], None]:
    """The events of a job from a position on, each with the position behind it, up to its end; no thread is held."""
    async with aclosing(job.changes(lambda: asyncio.sleep(PAUSE_SECONDS))) as changes:
        async for _ in changes:
            for place, event in job.since(position):
                yield (position := place + 1), event
    for place, event in job.since(position):
        yield place + 1, event


async def alive(source: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """A stream with a sign of life in each long silence, without which proxies cut it."""
    async with aclosing(source):
        coming: asyncio.Future[bytes] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(source))
                done, _ = await asyncio.wait({coming}, timeout=PULSE_SECONDS)
                if not done:
                    yield PULSE
                    continue
                ready, coming = coming, None
                try:
                    yield ready.result()
                except StopAsyncIteration:
                    return
        finally:
            if coming:
                coming.cancel()
                with anyio.CancelScope(shield=True):  # the source cannot be closed while it runs
                    await asyncio.wait({coming})


def sent(event: str, data: Any, position: int | None = None) -> bytes:
    """One server-sent event; `position` is what a reader says to go on behind it."""
    place = "" if position is None else f"id: {position}\n"
    return f"{place}event: {event}\ndata: {json.dumps(data)}\n\n".encode()


async def _end(job: Job) -> None:
    async with aclosing(job.changes(lambda: asyncio.sleep(PAUSE_SECONDS))) as changes:
        async for _ in changes:
            pass


async def _left(request: Request) -> None:
    """Return when whoever asked is there no more; the body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def is_end(event: Event) -> bool:
    """Whether nothing comes after it."""
    return isinstance(event, END)
