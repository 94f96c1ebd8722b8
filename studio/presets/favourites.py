"""What people like best, by sort and name, and what is noted of files; both in the one database."""

from studio.errors import Refused
from studio.gate.identity import Identity
from studio.storage.database import Database

MOST_NOTED, MOST_LIKED = 20_000, 5_000


class Favourites:
    """The favourites of one sort, such as "loras": everybody's are their own."""

    def __init__(self, database: Database, sort: str) -> None:
        self._database = database
        self._sort = sort

    def names(self, who: Identity) -> frozenset[str]:
        """All of whoever asks."""
        query = "SELECT name FROM favourites WHERE owner = ? AND sort = ?"
        with self._database.read() as rows:
            return frozenset(str(row[0]) for row in rows.execute(query, (_owner(who), self._sort)))

    def mark(self, name: str, who: Identity, *, liked: bool) -> None:
        """Make it one, or no more one; Refused where there are very many, StorageError where it cannot be written."""
        if liked and len(self.names(who)) >= MOST_LIKED:
            raise Refused(
                f"You have {MOST_LIKED} favourites, which is the limit.", "Remove the star from others first."
            )
        add = "INSERT OR IGNORE INTO favourites (owner, sort, name) VALUES (?, ?, ?)"
        remove = "DELETE FROM favourites WHERE owner = ? AND sort = ? AND name = ?"
        with self._database.write() as rows:
            rows.execute(add if liked else remove, (_owner(who), self._sort, name))


class FileNotes:
    """What is noted of files of one sort; everybody reads it, whoever runs the studio writes it."""

    def __init__(self, database: Database, sort: str) -> None:
        self._database = database
        self._sort = sort

    def all(self) -> dict[str, str]:
        """The notes by the names of their files."""
        with self._database.read() as rows:
            found = rows.execute("SELECT name, text FROM file_notes WHERE sort = ?", (self._sort,))
            return {str(name): str(text) for name, text in found}

    def write(self, name: str, text: str, who: Identity) -> None:
        """Note this, or nothing; Refused where who asks may not, StorageError where it cannot be written down."""
        if not who.keeps:
            raise Refused("Only this studio's operator can write notes.", "Ask the studio's operator.")
        write = "INSERT OR REPLACE INTO file_notes (sort, name, text) VALUES (?, ?, ?)"
        with self._database.write() as rows:
            if text.strip():
                rows.execute(write, (self._sort, name, text.strip()[:MOST_NOTED]))
            else:
                rows.execute("DELETE FROM file_notes WHERE sort = ? AND name = ?", (self._sort, name))


def _owner(who: Identity) -> str:
    """Whoever runs the studio keeps them whatever becomes of the browser's cookie."""
    return "" if who.keeps else who.owner
