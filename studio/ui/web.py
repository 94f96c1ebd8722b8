"""The page's scripts: the ES modules in `web/`, at addresses that change with their text, so that browsers keep them.

A module is fetched when an element of its own is first shown, with all that it imports; what the page begins with is
announced with the page itself. There is no list of them: the name of a module is the name of its file. Beside it lies
the style sheet of what it draws, if it has one.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "web"
# Where modules are looked for; the first of a name counts.
FOLDERS = [FOLDER]
LOADER = FOLDER / "loader.js"
# Relative to the page, which may be served below another path.
ADDRESS = "studio/web/{version}/{name}.js"
IMPORT = re.compile(r'^(?:import|export) (?:.* from )?"\./([\w/.-]+)\.js";$', re.MULTILINE)


@cache
def version() -> str:
    """A digest of all modules: what a browser keeps for good has it in its address."""
    digest = sha256()
    for name, path in files(".js").items():
        digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def styles() -> str:
    """The style sheets of all components, in the order of their names."""
    return "\n".join(path.read_text("utf-8") for path in files(".css").values())


def find(name: str, wanted: str) -> Path | None:
    """The file of a module of this version; None where there is none."""
    return files(".js").get(name) if wanted == version() else None


def loader(first: str) -> str:
    """What makes the page's one global, which fetches a module by its name; `first` is the tab that is drawn first."""
    return LOADER.read_text("utf-8").replace("VERSION", version()).replace("FIRST", first)


def has(name: str) -> bool:
    """Whether there is such a module."""
    return f"{name}.js" in files(".js")


def call(module: str, function: str, *given: Any) -> str:
    """The script of a Gradio listener: calls a module's function with these values, then with those of its inputs."""
    known = "".join(f"{json.dumps(value)}, " for value in given)
    return f'async (...values) => (await studio("{module}")).{function}({known}...values)'


def announced(names: Iterable[str]) -> str:
    """A `Link` header that has these modules fetched at once, with all that they import."""
    addresses = (ADDRESS.format(version=version(), name=name) for name in sorted(_with_imports(names)))
    return ", ".join(f"<{address}>; rel=modulepreload" for address in addresses)


def _with_imports(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    layer = set(names)
    while layer:
        found |= layer
        layer = {other for name in layer for other in imports(name)} - found
    return found


@cache
def imports(name: str) -> tuple[str, ...]:
    """The modules that one imports itself."""
    return tuple(IMPORT.findall(files(".js")[f"{name}.js"].read_text("utf-8")))


@cache
def files(ending: str) -> dict[str, Path]:
    """The files of an ending by their names below their folder, in order."""
    found = {
        path.relative_to(folder).as_posix(): path for folder in reversed(FOLDERS) for path in folder.rglob(f"*{ending}")
    }
    return dict(sorted(found.items()))
