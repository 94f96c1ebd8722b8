"""Grids: what is made in which order, what a crash, a stop or a bad cell leaves, and that nothing is made twice."""

import secrets
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from studio.backends.base import NOBODYS, Rendered, Report, Turn, Wanted, always
from studio.errors import DiskFull, InvalidRecipe, NotFound, OutOfMemory
from studio.events import Finished
from studio.grids.axes import Axis
from studio.grids.making import LISTED, GridJob, Grids, plan
from studio.grids.store import Cell, Grid, insert
from studio.jobs.register import KEPT
from studio.recipe import Recipe
from studio.settings import Settings
from studio.storage.database import Database
from studio.studio import Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.headers import write_model
from tests.people import who

MODELS = ("tiny-starter", "tiny-sd15", "tiny-sdxl")
ROOT = Path(__file__).resolve().parents[2]
BASE = Recipe(prompt="a red house", seed=1, steps=1, width=64, height=64)


class Loader(Drawer):
    """Holds one model at a time, as a small card does, and counts how often it loads."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.loads: list[str] = []
        self.jobs: list[int] = []

    def generate(
        self, recipes: Sequence[Recipe], report: Report, wanted: Wanted = always, turn: Turn = NOBODYS
    ) -> Iterator[Rendered]:
        self.jobs.append(len(recipes))
        for recipe in recipes:
            if self.loads[-1:] != [recipe.model]:
                self.loads.append(str(recipe.model))
        yield from super().generate(recipes, report, wanted, turn)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in MODELS:
        write_model(tmp_path / "home" / "models" / name, name.removeprefix("tiny-"))
    return tmp_path / "home"


NewStudio = Callable[..., Studio]


@pytest.fixture
def new_studio(home: Path) -> Iterator[NewStudio]:
    studios: list[Studio] = []

    def make(drawer: Drawer | None = None, **more: Any) -> Studio:
        settings = Settings.load(home=home, model=MODELS[0], **more)
        studios.append(Studio(settings, backend=drawer or Loader()))
        return studios[-1]

    yield make
    for studio in studios:
        studio.close()


@pytest.fixture
def studio(new_studio: NewStudio) -> Studio:
    return new_studio()


def planned(studio: Studio, *axes: str, base: Recipe = BASE) -> Grid:
    return plan(studio, base, [Axis.parse(axis) for axis in axes])


def made(studio: Studio, *axes: str, base: Recipe = BASE) -> Grid:
    return ended(Grids(studio).begin(planned(studio, *axes, base=base), who("ann")))


def ended(begun: GridJob) -> Grid:
    """The grid when its job is over."""
    deque(begun.job.follow(), maxlen=0)
    return begun.grid


def wait_for(begun: GridJob, count: int) -> None:
    """Return when so many pictures are made."""
    pictures = (event for event in begun.job.follow() if isinstance(event, Finished))
    deque(islice(pictures, count), maxlen=0)


def recipe_of(studio: Studio, cell: Cell) -> Recipe:
    return studio.library.read(studio.library.folder / cell.path)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_model_is_loaded_once_for_each_value_on_whatever_axis_it_is(studio: Studio, at: int):
    axes = ["seed=1-5", "prompt:red=red,green,blue"]
    axes.insert(at, f"model={','.join(MODELS)}")
    grid = made(studio, *axes, base=BASE.replace(scheduler=None))
    assert grid.state == "done"
    assert studio.backend.loads == list(MODELS)
    assert all(cell.path for cell in grid.cells)
    assert len(studio.backend.drawn) == 45


def test_a_dearer_setting_varies_slower(studio: Studio):
    grid = planned(studio, "seed=1,2", "size=64x64,128x64", "prompt:red=red,blue")
    in_order = sorted(grid.cells, key=lambda cell: cell.item or 0)
    assert [cell.at for cell in in_order] == [(x, y, z) for y in (0, 1) for z in (0, 1) for x in (0, 1)]


def test_each_cell_is_a_picture_of_the_library_with_its_own_recipe(studio: Studio):
    grid = made(studio, "steps=1,2", "prompt:red=red,green", base=BASE.replace(seed=None))
    assert grid.size == (2, 2, 1)
    seeds = {recipe_of(studio, cell).seed for cell in grid.cells}
    assert len(seeds) == 1
    for cell in grid.cells:
        recipe = recipe_of(studio, cell)
        x, y, _ = cell.at
        assert (recipe.steps, recipe.prompt) == ((1, 2)[x], f"a {('red', 'green')[y]} house")
    assert grid.steps == 6


def test_variations_keep_one_seed_for_all_cells(studio: Studio):
    grid = planned(studio, "variation_strength=0,0.5,1", "variation_seed=8,9", base=BASE.replace(seed=None))
    told = [(cell.recipe.seed, cell.recipe.variation.seed) for cell in grid.cells if cell.recipe]
    assert {seed for seed, _ in told} == {grid.base.seed}
    assert [variation for _, variation in told] == [8] * 3 + [9] * 3


def test_a_value_that_cannot_be_is_told_in_its_cells_before_anything_runs(studio: Studio):
    grid = planned(studio, "scheduler=Euler,Eular,DDIM", "steps=1,2")
    assert studio.jobs_of(who("ann")) == []
    faults = {cell.at[0] for cell in grid.cells if cell.error}
    assert faults == {1}
    assert "Did you mean Euler" in grid.at(1).error
    grid = ended(Grids(studio).begin(grid, who("ann")))
    assert [bool(cell.path) for cell in grid.cells] == [True, False, True] * 2
    assert grid.state == "done"


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        (["scheduler=Eular,Ddimm"], "Did you mean Euler"),
        (["steps=1,2", "steps=3,4"], "same setting"),
        (["seed=1-257"], "257 pictures; one grid may have 256"),
        ([], "one to three axes"),
        (["seed=1", "steps=1", "width=64", "height=64"], "one to three axes, not 4"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_whole(studio: Studio, axes: list[str], says: str):
    with pytest.raises(InvalidRecipe, match=says):
        planned(studio, *axes)


def test_a_cell_that_breaks_tells_why_and_the_others_go_on(new_studio: NewStudio):
    fault = OutOfMemory("Out of paint.", "Try less.")
    studio = new_studio(Loader(faults={"a green house": fault}))
    grid = made(studio, "prompt:red=red,green,blue", "seed=1,2")
    errors = {cell.at: cell.error for cell in grid.cells if cell.error}
    assert errors == {(1, 0, 0): "Out of paint. Try less.", (1, 1, 0): "Out of paint. Try less."}
    assert sorted(studio.backend.drawn) == sorted(
        f"a {word} house/{seed}" for word in ("red", "blue") for seed in (1, 2)
    )
    assert grid.state == "done"
    studio.backend.faults.clear()
    grid = ended(Grids(studio).resume(grid.id, who("ann")))
    assert not any(cell.error for cell in grid.cells)
    assert len(studio.backend.drawn) == 6


def test_a_full_disk_stops_a_grid_and_says_so_once(new_studio: NewStudio):
    studio = new_studio(Loader(faults={"a green house": DiskFull("The disk is full.", "Make room.")}))
    grid = made(studio, "prompt:red=red,green,blue,grey")
    assert (grid.state, grid.fault) == ("stopped", "The disk is full. Make room.")
    assert studio.backend.drawn == ["a red house/1"]


def test_a_64_cell_grid_lets_a_neighbours_single_picture_in(new_studio: NewStudio):
    drawer = Loader(gated=True)
    studio = new_studio(drawer, max_images=4)
    grid = Grids(studio).begin(planned(studio, "seed=1-64"), who("ann"))
    drawer.allow(1)
    wait_for(grid, 1)
    single = studio.submit(BASE.replace(prompt="a neighbour"), who("bob"))
    drawer.allow(2)
    deque(single.follow(), maxlen=0)
    assert len(grid.job.results) <= 2
    drawer.allow(64)
    assert sum(bool(cell.path) for cell in ended(grid).cells) == 64


def test_the_jobs_of_grids_are_kept_as_long_as_their_grids(studio: Studio):
    grid = made(studio, "seed=1,2")
    for _ in range(KEPT + 1):
        deque(studio.submit(BASE, who("ann")).follow(), maxlen=0)
    assert grid.id not in {job.id for job in studio.jobs_of(who("ann"))}
    assert Grids(studio).get(grid.id, who("ann")).grid == grid
    Grids(studio).remove(grid.id, who("ann"))
    with pytest.raises(NotFound):
        studio.job(grid.id, who("ann"))


def test_what_is_stopped_is_kept_and_can_be_resumed(new_studio: NewStudio):
    drawer = Loader(gated=True)
    studio = new_studio(drawer)
    grids = Grids(studio)
    begun = grids.begin(planned(studio, "seed=1-6"), who("ann"))
    drawer.allow(2)
    wait_for(begun, 2)
    grids.stop(begun.job.id, who("ann"))
    drawer.allow(1)
    grid = ended(begun)
    assert grid.state == "stopped"
    there = [cell.path for cell in grid.cells if cell.path]
    assert 2 <= len(there) < 6
    drawer.allow(6)
    grid = ended(grids.resume(grid.id, who("ann")))
    assert grid.state == "done"
    assert [cell.path for cell in grid.cells][: len(there)] == there
    assert sorted(drawer.drawn) == [f"a red house/{seed}" for seed in range(1, 7)]


def test_a_paused_grid_goes_on_when_it_is_resumed(new_studio: NewStudio):
    drawer = Loader(gated=True)
    studio = new_studio(drawer)
    begun = Grids(studio).begin(planned(studio, "seed=1-3"), who("ann"))
    studio.jobs.pause(begun.job.id, who("ann"))
    drawer.allow(3)
    assert begun.grid.state == "running"
    assert ended(Grids(studio).resume(begun.job.id, who("ann"))).state == "done"


def test_an_unfinished_grid_goes_on_after_a_restart_with_no_page_opened(new_studio: NewStudio):
    drawer = Loader(gated=True)
    studio = new_studio(drawer)
    begun = Grids(studio).begin(planned(studio, "seed=1-3"), who("ann"))
    drawer.allow(1)
    wait_for(begun, 1)
    drawer.allow(1)
    studio.close()

    studio = new_studio()
    deque(studio.job(begun.job.id, who("ann")).follow(), maxlen=0)
    # What was in hand as the first studio closed may have been drawn, and is drawn again where it was not stored.
    assert {*drawer.drawn, *studio.backend.drawn} == {f"a red house/{seed}" for seed in (1, 2, 3)}
    assert "a red house/1" not in studio.backend.drawn
    (taken,) = Grids(studio).of(who("ann"))
    assert taken.grid.state == "done"


def test_nobody_sees_the_grids_of_others(studio: Studio):
    grid = made(studio, "seed=1,2")
    grids = Grids(studio)
    assert [one.grid for one in grids.of(who("ann"))] == [grid]
    assert grids.of(who("bob")) == []
    for name in (grid.id, "../jobs", "nothing"):
        with pytest.raises(NotFound, match="no such grid"):
            grids.get(name, who("bob"))


def test_a_grid_that_is_forgotten_leaves_its_pictures(studio: Studio):
    grids = Grids(studio)
    grid = made(studio, "seed=1,2")
    grids.export(grid, grids.sheets / f"{grid.id}.html", "html")
    grids.remove(grid.id, who("ann"))
    assert not list(grids.sheets.iterdir())
    assert grids.of(who("ann")) == []
    assert all((studio.library.folder / cell.path).exists() for cell in grid.cells)


def test_a_picture_that_is_gone_is_told_in_its_cell(new_studio: NewStudio):
    studio = new_studio()
    grid = made(studio, "seed=1,2")
    (studio.library.folder / grid.cells[0].path).unlink()
    studio.close()
    (found,) = Grids(new_studio()).of(who("ann"))
    assert [cell.error for cell in found.grid.cells] == ["This picture is no longer in the library.", ""]


def test_a_damaged_grid_is_left_out(studio: Studio, caplog: pytest.LogCaptureFixture):
    sound, damaged = (made(studio, "seed=1,2") for _ in range(2))
    with studio.database.write() as database:
        database.execute("UPDATE grids SET axes = '[' WHERE id = ?", (damaged.id,))
    assert [found.grid.id for found in Grids(studio).of(who("ann"))] == [sound.id]
    assert f"The grid {damaged.id} cannot be read" in caplog.text


def test_the_grids_of_others_take_no_place_in_the_list(studio: Studio):
    mine = made(studio, "seed=1")
    for _ in range(LISTED):
        name = secrets.token_hex(3)
        with studio.database.write() as rows:
            rows.execute("INSERT INTO jobs (id, owner, created, state) VALUES (?, 'bob', 1, 'done')", (name,))
            insert(rows, replace(mine, id=name, owner="bob"))
    assert [found.grid for found in Grids(studio).of(who("ann"))] == [mine]


KILLED = """
import sys
from pathlib import Path
from studio.grids.axes import Axis
from studio.grids.making import Grids, plan
from studio.recipe import Recipe
from studio.settings import Settings
from studio.storage.database import Database
from studio.studio import Studio
from tests.drawer import Drawer
from tests.grids.test_grids import ended, wait_for
from tests.people import who

