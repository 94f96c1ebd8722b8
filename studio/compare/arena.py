"""A blind arena: two pictures of one prompt without their names, a vote, and what all votes say of the models.

Pairs come from stored comparisons. Nobody sees a picture twice, so that none is known again; only the last vote can be
taken back.
"""

import csv
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import combinations, groupby
from math import log
from pathlib import Path
from random import Random
from sqlite3 import Row
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from studio.compare.store import Cell, Comparison, Comparisons
from studio.errors import InvalidRequest, NotFound, Unreadable
from studio.gate.identity import Identity, check_creates
from studio.library.rows import add_vote, remove_vote
from studio.storage.connections import parsed

Choice = Literal["left", "right", "good", "bad"]

# Ratings as chess players know them: ten times the chance is 400 points.
CENTRE = 1000.0
POINTS = 400 / log(10)
# How strongly ratings hold together before there are votes; without it, who won every time would be endlessly good.
PRIOR = 0.1
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Pair:
    """Two pictures of one prompt; which model made them is not among what is told."""

    id: str
    prompt: str
    left: Path
    right: Path


@dataclass(frozen=True)
class Vote:
    """What was chosen of a pair: the better side, or that both are equally good or bad."""

    cast: float
    choice: Choice
    left: str
    right: str
    prompt: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What the votes say of a model: its rating between the ends of a 95 % interval, and how it came to it."""

    name: str
    rating: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int


class Arena:
    """The pairs and votes over these comparisons, in the same database."""

    def __init__(self, comparisons: Comparisons) -> None:
        self._database = comparisons.database
        self._comparisons = comparisons

    def pair(self, who: Identity) -> Pair | None:
        """The pair that waits for the vote of who asks, or a new one; None where no two unseen pictures are left."""
        whole = {comparison.id: comparison for comparison in self._comparisons.of(who.owner)}
        cast, images = self.votes(who), self._comparisons.images
        with self._database.write() as database:
            rows = database.execute("SELECT * FROM pairs WHERE owner = ? ORDER BY number", (who.owner,)).fetchall()
            voted = {pair for (pair,) in database.execute("SELECT pair FROM votes WHERE owner = ?", (who.owner,))}
            for row in rows:
                comparison = whole.get(row["comparison"])
                if row["id"] in voted or comparison is None or not _fits(row, comparison):
                    continue
                pictures = images / row["left_path"], images / row["right_path"]
                if all(path.is_file() for path in pictures):
                    return Pair(row["id"], comparison.lines[row["line"]].prompt, *pictures)
            kept = [row[side] for row in rows for side in ("left_path", "right_path")]
            seen = {str(images / path) for path in kept if isinstance(path, str)}
            random = Random(f"{who.owner}/{len(rows)}")  # noqa: S311
            chosen = _chosen(list(_open_pairs(whole.values(), seen)), cast, random)
            if chosen is None:
                return None
            comparison, left, right = chosen
            name, paths = secrets.token_urlsafe(9), [self._comparisons.kept(cell.path) for cell in (left, right)]
            database.execute(
                "INSERT INTO pairs (id, owner, comparison, line, left_column, right_column, left_path, right_path) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (name, who.owner, comparison.id, left.line, left.column, right.column, *paths),
            )
        return Pair(name, comparison.lines[left.line].prompt, Path(left.path), Path(right.path))

    def vote(self, who: Identity, pair: str, choice: str) -> Vote:
        """Cast a vote, which tells who made the pictures; NotFound where there is no such pair, or it has one."""
        check_creates(who)
        if choice not in get_args(Choice):
            raise InvalidRequest(f"“{choice}” is not a vote.", f"Give one of {', '.join(get_args(Choice))}.")
        with self._database.write() as database:
            query = "SELECT * FROM pairs WHERE owner = ? AND id = ? AND id NOT IN (SELECT pair FROM votes)"
            row = database.execute(query, (who.owner, pair)).fetchone()
            if row is None:
                raise NotFound("This pair does not exist, or already has its vote.", "Continue with the next one.")
            comparison = self._comparisons.get(row["comparison"], who.owner)
            if not _fits(row, comparison):
                raise Unreadable("This pair cannot be read.", "Continue with the next one.")
            line = comparison.lines[row["line"]]
            left, right = (comparison.columns[row[f"{side}_column"]].contestant for side in ("left", "right"))
            cast = Vote(time.time(), choice, left, right, line.prompt, line.tags)  # type: ignore[arg-type]
            database.execute(
                "INSERT INTO votes (pair, owner, time, choice, left_name, right_name, prompt, tags) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (pair, who.owner, cast.cast, choice, left, right, line.prompt, json.dumps(line.tags)),
            )
            add_vote(database, row["left_path"], _share(cast.choice))
            add_vote(database, row["right_path"], 1 - _share(cast.choice))
        return cast

    def undo(self, who: Identity) -> None:
        """Take back the last vote of who asks, whose pair waits for its vote again; NotFound where there is none."""
        with self._database.write() as database:
            query = (
                "SELECT votes.number, left_path, right_path FROM votes JOIN pairs ON pairs.id = votes.pair "
                "WHERE votes.owner = ? ORDER BY votes.number DESC LIMIT 1"
            )
            row = database.execute(query, (who.owner,)).fetchone()
            if row is None:
                raise NotFound("There is no vote to undo.", "Vote on a pair first.")
            database.execute("DELETE FROM votes WHERE number = ?", (row["number"],))
            for side in ("left_path", "right_path"):
                remove_vote(database, row[side])

    def left(self, who: Identity) -> int:
        """How many pairs are still to be judged by who asks, the one that waits for its vote among them."""
        with self._database.read() as database:
            query = "SELECT left_path, right_path FROM pairs WHERE owner = ? AND id IN (SELECT pair FROM votes)"
            rows = database.execute(query, (who.owner,)).fetchall()
        seen = {str(self._comparisons.images / path) for row in rows for path in row if isinstance(path, str)}
        return sum(_most_pairs(comparison, seen) for comparison in self._comparisons.of(who.owner))

    def votes(self, who: Identity, tag: str = "") -> list[Vote]:
        """The votes of who asks, oldest first; of prompts with this tag where one is given."""
        with self._database.read() as database:
            query = (
                "SELECT time, choice, left_name, right_name, prompt, tags FROM votes WHERE owner = ? ORDER BY number"
            )
            rows = database.execute(query, (who.owner,)).fetchall()
        found = [
            Vote(at, choice, one, other, prompt, tuple(map(str, parsed(tags, []))))
            for at, choice, one, other, prompt, tags in rows
            if isinstance(at, float)
            and choice in get_args(Choice)
            and all(isinstance(text, str) for text in (one, other, prompt))
        ]
        return [vote for vote in found if not tag or tag in vote.tags]


def _fits(row: Row, comparison: Comparison) -> bool:
    """Whether a pair's row names pictures, and places that the comparison has."""
    columns = range(len(comparison.columns))
    return (
        row["line"] in range(len(comparison.lines))
        and row["left_column"] in columns
        and row["right_column"] in columns
        and all(isinstance(row[path], str) for path in ("left_path", "right_path"))
    )


