"""The pictures that were painted on one after the other: each result that is gone on with, and the way back from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

# Further back nobody goes; the pictures stay in the store.
MOST = 100


@dataclass(frozen=True)
class Rounds:
    """Ids of stored pictures, oldest first; `at` is the place of the present one, -1 where there is none."""

    ids: tuple[str, ...] = ()
    at: int = -1

    @classmethod
    def of(cls, value: Any) -> Self:
        """What the page keeps; nothing where it keeps none, or something else."""
        told = value if isinstance(value, Mapping) else {}
        ids, at = told.get("ids"), told.get("at")
        if not isinstance(ids, list) or not isinstance(at, int) or not 0 <= at < len(ids):
            return cls()
        return cls(tuple(map(str, ids)), at)

    @property
    def now(self) -> str | None:
        """The picture that is painted on."""
        return self.ids[self.at] if self.ids else None

    def to(self, picture: str) -> "Rounds":
        """At this picture: where it was before, or a new one after the present, instead of what came after that."""
        if picture in self.ids:
            return Rounds(self.ids, self.ids.index(picture))
        ids = (*self.ids[: self.at + 1], picture)[-MOST:]
        return Rounds(ids, len(ids) - 1)

    def by(self, steps: int) -> "Rounds":
        """So many steps on, or back below 0, as far as there are any."""
        return Rounds(self.ids, min(max(self.at + steps, 0), len(self.ids) - 1))

    def value(self, *, shown: bool, holes: bool = False) -> dict[str, Any]:
        """What the page keeps and draws; `shown` says whether the present picture is in the editor.

        `holes` says whether something is transparent in it.
        """
        return {"ids": list(self.ids), "at": self.at, "shown": shown, "holes": holes}
