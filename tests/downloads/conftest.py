"""A hub on loopback with a tiny model, a ControlNet, estimators and more, and a home that names them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from studio.inputs import InputStore
from studio.settings import ASSETS, Settings
from studio.studio import Studio
from tests.small_hub import Manners, small_hub, turn_to
from tests.ui.painter import Painter

MODEL = "far"
REPO = "some/tiny"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
CANNY = ASSETS / "starter" / "controlnets" / "canny"


def files_of(folder: Path) -> dict[str, bytes]:
    """A folder as a repository's files."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def manners() -> Manners:
    return Manners()


@pytest.fixture
def hub(
    manners: Manners, tmp_path: Path, tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    repos = {
        REPO: files_of(tiny_model("sd15")),
        "some/canny": files_of(CANNY),
        "depth-anything/Depth-Anything-V2-Small-hf": files_of(ASSETS / "starter" / "depth"),
        "openai/clip-vit-large-patch14": {"preprocessor_config.json": b"{}"}
        | files_of(ASSETS / "starter" / "scorer")
        | {"tokenizer_config.json": b"{}"},
        "some/upscaler": {"mine.safetensors": (ASSETS / "upscalers" / "starter-4x.safetensors").read_bytes()},
    }
    with small_hub(repos, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        yield address
        if manners.go_on:
            manners.go_on.set()


@pytest.fixture
def home(tmp_path: Path, hub: str) -> Path:
    home = tmp_path / "home"
    for name, text in {
        f"models/{MODEL}.toml": f'name = "Far"\nfamily = "sd15"\nrepo = "{REPO}"\ndownload_bytes = 4000000\n',
        "controlnets/far-canny.toml": (
            'name = "Far canny"\nfamily = "starter"\nkinds = ["canny"]\nrepo = "some/canny"\n'
        ),
        "presets/upscalers/mine.toml": (
            'name = "Mine"\nsummary = "."\nlicence = "MIT"\nrepo = "some/upscaler"\nfile = "mine.safetensors"\n'
            "download_bytes = 1000\n"
        ),
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


@pytest.fixture
def studio(home: Path) -> Iterator[Studio]:
    with painting(home) as studio:
        yield studio


def painting(home: Path, **settings: object) -> Studio:
    """A studio of this home that paints at once."""
    chosen = Settings.load(home=home, **settings)
    return Studio(chosen, backend=Painter(inputs=InputStore.of(chosen)))


def attempts(home: Path) -> list[tuple[str, int]]:
    """State and attempts of each job on the disk of a closed studio."""
    with closing(sqlite3.connect(home / "studio.sqlite")) as database:
        both = "jobs JOIN items ON job = jobs.id"
        query = f"SELECT jobs.state, MAX(attempts) FROM {both} GROUP BY jobs.id ORDER BY jobs.number"
        return list(database.execute(query))
