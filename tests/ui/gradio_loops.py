"""What Gradio itself is warned of.

It opens an event loop, with its pair of sockets, for each lock that it makes, and closes none; and it sums up its
queue with an option and a keyword that pandas has given up.
"""

import asyncio
import gc
from contextlib import suppress

import pytest

FORGIVEN = (
    "unclosed event loop:ResourceWarning",
    r"unclosed <socket.socket fd=\d+, family=1,:ResourceWarning",
    "'future.no_silent_downcasting' is deprecated:DeprecationWarning",
    "The copy keyword is deprecated:DeprecationWarning",
)


def forgive(config: pytest.Config) -> None:
    """Let these pass; to be called as `pytest_configure`."""
    for warning in FORGIVEN:
        config.addinivalue_line("filterwarnings", f"ignore:{warning}")


def close_last() -> None:
    """Close the one that it left as the thread's own, if any, while such warnings still pass."""
    with suppress(RuntimeError):
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)
    gc.collect()