def standings(votes: Sequence[Vote]) -> list[Standing]:
    """Bradley-Terry ratings of all that were voted on, the best first. A tie is half a win for each side.

    The intervals are those of the likelihood's curvature at its top.
    """
    names = sorted({name for vote in votes for name in (vote.left, vote.right)})
    if not names:
        return []
    won = np.zeros((len(names), len(names)))
    for vote in votes:
        left, right = names.index(vote.left), names.index(vote.right)
        won[left, right] += _share(vote.choice)
        won[right, left] += 1 - _share(vote.choice)
    strengths, spread = _fitted(won)
    found = [
        Standing(
            name,
            CENTRE + POINTS * strength,
            CENTRE + POINTS * (strength - NORMAL_95 * width),
            CENTRE + POINTS * (strength + NORMAL_95 * width),
            *_counts(votes, name),
        )
        for name, strength, width in zip(names, strengths, spread, strict=True)
    ]
    return sorted(found, key=lambda standing: -standing.rating)


def matrix(votes: Sequence[Vote]) -> dict[str, dict[str, tuple[float, int]]]:
    """For each model against each other: wins, with half for a tie, and of how many votes."""
    table: dict[str, dict[str, tuple[float, int]]] = {}
    for vote in votes:
        share = _share(vote.choice)
        for one, other, own in ((vote.left, vote.right, share), (vote.right, vote.left, 1 - share)):
            wins, count = table.setdefault(one, {}).get(other, (0.0, 0))
            table[one][other] = (wins + own, count + 1)
    return table


