"""What all tests share: no hub, one thread, and tiny models that are built once, whatever number of processes tests."""

import gc
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
from argon2 import PasswordHasher

from studio import image_features
from studio.accounts import passwords
from studio.large_imports import uncollected
from studio.storage import opening
from studio.storage.database import FILE
from studio.storage.locks import Lock
from studio.storage.migrations.m002_earlier_files import earlier_files
from tests import tiny
from tests.browser.reruns import pytest_terminal_summary
from tests.forking import measure_little
from tests.in_memory import write_into_memory

# A hook of pytest, which asks for it where all processes of a run come together.
__all__ = ["pytest_terminal_summary"]

# Read when the libraries are imported. One thread, because two on a busy machine take turns at waiting.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
write_into_memory()

# Where torch's tensors do not yet speak numpy 2; diffusers' schedulers hand them over.
TORCH_TO_NUMPY = (
    "__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    "__array_wrap__ must accept context and return_scalar:DeprecationWarning",
)
# What libraries warn of, and hush, as they are imported. All threads have the same filters: where one imports torch as
# pytest goes from a test's fixtures to the test, torch's own go, its import fails, and so does every later one.
HUSHED = (
    "Warning only once for all operators:UserWarning",
    "`isinstance(treespec, LeafSpec)` is deprecated:FutureWarning",
    "SOCKS support in urllib3 requires:Warning",
)


# How long another process may take for a tiny model, on a busy machine.
BUILDING_SECONDS = 120
END_OF_ONE = "-----END CERTIFICATE-----\n"
# Modules that were loaded since, before they are worth a look: a library, not a test.
MANY = 30


def pytest_configure(config: pytest.Config) -> None:
    for warning in (*TORCH_TO_NUMPY, *HUSHED):
        config.addinivalue_line("filterwarnings", f"ignore:{warning}")
    config.pluginmanager.register(Libraries(), "libraries")
    config.pluginmanager.register(Profiles(), "profiles")


class Libraries:
    """Keeps what libraries are made of out of garbage collections, as the server does: the engine asks for one a job.

    Without it, each looks through a million objects that never go, for some tenths of a second. A server freezes too as
    it begins, and thaws all as it ends: in tests, where many do, that does nothing. While tests are collected, all that
    is made stays.
    """

    def __init__(self) -> None:
        self._known = 0
        self._freeze = gc.freeze
        gc.freeze = gc.unfreeze = lambda: None
        gc.set_threshold(10_000, 10, 10)  # of what a test makes, most is gone by itself

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        with uncollected():
            return (yield)

    def pytest_runtest_setup(self) -> None:
        if len(sys.modules) - self._known > MANY:
            gc.collect()
            self._freeze()
            self._known = len(sys.modules)


class Profiles:
    """Has a network's way with rows measured in few sizes, once the engine is there: in all of them it takes as long as
    fifty steps, for each model and size of a picture. What all sizes tell is a test's of its own.
    """

    def pytest_runtest_setup(self) -> None:
        measure_little()


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed with the least memory that argon2 takes; what they cost is a test's of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_looks() -> Iterator[None]:
    """No network looks at pictures in passing, though torch is here: where it is, each studio would have each stored
    picture seen by one, for a tenth of a second, and what it knows by then read anew.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_features, "sys", SimpleNamespace(modules={}))
        yield


@pytest.fixture
def looks_in_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where people are: the network looks at all pictures once torch is there."""
    monkeypatch.setattr(image_features, "sys", sys)


@pytest.fixture(scope="session", autouse=True)
def quick_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new database is a copy of one that was made from its first migration on, which has tests of its own."""
    whole = tmp_path_factory.mktemp("database") / FILE
    known, upgrade = opening.MIGRATIONS, opening._upgrade
    upgrade(whole)

    def copied(path: Path, *, bring_in: bool = True) -> None:
        left = [*earlier_files(path.parent), *path.parent.glob("favourites.json")]
        if opening.MIGRATIONS is known and not left and not path.exists():
            part = path.with_name(secrets.token_hex(8))
            shutil.copy(whole, part)
            with suppress(FileExistsError):
                path.hardlink_to(part)
            part.unlink()
        upgrade(path, bring_in=bring_in)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_upgrade", copied)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_clients(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each client of httpx reads the certificates of the web, for 20 ms: here one, as all spoken to is on loopback."""
    with pytest.MonkeyPatch.context() as patch:
        if not any(item.get_closest_marker("network") for item in request.session.items):
            authorities = Path(certifi.where()).read_text("utf-8")
            path = tmp_path_factory.mktemp("authorities") / "one.pem"
            path.write_text(authorities[: authorities.index(END_OF_ONE) + len(END_OF_ONE)], "utf-8")
            patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The diffusers folder of a family's tiny model, by the family's id; read it, do not change it."""
    own = tmp_path_factory.getbasetemp()
    # Processes of pytest-xdist have folders of their own in one.
    root = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "tiny-models"
    root.mkdir(exist_ok=True)

    def folder(family: str) -> Path:
        path = root / family
        if not path.is_dir():
            lock = Lock(root / f"{family}.lock")
            assert lock.take(BUILDING_SECONDS)
            if not path.is_dir():  # else another process has built it meanwhile
                _one_thread()
                tiny.build(family, root / f"{family}.coming").rename(path)
            lock.release()
        return path

    return folder


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
