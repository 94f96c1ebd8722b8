"""Where weights are: a folder or a file on this disk, or a repository on the hub.

A home folder of such weights holds NAME/ in diffusers format, NAME.safetensors as a single file, and NAME.toml that
says about either, or about weights on the hub, what cannot be seen from the files.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from studio import hub, hub_cache, transfer
from studio.catalogue.named_registry import NamedRegistry
from studio.catalogue.tensor_files import PICKLES, count_numbers, refuse_pickle
from studio.errors import AmbiguousModel, DamagedModel, ModelError, NotDownloaded, StudioError, UnknownModel
from studio.hub import Say, silent
from studio.presets.reading import check_family, read_table
from studio.shorthand import RENAME, TWINS, normalized, twins
from studio.suggestions import near

SOURCES = ("folder", "repo", "file")
Count = Annotated[int, Field(ge=1)]
# What there is of one name in a home folder, by kind: toml, folder, file, pickle; and a twin, where there are two.
Found = Mapping[str, Path]
# A name, what there is of it, and what paths in its TOML are relative to.
Entry = tuple[str, Found, Path]


class WeightsEntry(BaseModel):
    """What weights are of, and where they are. Exactly one source is set.

    `folder` is in diffusers format; `repo` an id on the hub (with `revision` and `variant`); `file` one .safetensors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str
    name: str
    family: str
    summary: str = ""
    licence: str = ""
    folder: Path | None = None
    repo: str | None = None
    revision: str | None = None
    variant: str | None = None
    file: Path | None = None
    download_bytes: Count | None = None

    @field_validator("family")
    @classmethod
    def _family_is_known(cls, family: str) -> str:
        return check_family(family)

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum(getattr(self, source) is not None for source in SOURCES) != 1:
            raise ValueError(f"exactly one of the keys {', '.join(SOURCES)} says where the weights are")
        return self


S = TypeVar("S", bound=WeightsEntry)


class WeightsCatalogue(NamedRegistry[S], Generic[S]):
    """Weights by id. `sort` is what one of them is in words."""

    sort: str

    @abstractmethod
    def location(self, one: S) -> Path | None:
        """The folder or file on this disk that it is loaded from; None where it is still on the hub."""

    @abstractmethod
    def weights(self, one: S) -> list[Path]:
        """The files of its weights; ModelError where they are not all on this disk."""

    @abstractmethod
    def wanted(self, one: S, names: Sequence[str]) -> list[str]:
        """Of the files of its repository, those that it needs; ModelError where they do not suffice."""

    @abstractmethod
    def check(self, one: S) -> None:
        """ModelError where its files, which are all there, cannot be loaded."""

    @abstractmethod
    def read(self, name: str, found: Found, root: Path) -> S:
        """The one that the files make together; paths in the TOML are relative to `root`."""

    def missing(self, name: str) -> ModelError:
        return UnknownModel(f"There is no {self.sort} {name!r}.", near(name, self))

    def size_bytes(self, one: S) -> int | None:
        """What its weights take on this disk; None where they are not all there."""
        try:
            return sum(path.stat().st_size for path in self.weights(one))
        except (ModelError, OSError):
            return None

    def numbers(self, one: S) -> int:
        """How many numbers its weights have, roughly where they are not on this disk."""
        try:
            return count_numbers(self.weights(one))
        except ModelError:
            return (one.download_bytes or 0) // 2

    def present(self, one: S) -> bool:
        """Whether all its weights are on this disk, so that nothing has to be downloaded."""
        return self.size_bytes(one) is not None

    def whole(self, one: S) -> bool:
        """Whether all that it is used with here is on this disk."""
        return self.present(one)

    def files(self, one: S) -> list[Path]:
        """All that is of it in the hub's cache, so that it can be removed."""
        place = self.location(one)
        if one.repo is None or place is None:
            return []
        snapshot = hub_cache.snapshot_of(place)
        names = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_file()]
        return [snapshot / name for name in self.wanted(one, names)]

    def why_not(self, one: S) -> ModelError | None:
        """What keeps it from being loaded, with its cure; None where nothing does.

        What only has to be downloaded can be loaded, unless the hub is switched off.
        """
        if one.repo is not None and not self.present(one):
            return _why_not_downloaded(one.name, one.repo)
        try:
            self.check(one)
        except ModelError as error:
            return error
        return None

    def place(self, one: S) -> Path:
        """Its folder or file, to be loaded; ModelError where it is not on this disk, or cannot be loaded."""
        if fault := self.why_not(one):
            raise fault
        place = self.location(one)
        if place is None or not self.present(one):
            raise not_here(one.name, one.id)
        return place

    def _found_in(self, home: Path) -> Mapping[str, Found]:
        """What lies in a home folder; one that cannot be looked into is a fault, and takes nothing else down."""
        try:
            return found_in(home)
        except ModelError as error:
            self._unreadable[home.name] = error
            return {}

    def obtain(self, one: S, say: Say = silent) -> Path:
        """As `place`, downloaded first where it is not here; `say` is called with the progress. Raises ModelError."""
        if one.repo is not None and not self.whole(one):
            transfer.fetch(one.name, one.repo, lambda names: self.wanted(one, names), say, revision=one.revision)
        return self.place(one)

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """All there is, of one name the one that counts last."""

    def read_all(self) -> tuple[dict[str, S], dict[str, ModelError]]:
        """What there is; a broken one is listed with its fault and takes no other down."""
        known: dict[str, S] = {}
        faults: dict[str, ModelError] = {}
        self._unreadable: dict[str, ModelError] = {}
        for written, found, root in self.entries():
            name = normalized(written)
            for before in (known, faults):
                before.pop(name, None)
            try:
                refuse_twins(name, found)
                known[name] = self.read(name, found, root)
            except StudioError as error:
                faults[name] = error if isinstance(error, ModelError) else DamagedModel(error.message, error.hint)
            except OSError as error:
                faults[name] = DamagedModel(f"{name} cannot be read: {error.strerror}.", "Check its permissions.")
        return known, {**faults, **self._unreadable}


