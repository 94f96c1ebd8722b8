"""How a page's listeners follow jobs: no thread is held while they wait, and many followers share turns and answers."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

import anyio.to_thread

from studio.news import Pause

# Updates in a second for all followers together: each takes the one event loop some milliseconds.
RATE = 100
# For how many seconds what one follower was told may serve others, how far apart two tellings of the same are, and of
# how many owners that is kept.
FRESH, BETWEEN, KEPT = 0.5, 0.05, 64

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class _Shared:
    """The latest answer under one key; callers wait while it is made."""

    def __init__(self) -> None:
        self.begun = 0.0
        self.answer: Any = None
        self.making = asyncio.Lock()


class Followers:
    """The followers of one page."""

    def __init__(self, blocks: Any) -> None:
        self._blocks = blocks
        self._answers: OrderedDict[Hashable, _Shared] = OrderedDict()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._giving: asyncio.Task[None] | None = None

    async def run(self, act: Callable[Given, Answer], *given: Given.args, **more: Given.kwargs) -> Answer:
        """Do what reads files or counts, in one of the page's threads; the context goes with it."""
        return await anyio.to_thread.run_sync(partial(act, *given, **more), limiter=self._blocks.limiter)

    async def shared(self, key: Hashable, since: float, act: Callable[[], Answer]) -> Answer:
        """What the act tells, or what it told another follower of the same key, begun after `since` and still fresh."""
        entry = self._answers.setdefault(key, _Shared())
        self._answers.move_to_end(key)
        if len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        async with entry.making:
            if not (entry.begun > since and time.monotonic() - entry.begun < FRESH):
                await asyncio.sleep(entry.begun + BETWEEN - time.monotonic())
                begun = time.monotonic()
                entry.answer, entry.begun = await self.run(act), begun
            return cast("Answer", entry.answer)

    def pace(self, seconds: float) -> Pause:
        """A pause of one follower: its turns are so many seconds apart, and more where many follow."""
        last = 0.0

        async def pause() -> None:
            nonlocal last
            await asyncio.sleep(last + seconds - time.monotonic())
            await self._turn()
            last = time.monotonic()

        return pause

    async def _turn(self) -> None:
        """Wait until those who came before had theirs."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._giving is None:
            self._giving = asyncio.create_task(self._give())
        await turn

    async def _give(self) -> None:
        """Give all who wait their turns, and leave the event loop as long to others as a turn kept it busy."""
        try:
            while self._waiting:
                turn = self._waiting.popleft()
                if turn.done():  # whoever left
                    continue
                turn.set_result(None)
                due = time.monotonic() + 1 / RATE
                await asyncio.sleep(1 / RATE)
                await asyncio.sleep(time.monotonic() - due)
        finally:
            self._giving = None
