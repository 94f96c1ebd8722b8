"""What owners say of their pictures: stars, ratings, notes, tags and boards; and the bin, from which all comes back."""

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from sqlite3 import Connection, Row

from studio.errors import AlreadyExists, InvalidRequest, NotFound
from studio.gate.identity import Identity, check_creates
from studio.library.context import Context, numbers_of, seen
from studio.library.entry import Board
from studio.library.rows import TAG, batches, changed, marks, name_number, write_words
from studio.library.words import is_text
from studio.unused import release

RATINGS = range(1, 6)
MOST_NAME, MOST_NOTE, MOST_TAGS = 100, 10_000, 50
BOARDS = """SELECT boards.id, boards.name, boards.created, COUNT(pictures.number) AS count, (
        SELECT newest.id FROM board_pictures AS of JOIN pictures AS newest ON newest.number = of.picture
        WHERE of.board = boards.number AND path IS NOT NULL AND binned IS NULL ORDER BY added DESC LIMIT 1
    ) AS cover
    FROM boards LEFT JOIN board_pictures ON board = boards.number
    LEFT JOIN pictures ON pictures.number = picture AND path IS NOT NULL AND binned IS NULL
    WHERE {} GROUP BY boards.number ORDER BY boards.name"""


class Marks:
    """Everything is said of pictures that who asks may see; NotFound where one is none of these. StorageError.
    Refused where who asks may only look.

    What a method changes is on the disk, for all of its pictures or for none, when it returns.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def star(self, ids: Sequence[str], who: Identity, *, on: bool = True) -> None:
        """Give these pictures a star, or take it away."""
        self._set("star", int(on), ids, who)

    def rate(self, ids: Sequence[str], rating: int | None, who: Identity) -> None:
        """Rate these pictures from 1 to 5, or not at all; InvalidRequest."""
        if rating is not None and rating not in RATINGS:
            raise InvalidRequest(f"{rating} is not a valid rating.", "Rate from 1 to 5.", field="rating")
        self._set("rating", rating, ids, who)

    def note(self, picture: str, text: str, who: Identity) -> None:
        """What is noted of a picture; InvalidRequest where it is too long."""
        if len(text) > MOST_NOTE or not is_text(text):
            fault = f"A note is a text of at most {MOST_NOTE} characters."
            raise InvalidRequest(fault, "Make it shorter, or write it again.", field="note")

        def write(rows: Connection, numbers: Sequence[int]) -> None:
            rows.execute("UPDATE pictures SET note = ? WHERE number = ?", (text.strip(), numbers[0]))
            write_words(rows, numbers[0])

        self._write([picture], who, write)

    def tag(self, ids: Sequence[str], who: Identity, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Put tags on these pictures and take others off; InvalidRequest names one that cannot be."""
        wanted = [_name(tag, "tag") for tag in add]

        def write(rows: Connection, numbers: Sequence[int]) -> None:
            put = [name_number(rows, TAG, tag) for tag in wanted]
            off = [name_number(rows, TAG, _name(tag, "tag")) for tag in remove]
            for number in numbers:
                rows.executemany("INSERT OR IGNORE INTO picture_named VALUES (?, ?)", [(name, number) for name in put])
                rows.executemany("DELETE FROM picture_named WHERE name = ? AND picture = ?", [(n, number) for n in off])
                _check_tags(rows, number)
                write_words(rows, number)

        self._write(ids, who, write)

    def boards(self, who: Identity) -> list[Board]:
        """The boards of who asks, by name."""
        condition, values = seen(self._context.owners, who)
        with self._context.database.read() as rows:
            found = rows.execute(BOARDS.format(condition.replace("owner", "boards.owner")), values)
            return [Board(*row) for row in found]

    def add_board(self, name: str, who: Identity) -> Board:
        """A new board; AlreadyExists, InvalidRequest."""
        check_creates(who)
        board = Board(secrets.token_urlsafe(9), _name(name, "board"), time.time(), 0, None)
        with self._context.database.write() as rows:
            self._check_free(rows, board.name, who)
            row = (board.id, who.owner, board.name, board.created)
            rows.execute("INSERT INTO boards (id, owner, name, created) VALUES (?, ?, ?, ?)", row)
            changed(rows)
        self._context.tell()
        return board

    def rename_board(self, board: str, name: str, who: Identity) -> None:
        """Call a board otherwise; NotFound, AlreadyExists, InvalidRequest."""
        check_creates(who)
        wanted = _name(name, "board")
        with self._context.database.write() as rows:
            number = self._board(rows, board, who)
            self._check_free(rows, wanted, who, but=number)
            rows.execute("UPDATE boards SET name = ? WHERE number = ?", (wanted, number))
            changed(rows)
        self._context.tell()

    def remove_board(self, board: str, who: Identity) -> None:
        """Remove a board; its pictures stay."""
        check_creates(who)
        with self._context.database.write() as rows:
            rows.execute("DELETE FROM boards WHERE number = ?", (self._board(rows, board, who),))
            changed(rows)
        self._context.tell()

    def put(self, ids: Sequence[str], board: str, who: Identity) -> None:
        """Put pictures on a board."""

        def write(rows: Connection, numbers: Sequence[int]) -> None:
            place, now = self._board(rows, board, who), time.time()
            put = "INSERT OR IGNORE INTO board_pictures (board, picture, added) VALUES (?, ?, ?)"
            rows.executemany(put, [(place, number, now) for number in numbers])

        self._write(ids, who, write)

    def take_off(self, ids: Sequence[str], board: str, who: Identity) -> None:
        """Take pictures off a board; they stay in the library."""

        def write(rows: Connection, numbers: Sequence[int]) -> None:
            place = self._board(rows, board, who)
            off = "DELETE FROM board_pictures WHERE board = ? AND picture = ?"
            rows.executemany(off, [(place, number) for number in numbers])

        self._write(ids, who, write)

    def move(self, ids: Sequence[str], from_board: str, to_board: str, who: Identity) -> None:
        """Take pictures off one board and put them on another, both or neither."""
        with self._context.database.write():
            self.take_off(ids, from_board, who)
            self.put(ids, to_board, who)

    def bin(self, ids: Sequence[str], who: Identity) -> None:
        """Put pictures into the bin: no list shows them, and nothing of them is lost until it is emptied."""
        self._set("binned", time.time(), ids, who, also="AND binned IS NULL")

    def restore(self, ids: Sequence[str], who: Identity) -> None:
        """Take pictures out of the bin, as they were."""
        self._set("binned", None, ids, who)

    def empty_bin(self, who: Identity, ids: Sequence[str] | None = None) -> int:
        """Delete the files of what is in the bin, or of these of it, for good; returns how many bytes are free now."""
        check_creates(who)
        condition, values = seen(self._context.owners, who)
        query = f"SELECT number, path, bytes, digest FROM pictures WHERE binned IS NOT NULL AND {condition}"  # noqa: S608
        with self._context.database.read() as rows:
            only = None if ids is None else {*numbers_of(rows, self._context.owners, ids, who)}
            gone = [row for row in rows.execute(query, values) if only is None or row["number"] in only]
        freed = 0
        for some in batches(gone, 50):
            # The files go first: a crash between leaves rows without files, which the next time deletes.
            freed += sum(map(self._delete_file, some))
            with self._context.database.write() as rows:
                for row in some:
                    inputs = rows.execute(
                        "SELECT digest FROM picture_inputs WHERE picture = ?", (row["number"],)
                    ).fetchall()
                    rows.execute("DELETE FROM pictures WHERE number = ?", (row["number"],))
                    release(rows, (digest for (digest,) in inputs))
                    if not rows.execute("SELECT 1 FROM pictures WHERE digest = ?", (row["digest"],)).fetchone():
                        self._context.thumbnails.forget(row["digest"])
                changed(rows)
        self._context.tell()
        return freed

    def _delete_file(self, row: Row) -> int:
        """Delete a picture's file and its sidecar; returns the bytes."""
        if not row["path"]:
            return 0
        path = self._context.folder / row["path"]
        path.with_name(f"{path.name}.json").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            path.unlink()
            return int(row["bytes"])
        return 0

    def _set(self, column: str, value: float | None, ids: Sequence[str], who: Identity, also: str = "") -> None:
        def write(rows: Connection, numbers: Sequence[int]) -> None:
            for some in batches(numbers):
                change = f"UPDATE pictures SET {column} = ? WHERE number IN ({marks(some)}) {also}"  # noqa: S608
                rows.execute(change, (value, *some))

        self._write(ids, who, write)

    def _write(self, ids: Sequence[str], who: Identity, write: Callable[[Connection, Sequence[int]], None]) -> None:
        check_creates(who)
        with self._context.database.write() as rows:
            write(rows, numbers_of(rows, self._context.owners, ids, who))
            changed(rows)
        self._context.tell()

    def _board(self, rows: Connection, board: str, who: Identity) -> int:
        condition, values = seen(self._context.owners, who)
        query = f"SELECT number FROM boards WHERE id = ? AND {condition}"  # noqa: S608 - question marks
        row = rows.execute(query, (board, *values)).fetchone() if is_text(board) else None
        if row is None:
            raise NotFound("There is no such board.", "Choose another one, or make one.", field="board")
        return int(row[0])

    def _check_free(self, rows: Connection, name: str, who: Identity, but: int = 0) -> None:
        query = "SELECT 1 FROM boards WHERE owner = ? AND name = ? AND number != ?"
        if rows.execute(query, (who.owner, name, but)).fetchone():
            raise AlreadyExists(f"A board named {name!r} already exists.", "Give this one another name.", field="board")


def _check_tags(rows: Connection, number: int) -> None:
    query = """SELECT COUNT(*) FROM picture_named JOIN picture_names AS names ON names.number = picture_named.name
        WHERE picture = ? AND kind = ?"""
    if rows.execute(query, (number, TAG)).fetchone()[0] > MOST_TAGS:
        raise InvalidRequest(f"A picture has at most {MOST_TAGS} tags.", "Take some off first.", field="tag")


def is_name(text: str) -> bool:
    """Whether a text can be the name of a tag or board."""
    return bool(text) and len(text) <= MOST_NAME and text.isprintable()


def _name(text: str, of: str) -> str:
    """A name of a tag or board, without needless spaces; InvalidRequest where it cannot be one."""
    name = " ".join(text.split())
    if not is_name(name):
        fault = f"{name[:40]!r} is not a valid name of a {of}."
        raise InvalidRequest(fault, f"Give it 1 to {MOST_NAME} letters, digits and signs.", field=of)
    return name