def found_in(home: Path) -> dict[str, dict[str, Path]]:
    """What lies in a home folder, by name; ModelError where it cannot be looked into."""
    found: dict[str, dict[str, Path]] = {}
    paths = [path for path in _listing(home) if not path.name.startswith(".") and not path.name.endswith(".config")]
    same = twins(path.name for path in paths)
    for path in paths:
        kind = _kind(path)
        if kind:
            name = path.name if kind == "folder" else path.name[: -len(path.suffix)]
            of_name = found.setdefault(normalized(name), {})
            of_name[kind] = path
            if normalized(path.name) in same:
                of_name["twin"] = path
    return found


def refuse_twins(name: str, found: Found) -> None:
    """AmbiguousModel where there are two of this name whose accents alone are written otherwise."""
    if "twin" in found:
        raise AmbiguousModel(TWINS.format(count=2, name=name), RENAME)


def _kind(path: Path) -> str | None:
    if path.is_dir():
        return "folder"
    ending = path.suffix.lower()
    return {".toml": "toml", ".safetensors": "file"}.get(ending) or ("pickle" if ending in PICKLES else None)


def table_of(name: str, found: Found, root: Path, *paths: str) -> tuple[Path, dict[str, Any]]:
    """What is said of an entry, and in which file: its TOML, and the source beside it where that names none.

    `folder`, `file` and the keys `paths` are relative to `root`.
    """
    toml = found.get("toml", root / f"{name}.toml")
    table = read_table(toml) if "toml" in found else {}
    for key in ("folder", "file", *paths):
        if isinstance(table.get(key), str):
            table[key] = root / table[key]
    if not any(source in table for source in SOURCES):
        table |= _source_beside(name, found, root)
    table.setdefault("name", name)
    return toml, table


def not_here(name: str, id: str) -> ModelError:  # noqa: A002
    """What is said of weights that would have to be downloaded first."""
    cure = f"Download it in the tab Models, or with: studio models fetch {id}"
    return NotDownloaded(f"{name} is not on this disk.", cure)


def _listing(home: Path) -> list[Path]:
    if not home.is_dir():
        return []
    try:
        return sorted(home.iterdir())
    except OSError as error:
        raise DamagedModel(f"{home} cannot be read: {error.strerror}.", "Check its permissions.") from error


def _source_beside(name: str, found: Found, root: Path) -> dict[str, Path]:
    """The source that lies beside a TOML file that names none; ModelError where there is no, or only a refused one."""
    if "folder" in found and (file := _only_file(found["folder"])):
        return {"file": file}
    for source in ("folder", "file"):
        if source in found:
            return {source: found[source]}
    if "pickle" in found:
        refuse_pickle(found["pickle"])
    raise DamagedModel(
        f"{root / name}.toml does not say where the weights are.",
        f"Add one of the keys {', '.join(SOURCES)}, or put {name}.safetensors beside it.",
    )


def _only_file(folder: Path) -> Path | None:
    """The single file of a folder that holds nothing else of a model, as a repository of one file is copied."""
    files = [path for path in folder.iterdir() if path.suffix.lower() == ".safetensors"]
    whole = any((folder / name).exists() for name in ("model_index.json", "config.json", "image_encoder"))
    return files[0] if len(files) == 1 and not whole else None


def _why_not_downloaded(name: str, repo: str) -> ModelError | None:
    if not hub.is_off():
        return None
    return NotDownloaded(
        f"{name} is not on this disk, and the hub is switched off (HF_HUB_OFFLINE).",
        f"Unset HF_HUB_OFFLINE to download {repo}, or choose a model that is here.",
    )
