"""What one person made in the library becomes another's: pictures, boards, and what their files say."""

from sqlite3 import Connection

from studio.gate.identity import Identity
from studio.library.owners import Owners
from studio.library.rows import changed


def hand_over(rows: Connection, owners: Owners, earlier: Identity, who: Identity) -> None:
    """Make all pictures and boards of one owner another's; boards of one name become one."""
    rows.execute("UPDATE pictures SET owner = ? WHERE owner IN (?, ?)", (who.owner, *owners.of(earlier)))
    both = """SELECT mine.number, other.number FROM boards AS other
        JOIN boards AS mine ON mine.name = other.name AND mine.owner = ? WHERE other.owner = ?"""
    for mine, other in rows.execute(both, (who.owner, earlier.owner)).fetchall():
        rows.execute("UPDATE OR IGNORE board_pictures SET board = ? WHERE board = ?", (mine, other))
        rows.execute("DELETE FROM boards WHERE number = ?", (other,))
    rows.execute("UPDATE boards SET owner = ? WHERE owner = ?", (who.owner, earlier.owner))
    owners.hand_over(rows, earlier, who)
    changed(rows)
