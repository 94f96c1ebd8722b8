"""A studio that is killed at any moment, with jobs of several kinds under way: nothing is lost, made twice or torn."""

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.compare.making import Compare
from studio.compare.store import Line
from studio.events import Finished
from studio.grids.axes import Axis
from studio.grids.making import Grids, plan
from studio.jobs import outcomes
from studio.jobs.lane import SIDE_BY_SIDE
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.headers import write_home
from tests.hosted.service import KEY, Service, serving
from tests.people import who

MODEL, HOSTED = "tiny-starter", "openai:dall-e-3"
ROOT = Path(__file__).resolve().parents[2]
OWNERS = ("ann", "bob")
# A studio is killed within so many seconds after it began to work.
LATEST = 0.5
# A slow machine may be killed three times at the same picture, which is not given up here.
PATIENT = 1000
ENDS = """SELECT jobs.message, jobs.state, (SELECT COUNT(*) FROM events WHERE job = jobs.id AND item IS NULL
    AND kind IN ('done', 'stopped', 'failed')) FROM jobs"""

ITEMS = "SELECT job, number FROM items WHERE lane = ?"

VICTIM = """
import sys
from pathlib import Path
import openai
from studio.jobs import outcomes
from tests.jobs.test_kills import PATIENT, fill, open_studio, tell

outcomes.ATTEMPTS = PATIENT
studio = open_studio(Path(sys.argv[1]))
print("begun", flush=True)
while True:
    fill(studio)
    tell(studio)
"""


def open_studio(home: Path) -> Studio:
    return Studio(Settings.load(home=home, model=MODEL), backend=Drawer())


def fill(studio: Studio) -> None:
    """For each owner without any, a job of each kind, of models of this machine and hosted ones."""
    compare = Compare(studio)
    for owner in set(OWNERS) - {job.owner for job in studio.jobs.unfinished()}:
        base = Recipe(prompt=f"a house of {owner}", steps=3, width=64, height=64, seed=1)
        studio.submit(base.replace(count=4), who(owner))
        studio.candidates.begin([base.replace(count=4)], who(owner))
        studio.candidates.begin([Recipe(prompt="candidates", model=HOSTED, count=2)], who(owner))
        Grids(studio).begin(plan(studio, base, [Axis.parse("seed=1-6"), Axis.parse("steps=1,2")]), who(owner))
        models = [Axis.parse(f"model={MODEL},{HOSTED}")]
        Grids(studio).begin(plan(studio, base.replace(width=None, height=None), models), who(owner))
        columns = [compare.column(name, who(owner)) for name in (f"{MODEL}?steps=1&width=64&height=64", HOSTED)]
        name = compare.create(who(owner), [Line(f"a house {number}") for number in range(3)], columns)
        compare.start(name, who(owner))


def tell(studio: Studio) -> None:
    """Say of each picture where it is, when it is told as finished."""
    for job in studio.jobs.unfinished():
        for event in job.follow():
            if isinstance(event, Finished):
                sys.stdout.write(f"{event.path}\n")
                sys.stdout.flush()


def killed(home: Path, seconds: float, *, after_one: bool) -> set[Path]:
    """The pictures that a studio told as finished until it was killed, so long after it began, or after the first."""
    command = [python(), "-c", VICTIM, str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout
        assert victim.stdout.readline() == "begun\n"
        told = [victim.stdout.readline()] if after_one else []
        with pytest.raises(subprocess.TimeoutExpired):
            victim.wait(seconds)
        victim.send_signal(signal.SIGKILL)
        return {Path(line.strip()) for line in (*told, *victim.stdout) if line.endswith("\n")}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service is OpenAI, for the studios that are killed, too."""
    service = Service()
    with serving(service):
        monkeypatch.setenv("OPENAI_BASE_URL", service.address)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield service


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.soak)])
def test_kills_lose_nothing_make_nothing_twice_and_tear_nothing(
    tmp_path: Path, service: Service, kills: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outcomes, "ATTEMPTS", PATIENT)
    home, moments = write_home(tmp_path / "home", MODEL), random.Random(kills)
    with open_studio(home) as studio:
        fill(studio)
    # However slow the machine is, one of them has something to lose.
    finished = set().union(*(killed(home, moments.uniform(0, LATEST), after_one=n == 1) for n in range(kills)))
    with open_studio(home) as studio:
        for job in studio.jobs.unfinished():
            list(job.follow())
        made = set(studio.library.folder.rglob("*.png"))
        with studio.database.read() as rows:
            ends = rows.execute(ENDS).fetchall()
            paths = {
                studio.library.folder / path
                for (path,) in rows.execute("SELECT path FROM items WHERE path IS NOT NULL")
            }
            hosted = {f"{job}-{item}-0" for job, item in rows.execute(ITEMS, (HOSTED,))}
            kinds = {kind for (kind,) in rows.execute("SELECT DISTINCT kind FROM jobs")}
        compare = Compare(studio)
        cells = [cell for owner in OWNERS for one in compare.store.of(owner) for cell in one.cells]
    assert finished
    assert finished <= made
    # A name is the time, and what is only this item's of this job.
    assert len({path.name.split("-", 1)[1] for path in made}) == len(made)
    assert paths <= made
    for path in made:
        assert own.read(path)
        with Image.open(path) as image:
            image.load()
    assert [tuple(end) for end in ends] == [("", "done", 1)] * len(ends)
    assert kinds == {"images", "candidates", "grid", "comparison"}
    # Killed between the comparison and its job, which nobody was told of, nothing of it was asked for.
    assert {cell.state for cell in cells if cell.job} == {"done"}
    asked = Counter(one.headers["idempotency-key"] for one in service.asked)
    # By one name each, by which a service knows what it was paid for; once more only where a kill cut off the answer.
    assert set(asked) == hosted
    assert sum(asked.values()) - len(asked) <= kills * SIDE_BY_SIDE