def as_csv(votes: Sequence[Vote]) -> str:
    """Every vote on a line."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(("cast", "choice", "left", "right", "prompt", "tags"))
    writer.writerows(
        (vote.cast, vote.choice, vote.left, vote.right, vote.prompt, ", ".join(vote.tags)) for vote in votes
    )
    return text.getvalue()


Candidate = tuple[Comparison, Cell, Cell]


def _open_pairs(comparisons: Iterable[Comparison], seen: set[str]) -> Iterator[Candidate]:
    """Two unseen pictures of one prompt by different models."""
    for comparison in comparisons:
        fresh = [cell for cell in comparison.cells if cell.state == "done" and cell.path not in seen]
        for one, other in combinations(fresh, 2):
            names = [comparison.columns[cell.column].contestant for cell in (one, other)]
            if one.line == other.line and names[0] != names[1]:
                yield comparison, one, other


def _most_pairs(comparison: Comparison, seen: set[str]) -> int:
    """How many pairs of unseen pictures by different models there are at most, each picture in one of them."""
    fresh = [cell for cell in comparison.cells if cell.state == "done" and cell.path not in seen]
    most = 0
    for _, cells in groupby(sorted(fresh, key=lambda cell: cell.line), key=lambda cell: cell.line):
        names = [comparison.columns[cell.column].contestant for cell in cells]
        most += min(len(names) // 2, len(names) - max(map(names.count, names)))
    return most


def _chosen(candidates: Sequence[Candidate], votes: Sequence[Vote], random: Random) -> Candidate | None:
    """One of those whose models were held against each other the least, which are not the same pixels; random sides."""
    met, left = matrix(votes), list(candidates)
    random.shuffle(left)
    for comparison, *cells in sorted(left, key=lambda candidate: _met(met, candidate)):
        if _differ(*cells):
            random.shuffle(cells)
            return comparison, cells[0], cells[1]
    return None


def _differ(one: Cell, other: Cell) -> bool:
    """Whether both pictures are there, with other pixels."""
    try:
        return one.digest != other.digest
    except OSError:
        return False


def _met(met: Mapping[str, Mapping[str, tuple[float, int]]], candidate: Candidate) -> int:
    comparison, one, other = candidate
    first, second = (comparison.columns[cell.column].contestant for cell in (one, other))
    return met.get(first, {}).get(second, (0.0, 0))[1]


def _share(choice: Choice) -> float:
    """What of the point the left side gets."""
    return {"left": 1.0, "right": 0.0}.get(choice, 0.5)


def _counts(votes: Sequence[Vote], name: str) -> tuple[int, int, int]:
    """Wins, losses and ties."""
    shares = [_share(vote.choice) for vote in votes if vote.left == name]
    shares += [1 - _share(vote.choice) for vote in votes if vote.right == name]
    return shares.count(1.0), shares.count(0.0), shares.count(0.5)


def _fitted(won: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The strengths (n,) that the wins (n, n) are likeliest by, and the standard deviation of each."""
    from scipy.optimize import minimize

    count = len(won)
    met = won + won.T

    def loss(strengths: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        apart = strengths[:, None] - strengths[None, :]
        chances = 1 / (1 + np.exp(-apart))
        value = -float(np.sum(won * np.log(chances))) + PRIOR / 2 * float(strengths @ strengths)
        return value, (met * chances - won).sum(axis=1) + PRIOR * strengths

    strengths = minimize(loss, np.zeros(count), jac=True, method="BFGS").x
    chances = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    curves = met * chances * (1 - chances)
    curvature = np.diag(curves.sum(axis=1)) - curves + PRIOR * np.eye(count)
    # Only what they are apart counts: that all could be better together is no uncertainty of ours.
    apart = np.eye(count) - 1 / count
    return strengths, np.sqrt(np.diag(apart @ np.linalg.inv(curvature) @ apart))
