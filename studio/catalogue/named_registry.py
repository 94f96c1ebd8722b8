"""A registry of named files: those that can be used, and the faults of the others."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path, PurePosixPath
from threading import RLock
from typing import Generic, TypeVar

from studio.catalogue.tensor_files import PICKLES
from studio.catalogue.watch import Watch
from studio.errors import AmbiguousModel, ModelError
from studio.shorthand import folded, normalized

T = TypeVar("T")
Found = tuple[dict[str, T], dict[str, ModelError]]
# Endings that a name may carry.
ENDINGS = (".safetensors", ".toml", *PICKLES)


class NamedRegistry(Mapping[str, T], ABC, Generic[T]):
    """A mapping by name of what lies in `folders`, read again when they change.

    `faults` are the errors of entries that cannot be used; these are neither counted nor listed. `depth` is how many
    levels of subfolders are read. A known name is answered without reading the disk.
    """

    depth = 1

    def __init__(self, *folders: Path) -> None:
        self._watch = Watch(*folders, depth=self.depth)
        self._lock = RLock()
        self._known: dict[str, T] = {}
        self._faults: dict[str, ModelError] = {}
        # Other names of what there is.
        self.aliases: dict[str, str] = {}
        self.refresh()

    @property
    def faults(self) -> Mapping[str, ModelError]:
        """The errors of entries that cannot be used, by name."""
        self._look()
        return self._faults

    @abstractmethod
    def read_all(self) -> Found[T]:
        """Read the usable entries, and the errors of the others."""

    @abstractmethod
    def missing(self, name: str) -> ModelError:
        """The error for an unknown name, with close names or a cure."""

    def refresh(self) -> None:
        """Read the folders again."""
        with self._lock:
            self._watch.take()
            self._known, self._faults = self.read_all()

    def __getitem__(self, name: str) -> T:
        """Return the entry that `name` means; ModelError with its fault, or with the names that there are.

        A name may be written with its file's ending, and otherwise than it is as long as just one is meant: in another
        case, with accents taken apart, or with what `aliases` knows.
        """
        if name in self:
            return self._known[name]
        called = self.called(name)
        if called in self._known:
            return self._known[called]
        if called in self._faults:
            raise copy(self._faults[called])
        raise self.missing(name)

    def called(self, name: str) -> str:
        """The listed name of the entry that `name` means, usable or not; `name` itself where there is none.

        ModelError where several may be meant.
        """
        if name in self._known:
            return name
        names = {**self.aliases, **{one: one for one in (*self._known, *self._faults)}}
        forms = _forms(normalized(name))
        if exact := next((form for form in forms if form in names), None):
            return names[exact]
        wanted = {folded(form) for form in forms}
        same = dict.fromkeys(one for form, one in names.items() if folded(form) in wanted)
        if len(same) > 1:
            raise AmbiguousModel(f"{name!r} may be {' or '.join(same)}.", "Write the name exactly as it is.")
        return next(iter(same), name)

    def named(self, name: str) -> str:
        """As `called`, but `name` itself where several may be meant."""
        try:
            return name if name in self else self.called(name)
        except ModelError:
            return name

    def has(self, name: str) -> bool:
        """Whether `name` means one of the usable entries, in any spelling."""
        try:
            return name in self or self.called(name) in self._known
        except ModelError:
            return False

    def __contains__(self, name: object) -> bool:
        if name not in self._known:
            # A fault may be mended without a trace in its folder: a file that was still being copied.
            self._look(again=name in self._faults)
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        self._look()
        return iter(self._known)

    def __len__(self) -> int:
        self._look()
        return len(self._known)

    def _look(self, *, again: bool = False) -> None:
        with self._lock:
            if again or self._watch.changed():
                self.refresh()


def _forms(name: str) -> tuple[str, ...]:
    """The ways to read a name: as it is, without its file's ending, and with the slashes of Windows."""
    bare = name[: -len(PurePosixPath(name).suffix)] if name.lower().endswith(ENDINGS) else name
    return tuple(dict.fromkeys((name, bare, name.replace("\\", "/"), bare.replace("\\", "/"))))
