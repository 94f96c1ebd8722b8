"""The arena: pairs without names, none seen twice, votes that stay, and ratings that find who was better."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from studio.compare.arena import Arena, Vote, _fitted, as_csv, matrix, standings
from studio.compare.store import Cell, Comparisons, Contestant, Line
from studio.errors import InvalidRequest, NotFound, NotWritable
from studio.inputs import InputStore
from studio.storage.database import Database
from tests.drawer import kept
from tests.library.shelf import Shelf
from tests.people import who

ME = who("me")
LINES = [Line(f"prompt {number}", ("even",) if number % 2 == 0 else ()) for number in range(6)]


@pytest.fixture
def arena(tmp_path: Path) -> Arena:
    """Three models, of which two drew the first prompt alike."""
    database = Database.of(tmp_path)
    store = Comparisons(database, tmp_path, InputStore(tmp_path / "inputs", database))
    name = store.create(ME.owner, 1, {})
    store.extend(name, LINES, [Contestant("local", model, model) for model in ("a", "b", "c")])
    cells = [Cell(line, column) for line in range(len(LINES)) for column in range(3)]
    for line, column in (cell.place for cell in cells):
        colour = (line, 1 if (line, column) == (0, 0) else column, 0)
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{line}-{column}.png")
    kept(database, "job", [f"{cell.line}-{cell.column}.png" for cell in cells])
    store.assign(name, "job", cells)
    return Arena(store)


def test_no_picture_is_shown_twice_and_sides_are_drawn(arena: Arena):
    shown: list[Path] = []
    lefts = set()
    while pair := arena.pair(ME):
        assert arena.pair(ME) == pair, "a pair waits for its vote"
        shown += [pair.left, pair.right]
        lefts.add(pair.left.stem[-1])
        vote = arena.vote(ME, pair.id, "left")
        assert vote.left != vote.right
        assert pair.left.stem.split("-")[0] == pair.right.stem.split("-")[0], "of one prompt"
        with pytest.raises(NotFound, match="already has its vote"):
            arena.vote(ME, pair.id, "right")
    assert len(shown) == len(set(shown)) == 12
    assert len(lefts) > 1
    assert {"0-0.png", "0-1.png"} != {path.name for path in shown if path.name.startswith("0-")}, "alike"
    assert len(arena.votes(ME)) == 6
    assert len(arena.votes(ME, "even")) == 3


def test_another_person_has_other_pairs_and_no_part_in_mine(arena: Arena):
    pair = arena.pair(ME)
    assert pair
    assert arena.pair(who("other")) is None
    with pytest.raises(NotFound):
        arena.vote(who("other"), pair.id, "left")
    with pytest.raises(InvalidRequest, match="is not a vote"):
        arena.vote(ME, pair.id, "both")


def test_how_a_vote_ended_is_found_in_the_library_by_its_pictures(tmp_path: Path):
    shelf = Shelf(tmp_path / "home")
    database = Database.of(shelf.settings.home)
    store = Comparisons(database, shelf.folder, InputStore.of(shelf.settings, database))
    name = store.create(ME.owner, 1, {})
    store.extend(name, LINES[:2], [Contestant("local", model, model) for model in ("a", "b")])
    entries = [shelf.save(f"picture {number}", ME) for number in range(4)]
    kept(database, "job", [entry.path.relative_to(shelf.folder).as_posix() for entry in entries if entry.path])
    store.assign(name, "job", [Cell(line, column) for line in range(2) for column in range(2)])
    arena = Arena(store)
    pair = arena.pair(ME)
    assert pair
    arena.vote(ME, pair.id, "right")
    (won,), (lost,) = (shelf.index.search(f"vote:{how}", ME).entries for how in ("won", "lost"))
    assert (won.path, lost.path) == (pair.right, pair.left)
    arena.undo(ME)
    assert not shelf.index.search("vote:won", ME).total
    arena.vote(ME, pair.id, "right")
    shelf.index.reindex()
    pair = arena.pair(ME)
    assert pair
    arena.vote(ME, pair.id, "good")
    assert shelf.index.search("vote:tied", ME).total == 2


def test_the_last_vote_is_taken_back_and_its_pair_waits_again(arena: Arena):
    assert arena.left(ME) == 6
    with pytest.raises(NotFound, match="no vote to undo"):
        arena.undo(ME)
    first = arena.pair(ME)
    assert first
    arena.vote(ME, first.id, "left")
    second = arena.pair(ME)
    assert second
    assert arena.left(ME) == 5
    arena.vote(ME, second.id, "good")
    arena.undo(ME)
    assert arena.pair(ME) == second
    assert [vote.choice for vote in arena.votes(ME)] == ["left"]
    assert arena.left(ME) == 5
    assert arena.vote(ME, second.id, "right").choice == "right"
    with pytest.raises(NotFound):
        arena.undo(who("other"))


def test_a_vote_can_be_neither_changed_nor_removed_once_another_followed(arena: Arena, tmp_path: Path):
    pair = arena.pair(ME)
    assert pair
    arena.vote(ME, pair.id, "bad")
    later = arena.pair(ME)
    assert later
    arena.vote(ME, later.id, "good")
    with pytest.raises(NotWritable, match="a rule"), arena._database.write() as database:
        database.execute("UPDATE votes SET choice = 'left'")
    with pytest.raises(NotWritable, match="a rule"), arena._database.write() as database:
        database.execute("DELETE FROM votes WHERE choice = 'bad'")
    vote, _ = arena.votes(ME)
    assert vote.choice == "bad"
    assert len(as_csv([vote]).splitlines()) == 2


def votes(*told: tuple[str, str, str]) -> list[Vote]:
    return [Vote(0.0, choice, left, right, "p", ()) for left, right, choice in told]  # type: ignore[arg-type]


def test_ratings_order_the_models_and_say_how_sure_they_are():
    few = votes(("a", "b", "left"), ("b", "c", "left"), ("a", "c", "left"))
    found = standings(few * 4)
    assert [one.name for one in found] == ["a", "b", "c"]
    assert all(one.low < one.rating < one.high for one in found)
    assert found[0].high - found[0].low < standings(few)[0].high - standings(few)[0].low
    assert (found[0].wins, found[0].losses, found[0].ties) == (8, 0, 0)
    even = standings(votes(("a", "b", "good"), ("a", "b", "bad")))
    assert even[0].rating == pytest.approx(even[1].rating)
    assert even[0].ties == 2
    assert matrix(few)["a"] == {"b": (1.0, 1), "c": (1.0, 1)}
    assert standings([]) == []


def test_known_strengths_are_found_again_and_lie_within_most_intervals():
    """Against votes that were drawn from the model itself."""
    true = np.array([0.8, 0.2, -0.2, -0.8])
    inside = 0
    for trial in range(20):
        random = Random(trial)
        won = np.zeros((4, 4))
        for _ in range(400):
            one, other = random.sample(range(4), 2)
            better = random.random() < 1 / (1 + np.exp(true[other] - true[one]))
            won[one, other] += better
            won[other, one] += not better
        found, spread = _fitted(won)
        inside += int((np.abs(found - true) < 1.96 * spread).sum())
    assert inside >= 70, f"{inside} of 80 lie within their 95 % interval"
