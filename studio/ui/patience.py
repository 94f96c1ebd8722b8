"""Connections on which nobody asks for anything are closed."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# From the connection to the end of the first request's head.
HEAD_SECONDS = 20.0


class Patient(H11Protocol):
    """uvicorn's connection, which is dropped where no whole request came in time; uvicorn waits for good."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for a request from now on."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._drop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._waiting:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _drop(self) -> None:
        # Set with the first whole request.
        cycle: Any = self.cycle
        if cycle is None:
            self.transport.close()
