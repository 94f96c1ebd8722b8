"""What is sound on this machine and what is not, each with its cure; what `studio doctor` shows."""

import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.embeddings import Embeddings
from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue
from studio.errors import DeviceFailed, ModelError, StorageError, StudioError, Unreadable
from studio.hosted.models import Hosted
from studio.jobs.scheduler import HALTED
from studio.jobs.store import damaged_jobs
from studio.metrics import METRICS
from studio.metrics.base import Metric
from studio.presets.reading import Presets
from studio.prompts.wildcards import Wildcards
from studio.settings import FOLDERS, Settings
from studio.storage.database import Database
from studio.storage.migrations.m002_earlier_files import earlier_files

STARTER = "starter"
LIBRARIES = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "safetensors",
    "huggingface-hub",
    "gradio",
    "pydantic",
    "numpy",
    "pillow",
)
LOW_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, and where it is broken, what to do."""

    name: str
    found: str
    cure: str | None = None
    # Something that is not here, and that the studio does without.
    missing: bool = False

    @property
    def sound(self) -> bool:
        return self.cure is None

    @property
    def state(self) -> str:
        return "BROKEN" if self.cure else "missing" if self.missing else "ok"


def examine(settings: Settings) -> Iterator[Check]:
    """Look at one thing after the other; the last ones load torch and the models, which takes seconds."""
    yield _python()
    yield _libraries()
    yield _attempt("home", lambda: _home(settings))
    yield _disk(settings.home)
    yield from _halted(settings.home)
    yield _attempt("torch", _torch)
    yield from _device(settings)
    for name, metric in METRICS.items():
        if metric.needs:
            yield _metric(f"metric {name}", metric, settings)
    catalogue = Catalogue(settings)
    for name in dict.fromkeys((STARTER, settings.model)):
        yield _attempt(f"model {name}", lambda: _model(settings, catalogue, name))  # noqa: B023 - called at once
    for name, fault in catalogue.faults.items():
        yield Check(f"model {name}", fault.message, fault.hint)
    yield from left_out(settings)


def left_out(settings: Settings) -> Iterator[Check]:
    """The files of the data folder that cannot be read, and so are not offered."""
    wildcards = Wildcards(settings.home / "wildcards")
    faults: dict[str, Iterable[StudioError]] = {
        "preset": Presets(settings.home / "presets").faults.values(),
        "hosted model": Hosted(settings).faults.values(),
        "wildcard": wildcards.faults().values(),
        "LoRA": Loras(settings).faults.values(),
        "embedding": Embeddings(settings).faults.values(),
        "ControlNet": ControlNets(settings).faults.values(),
        "database": _database_faults(settings.home),
    }
    for name, found in faults.items():
        yield from (Check(name, fault.message, fault.hint or "See the message.") for fault in found)


def _database_faults(home: Path) -> Iterator[StudioError]:
    """What is wrong with the database, or with its rows; what it once had to replace, and files that it replaces."""
    with closing(Database.of(home)) as database:
        try:
            if found := database.fault():
                yield found
            elif database.exists:
                yield from damaged_jobs(database)
                yield from _left_behind(home, database)
        except StorageError as error:
            yield error


def _left_behind(home: Path, database: Database) -> Iterator[StudioError]:
    for past in database.incidents():
        if (aside := home / past.aside).is_file():
            yield Unreadable(past.message, f"Remove {aside} when you no longer need it.")
    names = {file.name if file.suffix == ".sqlite" else "*.grid.json" for file in earlier_files(home)}
    if names:
        yield Unreadable(
            f"Files of an earlier version lie in {home}: {', '.join(sorted(names))}. The database has what they held.",
            "Remove them if you will not go back to that version.",
        )


def versions() -> dict[str, str | None]:
    """The libraries that matter and their versions; None where one is missing."""
    return {name: _version(name) for name in LIBRARIES}


def _attempt(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, look())
    except StudioError as error:
        return Check(name, error.message, error.hint or "See the message.")
    except ImportError as error:
        missing = f"{error.name or 'A library'} is missing, or cannot be loaded."
        return Check(name, missing, "Install the studio again: pip install -e .")


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", found)
    return Check("python", found, "Recreate the environment with Python 3.11, 3.12 or 3.13.")


def _libraries() -> Check:
    found = versions()
    missing = [name for name, number in found.items() if number is None]
    if missing:
        return Check("libraries", f"missing: {', '.join(missing)}", "Install the studio again: pip install -e .")
    return Check("libraries", ", ".join(f"{name} {number}" for name, number in found.items()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _home(settings: Settings) -> str:
    from studio.library import Library

    for name in FOLDERS:
        Library(settings.folder(name)).ready()
    return f"{settings.home} can be written"


def _disk(home: Path) -> Check:
    there = next(path for path in (home, *home.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:.1f} GB free"
    return Check("disk", found, "Free some space: images and models need it." if free < LOW_DISK_BYTES else None)


def _halted(home: Path) -> Iterator[Check]:
    """What keeps the studio on this folder from running jobs, where it said so."""
    with suppress(OSError):
        yield Check("jobs", f"Waiting: {(home / HALTED).read_text()}", "Start the studio again.")


def _torch() -> str:
    """Which build of torch there is; that it is for other cards than this machine's shows at the device."""
    from studio.engine.device import torch_build

    return torch_build()


def _device(settings: Settings) -> Iterator[Check]:
    """Where models run, after it has done some work; and a faster one that cannot be used."""
    from studio.engine.device import BUILD, Device, compute
    from studio.engine.faults import idle

    def look() -> str:
        device = Device.choose(settings.device)
        try:
            compute(device.torch_device)
        except RuntimeError as error:
            fault = f"{device.name} does not compute: {idle(error)}."
            raise DeviceFailed(fault, "Restart the machine, or set another.") from error
        return (
            f"{device.name} computes: {device.free_bytes() / 1e9:.1f} of {device.total_bytes() / 1e9:.1f} GB free, "
            f"offload {settings.offload}"
        )

    yield (found := _attempt("device", look))
    if found.sound and (note := Device.choose(settings.device).note):
        yield Check("graphics card", note, BUILD)


def _metric(name: str, metric: Metric, settings: Settings) -> Check:
    """Whether its weights are here; without them it is left out, which breaks nothing."""
    faults = []
    for weights in metric.needs:
        try:
            weights.here(settings)
        except ModelError as error:
            if weights.present(settings):
                return Check(name, error.message, error.hint)
            faults.append(str(error))
    whose = ", but for the starter's own pictures" if metric.embedded else ""
    if faults:
        return Check(name, f"left out{whose}: {' '.join(faults)}", missing=True)
    return Check(name, "its weights are here")


def _model(settings: Settings, catalogue: Catalogue, name: str) -> str:
    """Load the model that is on this disk, as a job would."""
    model = catalogue[name]
    if fault := catalogue.why_not(model):
        raise fault
    if not catalogue.present(model):
        return f"{model.name} is downloaded when it is first used"
    from studio.engine.manager import PipelineManager

    manager = PipelineManager(catalogue, settings)
    try:
        with manager.borrow(model) as lease:
            return f"{model.name} loads; {lease.loaded.words}"
    finally:
        manager.close()
