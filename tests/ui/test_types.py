"""What the page's scripts are checked against: made of the server's schemas, and checked where npm is."""

import dataclasses
import importlib
import pkgutil
import shutil
import subprocess
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

import pytest

from studio.errors import Fault
from studio.ui import schemas, web
from studio.ui.ids import Id

ROOT = Path(__file__).resolve().parents[2]
TYPES, IDS = web.FOLDER / "types.d.ts", web.FOLDER / "ids.js"
TSC = ROOT / "node_modules" / ".bin" / "tsc"
HEAD = "// What the server tells the page. Written by `make types` from studio/ui/schemas/.\n"
SIMPLE = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "any"}


def declarations() -> str:
    """An interface for each schema, in the order in which they are first needed."""
    return HEAD + "".join(map(_interface, dict.fromkeys(one for schema in told() for one in _within(schema))))


def told() -> Iterator[Any]:
    """The schemas of all rooms, and what each error tells."""
    yield Fault
    for _, name, _ in pkgutil.iter_modules(schemas.__path__, f"{schemas.__name__}."):
        members = vars(importlib.import_module(name)).values()
        yield from (one for one in members if _is_schema(one) and one.__module__ == name)


def ids() -> str:
    """The ids of the server's elements as a module."""
    rows = "".join(f'    {_camel(one.name)}: "{one.value}",\n' for one in Id)
    head = "// The ids of elements that the server makes. Written by `make types` from studio/ui/ids.py.\n"
    return f"{head}export const ids = {{\n{rows}}};\n"


def _camel(name: str) -> str:
    first, *more = name.lower().split("_")
    return first + "".join(word.capitalize() for word in more)


def _is_schema(kind: Any) -> bool:
    return isinstance(kind, type) and (hasattr(kind, "__required_keys__") or dataclasses.is_dataclass(kind))


def _within(kind: Any) -> Iterator[Any]:
    """The schemas that one is made of, itself the last."""
    for inner in _hints(kind).values() if _is_schema(kind) else get_args(kind):
        yield from _within(inner)
    if _is_schema(kind):
        yield kind


def _hints(schema: Any) -> dict[str, Any]:
    hints = get_type_hints(schema, include_extras=True)
    return {name: get_args(hint)[0] if get_origin(hint) is NotRequired else hint for name, hint in hints.items()}


def _interface(schema: Any) -> str:
    left_out: frozenset[str] = getattr(schema, "__optional_keys__", frozenset())
    rows = (f"    {name}{'?' * (name in left_out)}: {_type(hint)};\n" for name, hint in _hints(schema).items())
    doc = schema.__doc__.split("\n")[0]
    return f"\n/** {doc} */\ninterface {schema.__name__} {{\n{''.join(rows)}}}\n"


def _type(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if kind in SIMPLE:
        return SIMPLE[kind]
    if origin is Literal:
        return " | ".join(str(one).lower() if isinstance(one, bool) else f'"{one}"' for one in inner)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(_type, inner)))
    if origin in (list, tuple):
        fixed = origin is tuple and inner[-1] is not ...
        return f"[{', '.join(map(_type, inner))}]" if fixed else f"Array<{_type(inner[0])}>"
    if origin is dict:
        return f"Record<string, {_type(inner[1])}>"
    return _named(kind)


def _named(kind: Any) -> str:
    if _is_schema(kind):
        return str(kind.__name__)
    if issubclass(kind, Enum):
        return "number" if issubclass(kind, int) else "string"
    raise TypeError(f"{kind} has no type of TypeScript's here.")


@pytest.mark.parametrize(("path", "made"), [(TYPES, declarations), (IDS, ids)])
def test_what_is_made_of_the_servers_schemas_is_up_to_date(path: Path, made: Any) -> None:
    assert path.read_text("utf-8") == made(), "run `make types`"


@pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not here: `make check` installs it where npm is")
def test_a_script_that_reads_what_the_server_does_not_tell_is_found(tmp_path: Path) -> None:
    shutil.copytree(web.FOLDER, tmp_path / "studio" / "ui" / "web")
    shutil.copy(ROOT / "tsconfig.json", tmp_path)
    wrong = tmp_path / "studio" / "ui" / "web" / "wrong.js"
    wrong.write_text("/** @param {JobView} job */\nexport const read = (job) => job.ended;\n")
    told = subprocess.run([TSC], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode
    assert told.stdout.splitlines() == [
        "studio/ui/web/wrong.js(2,34): error TS2339: Property 'ended' does not exist on type 'JobView'."
    ]


if __name__ == "__main__":
    TYPES.write_text(declarations(), "utf-8")
    IDS.write_text(ids(), "utf-8")
