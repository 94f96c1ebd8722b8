"""What errors of torch and the model libraries mean, in the studio's words; their own speak of their insides."""

import logging
import re
from collections.abc import Iterable

log = logging.getLogger(__name__)

# After these a card answers nothing any more to the process that met them.
LOST = (
    (r"illegal (memory access|address)|misaligned address", "a computation reached outside its memory"),
    (r"illegal instruction|invalid program counter", "a computation met an illegal instruction"),
    (r"device-side assert", "a computation met a number that cannot be there"),
    (r"launch (failure|timed out)", "a computation was broken off"),
    (r"uncorrectable|hardware stack error", "its hardware is at fault"),
    (r"context is destroyed|device is lost|fallen off", "it was reset, or is no longer there"),
)
IDLE = (
    (r"no kernel image|not compiled|not compatible", "this build of torch does not support it"),
    (r"driver", "its driver does not fit this build of torch"),
    (r"busy|unavailable|in use", "another program holds it"),
)
UNLOADABLE = (
    (r"no file|not found|no such file|does not appear to have|can.t find", "one of its files is missing"),
    (r"size mismatch|mismatched|expected shape|shape", "its weights have other sizes than its config says"),
    (r"header|safetensor|incomplete metadata|corrupt", "a file of its weights is damaged"),
    (r"missing key|unexpected key|state_dict", "its weights have other names than its config says"),
    (r"tokenizer|vocab|merges", "its tokenizer cannot be read"),
    (r"json|config", "one of its configs is damaged, or is for something else"),
)


def lost(messages: Iterable[str]) -> str | None:
    """Why a card is lost for this process, by what torch said; None where nothing of that says so."""
    for one in messages:
        for pattern, words in LOST:
            if found := re.search(pattern, one, re.IGNORECASE):
                return f"{words} ({found[0].lower()})"
    return None


def idle(error: RuntimeError) -> str:
    """Why a device does not compute."""
    return lost([str(error)]) or _meaning(str(error), IDLE) or "its driver or this build of torch is at fault"


def unloadable(error: Exception) -> str:
    """Why a library cannot load what lies on the disk."""
    log.info("What cannot be loaded", exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    message = f"{type(error).__name__} {error}"
    return _meaning(message, UNLOADABLE) or "it lacks what a model of its kind has"


def _meaning(message: str, known: Iterable[tuple[str, str]]) -> str | None:
    return next((words for pattern, words in known if re.search(pattern, message, re.IGNORECASE)), None)
