"""The page's scripts: the ES modules in `web/`, at addresses that change with their text, so that browsers keep them.

A module is fetched when an element of its own is first shown, with all that it imports; what the page begins with is
announced with the page itself. There is no list of them: the name of a module is the name of its file.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "web"
LOADER = FOLDER / "loader.js"
# Relative to the page, which may be served below another path.
ADDRESS = "studio/web/{version}/{name}.js"
IMPORT = re.compile(r'^(?:import|export) (?:.* from )?"\./([\w/.-]+)\.js";$', re.MULTILINE)


@cache
def version() -> str:
    """A digest of all modules: what a browser keeps for good has it in its address."""
    digest = sha256()
    for path in sorted(FOLDER.rglob("*.js")):
        digest.update(f"{path.relative_to(FOLDER)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def find(name: str, asked: str) -> Path | None:
    """The file of a module of this version; None where there is none."""
    path = (FOLDER / name).resolve()
    is_ours = path.is_relative_to(FOLDER) and path.suffix == ".js" and path.is_file()
    return path if is_ours and asked == version() else None


def loader() -> str:
    """What makes the page's one global, which fetches a module by its name."""
    return LOADER.read_text("utf-8").replace("VERSION", version())


def has(name: str) -> bool:
    """Whether there is such a module."""
    return (FOLDER / f"{name}.js").is_file()


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
    return tuple(IMPORT.findall((FOLDER / f"{name}.js").read_text("utf-8")))
