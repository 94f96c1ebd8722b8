"""Passwords: hashed with argon2, few at a time, and not guessed: whoever is wrong too often has to wait."""

import threading
import time
from collections import OrderedDict
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from studio.errors import Busy, InvalidRequest

SHORTEST, LONGEST = 10, 1024
# Each takes 64 MB for a moment.
AT_ONCE = 2
# So many wrong ones in so many seconds, from one address or for one name.
MOST_WRONG, WRONG_SECONDS = 10, 900.0
MOST_KNOWN = 10_000

_hasher = PasswordHasher()
_room = threading.Semaphore(AT_ONCE)


def hashed(password: str) -> str:
    """What is stored of a password; InvalidRequest where it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(f"A password has {SHORTEST} characters or more.", "Choose a longer one.", field="password")
    with _room:
        return _hasher.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was stored; as long as ever where none was."""
    with _room:
        try:
            return _hasher.verify(stored or _nobodys(), password[:LONGEST]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys() -> str:
    """What is compared where there is no such account, so that the time does not tell that there is none."""
    return _hasher.hash("nobody's password")


class Attempts:
    """Wrong passwords of late, by address and by name."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, *keys: str) -> None:
        """Busy where one of these was wrong too often of late."""
        now = time.monotonic()
        with self._lock:
            waits = [WRONG_SECONDS - (now - of[0]) for key in keys if len(of := self._recent(key, now)) >= MOST_WRONG]
        if waits:
            raise Busy("Too many wrong passwords.", "Wait a while, then try again.", wait_seconds=max(waits))

    def note(self, *keys: str) -> None:
        """One more was wrong."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._wrong[key] = [*self._recent(key, now), now]
                self._wrong.move_to_end(key)
            while len(self._wrong) > MOST_KNOWN:
                self._wrong.popitem(last=False)

    def clear(self, *keys: str) -> None:
        """These were right."""
        with self._lock:
            for key in keys:
                self._wrong.pop(key, None)

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._wrong.get(key, ()) if now - at < WRONG_SECONDS]
