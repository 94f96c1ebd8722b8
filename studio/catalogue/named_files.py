"""Files that a recipe names, in folders and their subfolders: LoRAs, embeddings."""

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from studio.atomic_files import visible
from studio.catalogue.models import Model
from studio.catalogue.named_registry import NamedRegistry
from studio.catalogue.tensor_files import PICKLES, refuse_pickle
from studio.errors import AmbiguousModel, DamagedModel, IncompatibleModel, ModelError, UnknownModel
from studio.families import FAMILIES
from studio.parsing import ParseError, decode, read_bytes
from studio.shorthand import normalized
from studio.suggestions import did_you_mean

NOTES = (".txt", ".md")
MOST_NOTES = 2**20
PICTURES = (".png", ".webp")
# As many names are told where there may be hundreds.
SOME = 12
# What a file is, and when it was last written: the same stamp, the same content.
Stamp = tuple[Path, int, int]


@dataclass(frozen=True)
class NamedFile:
    """A file, and the family of models that it is for; None where its header leaves that open."""

    name: str
    path: Path
    family: str | None

    @property
    def sort(self) -> str:
        """The kind of file, in words."""
        raise NotImplementedError

    @property
    def notes(self) -> str:
        """The notes in the text file beside it."""
        path = beside(self.path, NOTES)
        try:
            return decode(read_bytes(path, MOST_NOTES), "cp1252").strip() if path else ""
        except ParseError:
            return ""

    @property
    def thumbnail(self) -> Path | None:
        """The picture beside it."""
        return beside(self.path, PICTURES)

    def fits(self, family: str) -> bool:
        """Whether it can be for models of this family."""
        return self.family in (None, FAMILIES[family].kin or family)

    def why_not(self) -> ModelError | None:
        """What keeps it from being used with any model, with its cure; None where nothing does."""
        return None


T = TypeVar("T", bound=NamedFile)
# What was read of files by each sort of registry, for all that there are of it.
_READ: dict[type, dict[Stamp, Any]] = {}


class NamedFiles(NamedRegistry[T], Generic[T]):
    """The .safetensors files in `folders` by name without ending; a later folder's count over an earlier one's.

    Each is called by its name alone or with its folder, `style/ink`; where several below one folder have the same name,
    only so. `faults` says why other files are none of them; `sort` is what one is in words.
    """

    sort: str
    depth = 9

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._read: dict[Stamp, T] = _READ.setdefault(type(self), {})
        self._digests: dict[Stamp, str] = {}
        super().__init__(*folders)

    @property
    def folder(self) -> Path:
        """The folder for the user's own files."""
        return self._folders[-1]

    @abstractmethod
    def read(self, name: str, path: Path) -> T:
        """What the file's header says; ModelError where it is none."""

    def read_all(self) -> tuple[dict[str, T], dict[str, ModelError]]:
        """What there is; a header is read once for as long as its file stays as it is."""
        found: dict[str, T | ModelError] = {}
        aliases: dict[str, str] = {}
        for folder in self._folders:
            files, unreadable = _files(folder)
            found |= unreadable
            stems: dict[str, list[str]] = {}
            for below in files:
                stems.setdefault(below.rpartition("/")[2], []).append(below)
            for stem, belows in stems.items():
                if len(belows) > 1 and stem not in belows:
                    found[stem] = self._ambiguous(stem, belows)
                for below in belows:
                    name = below if len(belows) > 1 else stem
                    aliases[below] = name
                    found[name] = self._entry(name, files[below])
        self.aliases = aliases
        faults = {name: entry for name, entry in found.items() if isinstance(entry, ModelError)}
        return {name: entry for name, entry in sorted(found.items()) if not isinstance(entry, ModelError)}, faults

    def missing(self, name: str) -> ModelError:
        return UnknownModel(
            f"There is no {self.sort} {name!r}.",
            f"{did_you_mean(name, self._known, 3)}Put {name}.safetensors into {self.folder}, or leave it out.",
        )

    def for_model(self, name: str, model: Model) -> T:
        """The file of this name, for this model; ModelError where it is not there, unusable or for another family."""
        file = self[name]
        if fault := file.why_not():
            raise fault
        if not file.fits(model.family):
            there = self.fitting(model.family)
            more = f" and {len(there) - SOME} more" if len(there) > SOME else ""
            known = f"Available for it: {', '.join(there[:SOME])}{more}."
            raise IncompatibleModel(
                f"{file.path.name} is {file.sort}; {model.name} is {model.family_facts().name}.",
                known if there else "Choose another model, or leave it out.",
            )
        return file

    def fitting(self, family: str) -> list[str]:
        """The names of those that can be for models of this family."""
        return [name for name, file in self.items() if file.fits(family) and not file.why_not()]

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file; computed once for as long as it stays as it is."""
        stamp = stamp_of(path)
        if stamp not in self._digests:
            with path.open("rb") as file:
                self._digests[stamp] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[stamp]

    def _entry(self, name: str, paths: list[Path]) -> T | ModelError:
        """What the files of one name and place are: one, beside which pickles do not count."""
        weights = [path for path in paths if path.suffix.lower() not in PICKLES] or paths
        if len(weights) > 1:
            return AmbiguousModel(
                f"{len(weights)} files are the {self.sort} {name!r}: {' and '.join(map(str, weights))}.",
                "Rename or remove all but one.",
            )
        (path,) = weights
        try:
            stamp = stamp_of(path)
            if stamp not in self._read:
                refuse_pickle(path)
                self._read[stamp] = self.read(name, path)
        except ModelError as error:
            return error
        except OSError as error:
            return DamagedModel(f"{path} cannot be read: {error.strerror}.", "Check its permissions.")
        file = self._read[stamp]
        return file if file.name == name else replace(file, name=name)

    def _ambiguous(self, stem: str, belows: list[str]) -> ModelError:
        return AmbiguousModel(
            f"{len(belows)} files are the {self.sort} {stem!r}: {' and '.join(belows)}.",
            f"Write it with its folder, such as {belows[0]}.",
        )


def stamp_of(path: Path) -> Stamp:
    """A key that changes when the file does; ModelError where it cannot be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise DamagedModel(
            f"{path} cannot be read: {error.strerror}.", "Put it there, and make sure that you may read it."
        ) from error
    return path, status.st_mtime_ns, status.st_size


def beside(path: Path, endings: tuple[str, ...]) -> Path | None:
    """The first file beside it that has its name and one of these endings."""
    stem = path.name.removesuffix(path.suffix)
    return next((other for end in endings if (other := path.with_name(stem + end)).is_file()), None)


def _files(root: Path) -> tuple[dict[str, list[Path]], dict[str, ModelError]]:
    """What lies in a folder and below it, by folder and name without ending; and the folders that cannot be read."""
    faults: dict[str, ModelError] = {}

    def unreadable(error: OSError) -> None:
        name = normalized(Path(str(error.filename)).name)
        faults[name] = DamagedModel(f"{error.filename} cannot be read: {error.strerror}.", "Check its permissions.")

    found: dict[str, list[Path]] = {}
    for path in visible(root, ".safetensors", *PICKLES, below=True, fault=unreadable):
        below = path.relative_to(root).as_posix()
        found.setdefault(normalized(below[: -len(path.suffix)]), []).append(path)
    return found, faults
