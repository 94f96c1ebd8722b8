"""How a page's listeners follow what goes on: no thread is held while they wait, and crowds share turns and views."""

import asyncio
import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

import anyio.to_thread

from studio.news import Pause

# Updates in a second for all followers together: each takes the one event loop some milliseconds.
RATE = 100
# For how many seconds what one follower was told may serve others, and of how many owners that is kept.
FRESH, KEPT = 0.5, 64

Given = ParamSpec("Given")
Told = TypeVar("Told")


class Followers:
    """All that follow something on one page."""

    def __init__(self, blocks: Any) -> None:
        self._blocks = blocks
        self._next = 0.0
        self._told: dict[Hashable, tuple[float, Any]] = {}

    async def run(self, act: Callable[Given, Told], *given: Given.args, **more: Given.kwargs) -> Told:
        """Do what reads files or counts, in one of the page's threads; the context goes with it."""
        return await anyio.to_thread.run_sync(partial(act, *given, **more), limiter=self._blocks.limiter)

    async def shared(self, key: Hashable, since: float, act: Callable[[], Told]) -> Told:
        """What the act tells, or what it told another follower of the same key, begun after `since` and still fresh."""
        now = time.monotonic()
        begun, told = self._told.get(key, (0.0, None))
        if begun > since and now - begun < FRESH:
            return cast("Told", told)
        fresh = await self.run(act)
        self._told.pop(key, None)
        self._told[key] = now, fresh
        while len(self._told) > KEPT:
            del self._told[next(iter(self._told))]
        return fresh

    def pace(self, seconds: float) -> Pause:
        """A pause of one follower: its turns are so many seconds apart, and more where many follow."""
        last = 0.0

        async def pause() -> None:
            nonlocal last
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + 1 / RATE
            await asyncio.sleep(max(turn, last + seconds) - now)
            last = time.monotonic()

        return pause
