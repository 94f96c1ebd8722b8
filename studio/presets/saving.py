"""Presets that people save: one TOML file each in the home's `presets`, written whole or not at all.

`Presets` reads them again with `refresh`.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.atomic_files import AtomicFolder
from studio.errors import AlreadyExists, InvalidPreset, NotFound
from studio.parsing import ParseError, load_toml

LONGEST = 60


def write(home: Path, folder: str, name: str, table: Mapping[str, Any]) -> Path:
    """Save a preset under its name; one of the same name is replaced, one of another name is not.

    What is None is left out. InvalidPreset where the name cannot be a file's, StorageError from the disk.
    """
    path = path_of(home, folder, name)
    if (there := _name_in(path)) not in (None, name):
        raise AlreadyExists(f"{path} is the preset {there!r}.", "Choose another name, or delete that one first.")
    text = to_toml({"name": name, **table}).encode()
    AtomicFolder(path.parent).write(path, lambda file: file.write(text))
    return path


def remove(home: Path, folder: str, id: str) -> None:  # noqa: A002
    """Delete a saved preset by its id; InvalidPreset where there is none."""
    path = home / "presets" / folder / f"{id}.toml"
    if Path(id).name != id or not path.is_file():
        raise NotFound(f"There is no saved preset {id!r}.", "Those that come with the studio cannot be deleted.")
    path.unlink()


def path_of(home: Path, folder: str, name: str) -> Path:
    """Where the preset of this name is saved; its id is the stem."""
    return home / "presets" / folder / f"{id_of(name)}.toml"


def id_of(name: str) -> str:
    """The id of a preset of this name: its letters and digits, small, with dashes between; InvalidPreset."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    slug = re.sub(r"[\W_]+", "-", plain)[:LONGEST].strip("-")
    if not slug:
        raise InvalidPreset(f"{name!r} is not a valid preset name.", "Give it a name with letters or digits.")
    return slug


def to_toml(table: Mapping[str, Any]) -> str:
    """A table as TOML, each key on a line of its own, so that a fault in it can be told by its line."""
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in table.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, str):
        # What JSON escapes is escaped so in TOML, too; it leaves one character that TOML does not allow.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        items = [_value(one) for one in value]
        if any(isinstance(one, Mapping) for one in value):
            return f"[\n{''.join(f'    {item},{chr(10)}' for item in items)}]"
        return f"[{', '.join(items)}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} cannot be written as TOML")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _name_in(path: Path) -> str | None:
    """The name that a preset's file gives; None where there is no file, its stem where it is damaged."""
    try:
        return str(load_toml(path).get("name", path.stem))
    except ParseError as error:
        return None if error.missing else path.stem
