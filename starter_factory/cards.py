"""The figures in model cards and docs: each table between two comments, the first of which says what gives it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from starter_factory.sitting import Table

# A card's table, whose first comment names the measure: a member of the family, or another.
PLACE = re.compile(
    r"<!-- studio evaluate (starter --only (?P<member>\w+)|(?P<other>\w+)) --count \d+ -->\n.*?<!-- end -->", re.DOTALL
)


def write_figures(pages: Iterable[Path], name: str, table: Table, count: int) -> list[Path]:
    """Put the table of the measure `name` where pages (.md files) keep it, and tell in which it was."""
    return [page for page in pages if _written(page, name, table, count)]


def markdown(table: Table) -> str:
    """The table as a page holds it; rows that have no column in common with those above begin a table of their own."""
    parts: list[Table] = []
    for name, row in table.items():
        if not parts or not any(row.keys() & above.keys() for above in parts[-1].values()):
            parts.append({})
        parts[-1][name] = row
    return "\n\n".join(map(_one_table, parts))


def _one_table(table: Table) -> str:
    """Columns stand in the order of their first naming; one wide row stands upright."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    if len(table) == 1 and len(columns) > 3:
        ((name, row),) = table.items()
        return _one_table({column: {name: row[column]} for column in columns})
    lines = [["", *columns], *([name, *_cells(row, columns)] for name, row in table.items())]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns) + 1)]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])


def _written(page: Path, name: str, table: Table, count: int) -> bool:
    def fresh(found: re.Match[str]) -> str:
        if (found["member"] or found["other"]) != name:
            return found[0]
        return f"<!-- studio evaluate {found[1]} --count {count} -->\n\n{markdown(table)}\n\n<!-- end -->"

    text = page.read_text(encoding="utf-8")
    page.write_text(PLACE.sub(fresh, text), encoding="utf-8")
    return any((found["member"] or found["other"]) == name for found in PLACE.finditer(text))


def _cells(row: Mapping[str, float], columns: list[str]) -> list[str]:
    return [f"{row[column]:g}" if column in row else "" for column in columns]
