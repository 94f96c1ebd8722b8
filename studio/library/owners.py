"""Whose a picture is: the owner in the index, and in the file a mark that only this data folder can make of them.

So a rebuild from files alone gives each picture back to its owner, and a file that is handed on tells nobody who that
was. What has no mark of this data folder belongs to whoever runs the studio.
"""

import hmac
from hashlib import sha256

from studio.gate.identity import COMMAND_LINE, Identity

# In the index: an owner of whom only the mark is known, and nobody.
MARKED, UNKNOWN = "mark:", ""
FOLDER_CHARACTERS, OWNER_CHARACTERS = 8, 24


class Owners:
    """Makes and reads the marks of one data folder, by its key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._folder = self._code("data folder", FOLDER_CHARACTERS)

    def mark(self, who: Identity) -> str:
        """The mark of who asks, for a file."""
        return f"{self._folder}-{self._code(f'owner {who.owner}', OWNER_CHARACTERS)}"

    def of_mark(self, mark: str) -> str:
        """The owner in the index for a mark that a file holds; unknown where it is of another data folder, or none."""
        return f"{MARKED}{mark}" if mark.startswith(f"{self._folder}-") else UNKNOWN

    def seen_by(self, who: Identity) -> tuple[str, ...] | None:
        """The owners whose pictures who asks may see; None for all, at this machine's command line."""
        if who.kind == "command line":
            return None
        own = (who.owner, f"{MARKED}{self.mark(who)}")
        shared = (COMMAND_LINE.owner, f"{MARKED}{self.mark(COMMAND_LINE)}", UNKNOWN) if who.keeps else ()
        return (*own, *shared)

    def _code(self, text: str, characters: int) -> str:
        return hmac.new(self._key, text.encode(errors="surrogatepass"), sha256).hexdigest()[:characters]