drawer = Drawer(gated=True)
home, model, durable = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "studio"
studio = Studio(Settings.load(home=home, model=model), backend=drawer, durable=durable, jobs=Database.of(home))
base = Recipe(prompt="a red house", steps=1, seed=1)
begun = Grids(studio).begin(plan(studio, base, [Axis.parse("seed=1-6")]), who("ann"))
drawer.allow(5)
wait_for(begun, 5)
print(begun.job.id, flush=True)
ended(begun)
"""


@pytest.mark.parametrize("kind", ["studio", "command"])
def test_a_killed_grid_goes_on_and_makes_nothing_twice(home: Path, kind: str):
    command = [python(), "-c", KILLED, str(home), MODELS[0], kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
        process.stdout.read()  # up to its end
    with closing(Database.of(home)) as kept, kept.write() as database:
        # As if it had been killed after a picture was stored, and before that was written down.
        change = "UPDATE items SET state = 'running', path = NULL WHERE job = ? AND number = 4"
        database.execute(change, (name,))

    drawer = Drawer()
    settings, is_studio = Settings.load(home=home, model=MODELS[0]), kind == "studio"
    with Studio(settings, backend=drawer, durable=is_studio, jobs=Database.of(home)) as studio:
        # A command makes what it is asked for, a studio all that it had to make.
        begun = Grids(studio).get(name, who("ann")) if is_studio else Grids(studio).resume(name, who("ann"))
        grid = ended(begun)
        assert grid.state == "done"
        assert [recipe_of(studio, cell).seed for cell in grid.cells] == [1, 2, 3, 4, 5, 6]
        assert len(list(studio.library.folder.rglob("*.png"))) == 6
    assert drawer.drawn == ["a red house/6"]


def test_a_command_makes_nothing_that_another_left(home: Path):
    settings = Settings.load(home=home, model=MODELS[0])
    drawer = Loader(gated=True)
    with Studio(settings, backend=drawer, durable=False, jobs=Database.of(home)) as studio:
        left = Grids(studio).begin(planned(studio, "seed=1-3"), who("ann"))
        drawer.allow(2)
        wait_for(left, 1)
    drawer = Loader()
    with Studio(settings, backend=drawer, durable=False, jobs=Database.of(home)) as studio:
        made(studio, "seed=9")
        assert drawer.drawn == ["a red house/9"]
        assert [found.grid.state for found in Grids(studio).of(who("ann"))] == ["done", "stopped"]
