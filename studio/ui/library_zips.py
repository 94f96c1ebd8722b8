"""Pictures of the library that were chosen to be fetched as one ZIP file: remembered until they are."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence

from studio.gate.identity import Identity

ZIPS = "studio/zips/"
# Those that were asked for the longest ago are forgotten.
MOST = 256


class Zips:
    """Which pictures each address means, and whose they are."""

    def __init__(self) -> None:
        self._chosen: OrderedDict[str, tuple[str, tuple[str, ...]]] = OrderedDict()

    def address(self, ids: Sequence[str], who: Identity) -> str:
        """Where who asks can fetch these pictures from now on, relative to the page."""
        token = secrets.token_urlsafe(18)
        self._chosen[token] = (who.owner, tuple(ids))
        while len(self._chosen) > MOST:
            self._chosen.popitem(last=False)
        return f"{ZIPS}{token}.zip"

    def ids(self, name: str, who: Identity) -> tuple[str, ...]:
        """The pictures that an address means; none where it was made for somebody else, or is not known."""
        owner, ids = self._chosen.get(name.removesuffix(".zip"), ("", ()))
        return ids if owner == who.owner else ()
