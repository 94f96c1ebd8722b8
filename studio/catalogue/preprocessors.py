"""What controls need and the studio does not bring: weights in the home's `preprocessors` folder, controlnet-aux."""

import importlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from studio import hub
from studio.catalogue.checkpoints import read_json
from studio.catalogue.tensor_files import PICKLES, tensor_shapes
from studio.errors import NotDownloaded, UnsafeModel, UnsupportedModel
from studio.settings import Settings

PACKAGE = "controlnet_aux"


@dataclass(frozen=True)
class Weights:
    """Weights of one estimator: `files` of a `repo` on the hub, kept in the folder `id` of the home's `preprocessors`.

    A pickle is only opened where its SHA-256 is the one that `sha256` has for its name. `bytes` are of all files,
    `instead` is what to do without them.
    """

    id: str
    name: str
    repo: str
    files: tuple[str, ...]
    bytes: int
    licence: str
    sha256: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    instead: str = "give a ready-made map"

    def folder(self, settings: Settings) -> Path:
        """Where its files belong."""
        return settings.home / "preprocessors" / self.id

    def present(self, settings: Settings) -> bool:
        """Whether all its files are there."""
        return all((self.folder(settings) / file).is_file() for file in self.files)

    def here(self, settings: Settings) -> Path:
        """The folder with all its files, each of them fit to be opened; fetches nothing.

        Raises ModelError that names the file, its size and its place.
        """
        folder = self.folder(settings)
        missing = [file for file in self.files if not (folder / file).is_file()]
        if missing:
            raise NotDownloaded(
                f"{self.name} ({hub.in_words(self.bytes)}) is not on this disk.",
                f"Download it in the tab Models, or with: studio models fetch {self.id}; or put "
                f"{', '.join(missing)} of {self.repo} into {folder}; or {self.instead}.",
            )
        for file in self.files:
            self._check(folder / file)
        return folder

    def _check(self, path: Path) -> None:
        if path.suffix in PICKLES:
            self._check_pickle(path)
        elif path.suffix == ".safetensors":
            tensor_shapes(path)
        else:
            read_json(path)

    def _check_pickle(self, path: Path) -> None:
        """A pickle can run any program; this one is opened because it is, bit for bit, the one that was published."""
        with path.open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
        if found != self.sha256.get(path.name):
            raise UnsafeModel(
                f"{path} is refused: it is a pickle, which can run any program when it is opened, and not the "
                f"{path.name} that {self.repo} published (SHA-256 {found[:16]}...).",
                "Delete it and get it again: the copy is damaged, or somebody changed it.",
            )


def annotator(name: str, wanted_by: str) -> Any:
    """A module of controlnet-aux, such as "open_pose", alone; ModelError where the package is not installed.

    Its own `__init__` imports every annotator, which takes seconds and 900 MB, and registers others' timm models anew.
    """
    if PACKAGE not in sys.modules:
        spec = find_spec(PACKAGE)
        if spec is None or spec.submodule_search_locations is None:
            raise UnsupportedModel(
                f"{wanted_by} needs the package controlnet-aux, which is not installed.",
                'Install it with: pip install "image-studio[annotators]", or choose another estimator.',
            )
        bare = ModuleType(PACKAGE)
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules[PACKAGE] = bare
    with unwarned():
        return importlib.import_module(f"{PACKAGE}.{name}")


@contextmanager
def unwarned() -> Iterator[None]:
    """Without the warnings of controlnet-aux, which uses what SciPy and timm have deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
