"""Who asks is one `Identity`, made at the edge and handed down: each method decides by it, and none makes another."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from PIL import Image

from studio.candidates.making import Candidates
from studio.compare.arena import Arena
from studio.compare.making import Compare
from studio.downloads.weights import Weights
from studio.errors import InvalidRecipe, NotFound, Refused
from studio.gate.addresses import Addresses
from studio.gate.identity import COMMAND_LINE, Identity
from studio.grids.making import Grids
from studio.hosted.access import HostedModels
from studio.hosted.keys import Keys
from studio.inputs import InputStore
from studio.jobs.job import Job
from studio.jobs.scheduler import Scheduler
from studio.library import LibraryIndex
from studio.library.exporting import Exports
from studio.library.importing import Importer
from studio.library.lineage import Lineage
from studio.library.marks import Marks
from studio.library.usage import Usages
from studio.presets import saving
from studio.presets.people import PeoplesPresets
from studio.recipe import ControlUnit, Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.people import who
from tests.sources import naming
from tests.ui.painter import Painter

ROOT = Path(__file__).resolve().parents[2] / "studio"
ANN, STRANGER = who("ann"), who("bob", here=False, address="192.0.2.7")
RECIPE = Recipe(prompt="a boat", steps=1, seed=1)
# What is asked for things that are somebody's, or that only some may do.
LIBRARY = (LibraryIndex, Marks, Lineage, Importer, Exports, Usages)
PARTS = (
    Studio,
    Weights,
    Scheduler,
    Candidates,
    Grids,
    Compare,
    Arena,
    InputStore,
    Addresses,
    Keys,
    HostedModels,
    PeoplesPresets,
    *LIBRARY,
)
# Where an identity comes from; and what keeps no more of it than its owner's name: rows of the database, and turns.
EDGES = {"accounts/store.py", "ui/owner.py", "ui/requests.py", "api/pictures.py", "jobs/store.py", "repeat/store.py"}
ROWS = {
    "gate/identity.py",
    "engine/pools.py",
    "jobs/store.py",
    "candidates/store.py",
    "grids/store.py",
    "compare/store.py",
}


def asked(kind: type) -> dict[str, Callable[..., Any]]:
    """The public methods that take who asks, by whatever name."""
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {
        name: method
        for name, method in methods
        if not name.startswith("_") and {"who", "owner"} & set(inspect.signature(method).parameters)
    }


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path / "home")
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio:
        yield studio


@pytest.fixture
def job(studio: Studio) -> Job:
    job = studio.submit(RECIPE, ANN)
    list(job.follow())
    return job


def unit(studio: Studio) -> ControlUnit:
    """One whose map needs an estimator that is not here."""
    return ControlUnit(kind="depth", image=studio.inputs.add(Image.new("RGB", (64, 64), "navy"), "controls").id)


def submits(studio: Studio, job: Job) -> None:
    own = studio.submit(RECIPE, STRANGER)
    assert (own.who, studio.jobs_of(STRANGER), studio.jobs_of(ANN)) == (STRANGER, [own], [job])


def finds_no_job(studio: Studio, job: Job) -> None:
    with pytest.raises(NotFound):
        studio.job(job.id, STRANGER)
    assert studio.job(job.id, ANN) is job


def stops_no_job(studio: Studio, job: Job) -> None:
    with pytest.raises(NotFound):
        studio.stop(job.id, STRANGER)


def lists_own_jobs(studio: Studio, job: Job) -> None:
    assert (studio.jobs_of(STRANGER), studio.jobs_of(ANN)) == ([], [job])


def makes_no_map(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(InvalidRecipe, match="is not on the studio's machine"):
        studio.control_map(unit(studio), STRANGER, "sd15")


def finds_no_people(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(InvalidRecipe, match="is not on the studio's machine"):
        studio.people(unit(studio), STRANGER, "sd15")


def may_not_download(studio: Studio, job: Job) -> None:
    del job
    keeper = who("carol", here=False).of_account("carol", keeps=True)
    may = {one: studio.weights.may_download(one) for one in (STRANGER, ANN, keeper, COMMAND_LINE)}
    assert may == {STRANGER: False, ANN: True, keeper: True, COMMAND_LINE: True}


def lets_nothing_come(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(InvalidRecipe):
        studio.weights.check([studio.items["sdxl-base"]], STRANGER)
    studio.weights.check([studio.items["sdxl-base"]], ANN)


def brings_nothing(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(InvalidRecipe):
        studio.weights.bring([studio.items["sdxl-base"]], STRANGER)
    assert studio.downloads.all() == []


def downloads_nothing(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(Refused, match="Only this studio's operator can download weights"):
        studio.weights.download("model/sdxl-base", STRANGER)
    assert studio.downloads.all() == []


def cancels_nothing(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(Refused, match="Only this studio's operator can cancel downloads"):
        studio.weights.cancel("model/sdxl-base", STRANGER)


def forgets_nothing(studio: Studio, job: Job) -> None:
    del job
    studio.weights.download("model/sdxl-base", ANN)  # which no hub answers
    while studio.downloads.is_coming(studio.items["sdxl-base"]):
        pass
    studio.weights.forget("model/sdxl-base", STRANGER)
    assert len(studio.downloads.all()) == 1
    studio.weights.forget("model/sdxl-base", ANN)
    assert studio.downloads.all() == []


def removes_nothing(studio: Studio, job: Job) -> None:
    del job
    with pytest.raises(Refused, match="Only this studio's operator can remove weights"):
        studio.weights.remove(studio.items["sdxl-base"], STRANGER)


def has_own_presets(studio: Studio, job: Job) -> None:
    del job
    bob = Identity.signed_in("b2", "bob", "creator")
    saving.write(studio.peoples_presets.home(bob), "negative", "Fog", {"text": "fog"})
    mine = studio.of(bob)
    assert "fog" in mine.presets.negatives
    assert (mine.jobs, mine.index) == (studio.jobs, studio.index)
    for other in (STRANGER, ANN, Identity.signed_in("carol", "carol", "admin")):
        assert "fog" not in studio.of(other).presets.negatives


CONTRACT: dict[str, Callable[[Studio, Job], None]] = {
    "of": has_own_presets,
    "submit": submits,
    "job": finds_no_job,
    "stop": stops_no_job,
    "jobs_of": lists_own_jobs,
    "control_map": makes_no_map,
    "people": finds_no_people,
    "weights.may_download": may_not_download,
    "weights.check": lets_nothing_come,
    "weights.bring": brings_nothing,
    "weights.download": downloads_nothing,
    "weights.cancel": cancels_nothing,
    "weights.forget": forgets_nothing,
    "weights.remove": removes_nothing,
}


# What the studio is asked, itself and by its part that downloads.
ASKED = {*asked(Studio), *(f"weights.{name}" for name in asked(Weights))}


@pytest.mark.parametrize("method", sorted({*CONTRACT, *ASKED}))
def test_whatever_the_studio_is_asked_it_does_for_who_asks(studio: Studio, job: Job, method: str) -> None:
    """A method that takes who asks, and has no case here, fails; so does a case of a method that takes nobody."""
    assert method in ASKED, f"Studio.{method} takes nobody who asks"
    CONTRACT[method](studio, job)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_each_part_is_told_who_asks_as_an_identity(part: type) -> None:
    methods = asked(part)
    assert methods
    for name, method in methods.items():
        hint = get_type_hints(method).get("who")
        assert hint in (Identity, Identity | None), f"{part.__name__}.{name} is not told who asks as an Identity"


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield "Identity" if name.startswith(("Identity", "identity.Identity")) else name.rpartition(".")[2]


def test_nobody_below_the_edge_makes_out_who_asks() -> None:
    for path, tree in naming("Identity", "of_scope", "nobody", "identify", r"\bowner(_by)?\s*[:,)=(]"):
        name = path.relative_to(ROOT).as_posix()
        called = set(calls(tree))
        made = {"Identity", "owner_by", "of_scope", "nobody"} & called
        assert not made or name in EDGES or name.startswith("gate/"), f"{name}: {made}"
        assert "identify" not in called or name.startswith(("ui/", "api/")), name
        arguments = {one.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for one in node.args}
        is_rows = name in ROWS
        assert "owner" not in arguments or is_rows, f"{name}: hand down who asks, not a name of theirs"
