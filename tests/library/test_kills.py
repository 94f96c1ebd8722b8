"""A library whose studio is killed at any moment of generating, importing, deleting and rebuilding: it heals."""

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import InUse
from studio.events import Finished
from studio.library.scan import INPUTS
from studio.recipe import Recipe
from studio.settings import Settings
from studio.storage.database import Database
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.library.shelf import ANN

ROOT = Path(__file__).resolve().parents[2]
# A studio is killed within so many seconds after it began to work.
LATEST = 1.0
VICTIM = """
import sys
from pathlib import Path
from tests.library.test_kills import open_studio, work
studio = open_studio(Path(sys.argv[1]))
print("begun", flush=True)
while True:
    work(studio, Path(sys.argv[2]))
"""


def open_studio(home: Path) -> Studio:
    return Studio(Settings.load(home=home), backend=Drawer())


def work(studio: Studio, foreign: Path) -> None:
    """Generate, import, say something, delete and rebuild; of each what is done is told, of a deletion before it."""
    job = studio.submit(Recipe(prompt="made", count=3, width=64, height=64, steps=1), ANN)
    for event in job.follow():
        if isinstance(event, Finished):
            tell("made", event.path)
    for number in range(2):
        picture = foreign / f"{random.getrandbits(64):x}-{number}.png"
        Image.frombytes("L", (16, 16), random.randbytes(256)).convert("RGB").save(picture)
        for one in studio.index.importer.bring([picture], ANN).added:
            tell("imported", studio.index.entry(one, ANN).path)
    entries = studio.index.search("-star:yes", ANN, count=8).entries
    kept, gone = entries[:1], entries[4:]
    studio.index.marks.star([entry.id for entry in kept], ANN)
    for entry in kept:
        tell("starred", entry.path)
    for entry in gone:
        tell("deleted", entry.path)
    studio.index.marks.bin([entry.id for entry in gone], ANN)
    studio.index.marks.empty_bin(ANN)
    studio.index.reindex()


def tell(what: str, path: Path | None) -> None:
    sys.stdout.write(f"{what} {path}\n")
    sys.stdout.flush()


def killed(home: Path, foreign: Path, seconds: float) -> list[tuple[str, Path]]:
    """What a studio told until it was killed."""
    command = [python(), "-c", VICTIM, str(home), str(foreign)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout
        assert victim.stdout.readline() == "begun\n"
        with pytest.raises(subprocess.TimeoutExpired):
            victim.wait(seconds)
        victim.send_signal(signal.SIGKILL)
        lines = [line.strip().split(" ", 1) for line in victim.stdout if line.endswith("\n")]
    return [(what, Path(path)) for what, path in lines]


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
def test_kills_lose_no_picture_tear_no_file_and_the_index_heals(
    tmp_path: Path, kills: int, record_property: Callable[[str, object], None]
):
    home, foreign, moments = tmp_path / "home", tmp_path / "foreign", random.Random(kills)
    foreign.mkdir()
    told = [one for _ in range(kills) for one in killed(home, foreign, moments.uniform(0, LATEST))]
    of = {what: {path for one, path in told if one == what} for what in ("made", "imported", "starred", "deleted")}
    with open_studio(home) as studio:
        for job in studio.jobs.unfinished():
            list(job.follow())
        studio.index.look()
        folder = studio.library.folder
        there = {path for path in folder.rglob("*.*") if path.is_file() and folder / INPUTS not in path.parents}
        shown = studio.index.ids("", ANN)
        entries = [studio.index.entry(one, ANN) for one in shown]
        binned = studio.index.search("bin:yes", ANN, count=500).entries
        again = studio.index.reindex()
        stars = {entry.path for entry in studio.index.search("star:yes", ANN, count=500).entries}
    # Nothing that was told is lost, but for what was being deleted; nothing lies there that is not whole and found.
    assert (of["made"] | of["imported"]) - of["deleted"] <= there
    assert {entry.path for entry in (*entries, *binned)} == there
    assert (again.added, again.removed, again.faults) == (0, 0, {})
    assert of["starred"] - of["deleted"] <= stars
    for path in there:
        with Image.open(path) as image:
            image.load()
    with Database.of(home).read() as rows:
        assert rows.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        counts = Counter(number for (number,) in rows.execute("SELECT rowid FROM picture_words"))
        numbers = {number for (number,) in rows.execute("SELECT number FROM pictures")}
    assert counts.keys() == numbers
    assert of["made"]
    record_property("killed", f"{kills} times; told: { {what: len(paths) for what, paths in of.items()} }")


def test_a_second_studio_says_so_and_changes_nothing(tmp_path: Path):
    with open_studio(tmp_path / "home") as studio:
        list(studio.submit(Recipe(prompt="made", width=64, height=64, steps=1), ANN).follow())
        before = {path: path.read_bytes() for path in studio.library.folder.rglob("*.png")}
        with pytest.raises(InUse, match="Another studio is running on this data folder"):
            open_studio(tmp_path / "home")
        assert {path: path.read_bytes() for path in studio.library.folder.rglob("*.png")} == before
        list(studio.submit(Recipe(prompt="made", width=64, height=64, steps=1), ANN).follow())
        assert studio.index.search("made", ANN).total == 2
