"""Whose a picture is: the owner in the index, and in the file a mark that only this data folder can make of them.

So a rebuild from files alone gives each picture back to its owner, and a file that is handed on tells nobody who that
was. What has no mark of this data folder belongs to whoever runs the studio.
"""

import hmac
from hashlib import sha256
from sqlite3 import Connection

from studio.gate.identity import COMMAND_LINE, Identity
from studio.storage.database import Database

# In the index: an owner of whom only the mark is known, and nobody.
MARKED, UNKNOWN = "mark:", ""
FOLDER_CHARACTERS, OWNER_CHARACTERS = 8, 24


class Owners:
    """Makes and reads the marks of one data folder, by its key."""

    def __init__(self, key: bytes, database: Database | None = None) -> None:
        self._key = key
        self._database = database
        self._taken_over: dict[str, str] | None = None
        self._folder = self._code("data folder", FOLDER_CHARACTERS)

    def mark(self, who: Identity) -> str:
        """The mark of who asks, for a file."""
        return f"{self._folder}-{self._code(f'owner {who.owner}', OWNER_CHARACTERS)}"

    def of_mark(self, mark: str) -> str:
        """The owner in the index for a mark that a file holds; unknown where it is of another data folder, or none.

        What was made before signing in is that of the account that took it over.
        """
        if mark in self._taken():
            return self._taken()[mark]
        return f"{MARKED}{mark}" if mark.startswith(f"{self._folder}-") else UNKNOWN

    def hand_over(self, rows: Connection, earlier: Identity, who: Identity) -> None:
        """From now on, what one person's files say is another's."""
        rows.execute("INSERT OR REPLACE INTO taken_over VALUES (?, ?)", (self.mark(earlier), who.owner))
        self._taken_over = None

    def of(self, who: Identity) -> tuple[str, str]:
        """What the index calls who asks: by the owner, or where only the file tells it, by the mark."""
        return who.owner, f"{MARKED}{self.mark(who)}"

    def _taken(self) -> dict[str, str]:
        if self._taken_over is None:
            if self._database is None:
                return {}
            with self._database.read() as rows:
                self._taken_over = dict(rows.execute("SELECT mark, owner FROM taken_over").fetchall())
        return self._taken_over

    def seen_by(self, who: Identity) -> tuple[str, ...] | None:
        """The owners whose pictures who asks may see; None for all, at this machine's command line."""
        if who.kind == "command line":
            return None
        own = self.of(who)
        shared = (COMMAND_LINE.owner, f"{MARKED}{self.mark(COMMAND_LINE)}", UNKNOWN) if who.keeps else ()
        return (*own, *shared)

    def _code(self, text: str, characters: int) -> str:
        return hmac.new(self._key, text.encode(errors="surrogatepass"), sha256).hexdigest()[:characters]
