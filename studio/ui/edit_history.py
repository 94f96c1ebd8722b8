"""The pictures that were painted on one after the other: each result that is gone on with, and the way back from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from studio.ui.schemas.masks import Round, RoundsView
from studio.ui.schemas.pictures import StoredPicture

# Further back nobody goes; the pictures stay in the store.
MOST = 100


@dataclass(frozen=True)
class EditHistory:
    """Ids of stored pictures, oldest first; `at` is the place of the present one, -1 where there is none."""

    ids: tuple[str, ...] = ()
    at: int = -1

    @classmethod
    def of(cls, value: Any) -> Self:
        """What the page keeps; nothing where it keeps none, or something else."""
        kept = value if isinstance(value, Mapping) else {}
        ids, at = kept.get("ids"), kept.get("at")
        if not isinstance(ids, list) or not isinstance(at, int) or not 0 <= at < len(ids):
            return cls()
        return cls(tuple(map(str, ids)), at)

    @property
    def now(self) -> str | None:
        """The picture that is painted on."""
        return self.ids[self.at] if self.ids else None

    def to(self, picture: str) -> "EditHistory":
        """At this picture: where it was before, or a new one after the present, instead of what came after that."""
        if picture in self.ids:
            return EditHistory(self.ids, self.ids.index(picture))
        ids = (*self.ids[: self.at + 1], picture)[-MOST:]
        return EditHistory(ids, len(ids) - 1)

    def by(self, steps: int) -> "EditHistory":
        """So many steps on, or back below 0, as far as there are any."""
        return EditHistory(self.ids, min(max(self.at + steps, 0), len(self.ids) - 1))

    def value(
        self, shown: StoredPicture | None = None, rounds: Sequence[Round] = (), *, holes: bool = False
    ) -> RoundsView:
        """What the page keeps and draws; `shown` is the present picture where it is in the editor, as it is told.

        `rounds` are the copies that are seen of all of them, and `holes` says whether something is transparent in it.
        """
        return {"ids": list(self.ids), "at": self.at, "shown": shown, "rounds": list(rounds), "holes": holes}
