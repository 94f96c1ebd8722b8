"""The things of the world, from `things.toml`: their names, where they are found, how they may be coloured."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("things.toml")


@dataclass(frozen=True, slots=True)
class Thing:
    """One kind of thing. `art` names its icon; `paint` is how readily its colour is turned, 0 to 1.

    `aspect` is the width over the height of our own drawing, None where there is none.
    """

    name: str
    group: str
    art: str | None
    words: tuple[str, ...]
    many: str
    habit: str
    paint: float
    aspect: float | None

    @property
    def drawn(self) -> bool:
        return self.aspect is not None


PAINT = {"often": 0.75, "seldom": 0.25, "never": 0.0}


def read_things(path: Path = TABLE) -> Mapping[str, Thing]:
    """All things by name, in the order of the file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    things: dict[str, Thing] = {}
    for group, rows in table.items():
        if not isinstance(rows, dict):
            continue
        for name, row in rows.items():
            things[name] = Thing(
                name=name,
                group=group,
                art=row.get("art"),
                words=tuple(row.get("words", ())),
                many=row.get("many", f"{name}s"),
                habit=row.get("habit", "ground"),
                paint=PAINT[row["paint"]],
                aspect=row.get("drawn"),
            )
    return things


def read_words_ahead(path: Path = TABLE) -> tuple[str, ...]:
    """Names of things that are still to come."""
    words: str = tomllib.loads(path.read_text(encoding="utf-8"))["ahead"]
    return tuple(words.split())


THINGS: Mapping[str, Thing] = read_things()
WORDS_AHEAD = read_words_ahead()
