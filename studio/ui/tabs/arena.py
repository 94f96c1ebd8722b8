"""Arena: which of two pictures is better, without their names; and what all votes say of the models."""

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import NotRequired

from PIL import Image
from typing_extensions import TypedDict

from studio.compare.arena import Arena, as_csv, matrix, standings
from studio.compare.store import Comparisons
from studio.gate.identity import Identity
from studio.library import as_listed
from studio.ui.events import LISTENER, Act, Name, Nothing, served
from studio.ui.form import Updates
from studio.ui.island import Island
from studio.ui.schemas.arena import ArenaPair, ArenaTable, ArenaVote, EncodedFile, NoPair
from studio.ui.tabs.base import Panel, Tab, TabContext

# The longer side of both pictures: where one is larger, that would tell whose it is.
SIDE = 1024


class Voting(TypedDict):
    """Which picture of a pair is better."""

    pair: Name
    choice: Name


class Tagged(TypedDict):
    """A tag."""

    tag: NotRequired[Name | None]


class ArenaTab(Tab):
    """The tab; its pairs come from what was compared."""

    label = "Arena"
    order = 75
    group = "Choose"

    def build(self, context: TabContext) -> Panel:
        return ArenaPanel(context)


class ArenaPanel(Panel):
    """One person's votes."""

    def __init__(self, context: TabContext) -> None:
        studio = context.studio
        self.arena = Arena(Comparisons(studio.database, studio.library.folder, studio.inputs))
        acts: Mapping[str, Act] = {
            "pair": self._pair,
            "vote": self._vote,
            "undo": self._undo,
            "table": self._table,
            "votes": self._votes,
        }
        widget = Island(
            "arena",
            '<section class="arena" aria-label="Arena"></section>',
            module="arena_tab",
            events=("arrive",),
            acts=served(acts, looks=["pair", "table", "votes"]),
        )
        self.widget = widget
        widget.arrive(self._arrive, None, [widget], api_visibility="private", **LISTENER)

    def _arrive(self) -> Updates:
        """The page can ask from now on."""
        return {self.widget: {"arrived": True}}

    def _pair(self, event: Nothing, who: Identity) -> ArenaPair | NoPair:
        """The next pair, without anything that tells whose a picture is: no name, no file, no recipe in it."""
        del event
        pair = self.arena.pair(who)
        count = len(self.arena.votes(who))
        if pair is None:
            return {"pair": None, "count": count}
        return {
            "pair": pair.id,
            "prompt": pair.prompt,
            "left": _bare(pair.left),
            "right": _bare(pair.right),
            "count": count,
            "left_over": self.arena.left(who),
        }

    def _undo(self, event: Nothing, who: Identity) -> ArenaPair | NoPair:
        """Take the last vote back; its pair is to be judged again."""
        self.arena.undo(who)
        return self._pair(event, who)

    def _vote(self, event: Voting, who: Identity) -> ArenaVote:
        """Cast a vote; only the answer names the models."""
        vote = self.arena.vote(who, event["pair"], event["choice"])
        return {"left": vote.left, "right": vote.right, "choice": vote.choice}

    def _table(self, event: Tagged, who: Identity) -> ArenaTable:
        """Ratings with their intervals, and who won against whom; of one tag where it is given."""
        tag = event.get("tag") or ""
        votes = self.arena.votes(who, tag)
        tags = sorted({one for vote in self.arena.votes(who) for one in vote.tags})
        return {
            "tags": tags,
            "count": len(votes),
            "standings": standings(votes),
            "matrix": {
                one: {other: list(counts) for other, counts in row.items()} for one, row in matrix(votes).items()
            },
        }

    def _votes(self, event: Nothing, who: Identity) -> EncodedFile:
        """Every vote, to be saved by the browser."""
        del event
        data = as_csv(self.arena.votes(who)).encode()
        return {"name": "votes.csv", "data": b64encode(data).decode()}


def _bare(path: Path) -> str:
    """The pixels alone, as a data address, all of one format and one size."""
    with Image.open(path) as image:
        picture = as_listed(image.convert("RGB"), path)
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    buffer = BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=92, subsampling=0)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"


TAB = ArenaTab()
