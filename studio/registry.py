"""A folder as a read-only mapping: one file is one member, the file name is its id.

Members are imported when they are asked for, so listing a registry costs a look at the folder.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """The members of `package`: each module's `attribute`, by module name; not `base`, the contract, nor `__main__`."""

    def __init__(self, package: str, attribute: str, kind: type[T]) -> None:
        self.package = package
        self.attribute = attribute
        self.kind = kind

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        member: Any = getattr(importlib.import_module(f"{self.package}.{name}"), self.attribute)
        if not isinstance(member, self.kind):
            raise TypeError(f"{self.package}.{name}.{self.attribute} is not a {self.kind.__name__}")
        return member

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> list[str]:
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        return sorted(m.name for m in pkgutil.iter_modules(folders or []) if m.name not in ("base", "__main__"))
