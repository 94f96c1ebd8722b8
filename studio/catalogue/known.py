"""What there is of a sort, by name, beside what is there and cannot be used."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from studio.errors import ModelError

T = TypeVar("T")


class Known(Mapping[str, T], ABC, Generic[T]):
    """A catalogue by name. `faults` says why other entries are none of it; they are neither counted nor listed."""

    def __init__(self) -> None:
        self._known: dict[str, T] = {}
        self.faults: dict[str, ModelError] = {}
        self.refresh()

    @abstractmethod
    def refresh(self) -> None:
        """Look again at what there is."""

    @abstractmethod
    def missing(self, name: str) -> ModelError:
        """There is none of this name: what it may have been, or what to do."""

    def __getitem__(self, name: str) -> T:
        """The one of this name; ModelError with its fault, or with those that there are."""
        if name in self._known:
            return self._known[name]
        if name in self.faults:
            raise ModelError(self.faults[name].message, self.faults[name].hint)
        raise self.missing(name)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
