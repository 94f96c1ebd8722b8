"""The one door through which the engine comes in, and with it torch and diffusers: one thread at a time, and once."""

import logging
from functools import lru_cache
from threading import Lock

from studio.errors import InternalError
from studio.large_imports import uncollected

HINT = "Start the studio again. Where that does not help, install it again: the studio's log says what is missing."

log = logging.getLogger(__name__)
_importing = Lock()


def import_engine() -> None:
    """Import what pictures are made with, if nobody has; InternalError where that failed, each time by its first cause.

    Where torch's import fails, half of it stays behind: the next fails by that half, and says nothing of the cause.
    """
    with _importing, uncollected():
        cause = _fault()
    if cause:
        raise InternalError(cause, HINT) from cause


@lru_cache(maxsize=1)
def _fault() -> Exception | None:
    """Why it cannot be imported, if so."""
    try:
        from studio.engine import manager, maps, render, threads
        from studio.safety import classifier

        del manager, maps, render, threads, classifier
    except Exception as error:
        log.exception("What makes pictures cannot be imported")
        return error
    return None
