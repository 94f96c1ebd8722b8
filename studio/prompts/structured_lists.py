"""Lists of words in YAML and JSON files, as dynamic prompts and the Impact Pack keep them.

Each list is called by the keys that lead to it, `artists/dutch`; a file that is one list by the file's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import InvalidPreset
from studio.parsing import ParseError, load_json
from studio.parsing_yaml import Scalar, load_yaml
from studio.shorthand import normalized

ENDINGS = (".yaml", ".yml", ".json")
# Where a list says how often an entry is drawn: {"text": "red", "weight": 2}.
WORDS = ("text", "content")
CURE = "Put quotes around it."


@dataclass(frozen=True)
class Entry:
    """The words of an entry, with its line, or its number where lines are not known."""

    number: int
    text: str


@dataclass(frozen=True)
class StructuredFile:
    """The lists of a file by name, and what of it is left out."""

    lists: dict[str, tuple[Entry, ...]]
    faults: tuple[InvalidPreset, ...]


def read_lists(path: Path) -> StructuredFile:
    """What the file holds; InvalidPreset where it cannot be read or holds no list."""
    try:
        value = load_json(path) if path.suffix.lower() == ".json" else load_yaml(path)
    except ParseError as error:
        raise InvalidPreset(f"{path} {error.fault}.", error.cure) from error
    lists: dict[str, tuple[Entry, ...]] = {}
    faults: list[InvalidPreset] = []
    for name, given in _lists(value, path.stem if isinstance(value, list) else ""):
        entries = [_entry(number, one) for number, one in enumerate(given, start=1)]
        lists[normalized(name)] = tuple(one for one in entries if isinstance(one, Entry))
        faults += [
            InvalidPreset(f"{path}, {name}: {one}, and is left out.", CURE) for one in entries if isinstance(one, str)
        ]
    if not lists:
        raise InvalidPreset(
            f"{path} holds no lists.", "Write “name:” and below it a line with “- words” for each entry."
        )
    return StructuredFile(lists, tuple(faults))


def _lists(value: Any, name: str) -> Iterator[tuple[str, list[Any]]]:
    """The lists below, by their keys; a text by itself is a list of one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lists(inner, f"{name}/{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, value
    elif isinstance(value, str) and name:
        yield name, [value]


def _entry(number: int, given: Any) -> Entry | str | None:
    """The entry; what is wrong with it, or None where it is empty."""
    if isinstance(given, dict) and (words := next((given[key] for key in WORDS if given.get(key)), None)):
        given = Scalar(f"{given.get('weight', 1)}::{words}")
        given.line = getattr(words, "line", number)
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = f"{given:g}"
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        line = next((f"line {one.line}" for one in _texts(given)), f"entry {number}")
        return f"{line} is not text"
    return Entry(getattr(given, "line", number), given.strip())


def _texts(value: Any) -> Iterator[Scalar]:
    for one in [*value, *(value.values() if isinstance(value, dict) else ())] if isinstance(value, dict | list) else []:
        if isinstance(one, Scalar):
            yield one
