"""Members of a registry from a test's own folder, as files of the package are."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.registry import Registry
from studio.ui import web


@contextmanager
def registered(registry: Registry[Any], folder: Path) -> Iterator[None]:
    """While the block lasts, what lies in this folder is registered, too."""
    package = importlib.import_module(registry.package)
    package.__path__.append(str(folder))
    _look_again(registry)
    try:
        yield
    finally:
        package.__path__.remove(str(folder))
        for path in folder.glob("*.py"):
            sys.modules.pop(f"{registry.package}.{path.stem}", None)
            vars(package).pop(path.stem, None)
        _look_again(registry)


def _look_again(registry: Registry[Any]) -> None:
    """Forget which files there are; a registry looks once."""
    vars(registry).pop("_names", None)
    importlib.invalidate_caches()


@contextmanager
def served_from(folder: Path) -> Iterator[None]:
    """While the block lasts, a page that is made finds scripts and style sheets in this folder, too."""
    web.FOLDERS.append(folder)
    _read_again()
    try:
        yield
    finally:
        web.FOLDERS.remove(folder)
        _read_again()


def _read_again() -> None:
    for cached in (web.version, web.imports, web.files):
        cached.cache_clear()
