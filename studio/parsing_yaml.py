"""YAML that others wrote, read within the bounds of `parsing`; every value is the text that is written.

No tag is followed and no anchor expanded: neither code nor a small file that stands for a large one can do harm.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.parsing import MOST_DEPTH, MOST_VALUES, ParseError, decode, read_bytes

# Its reader takes a second for each of them.
MOST_BYTES = 4 * 2**20
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
INDENTED = "its indentation is not that of the lines above, or quotes are missing around text"
# What the reader says, and what a creator can do with.
WORDS = {
    "mapping values are not allowed": "a colon stands within text; put quotes around the text",
    "found character that cannot start": "a tab, @ or % stands where text begins; put quotes around it",
    "could not find expected ':'": "a colon is missing after a key, or quotes around text",
    "while scanning a quoted": "a quote is never closed",
    "found unexpected end of stream": "a quote is never closed",
    "exceeded": f"it is nested more than {MOST_DEPTH} levels deep",
    "did not find expected": INDENTED,
    "expected": INDENTED,
}


class Scalar(str):
    """A text in a YAML file, with the line that it stands on."""

    __slots__ = ("line",)
    line: int


def load_yaml(path: Path) -> Any:
    """The mappings, lists and texts of a YAML file; ParseError where it cannot be read or is beyond the bounds."""
    return parse_yaml(read_bytes(path, MOST_BYTES))


def parse_yaml(text: str | bytes) -> Any:
    """The mappings, lists and `Scalar` texts of a YAML text, None for nothing; ParseError as `load_yaml`."""
    import yaml

    text = decode(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    try:
        return _built(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ParseError(f"is not valid YAML{where}: {_plain(error)}", "Correct that place.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ParseError("is not valid YAML: it holds characters that text cannot have", "Save it as text.") from error


def _plain(error: Any) -> str:
    messages = [str(error.problem or ""), str(error.context or "")]
    return next((words for known, words in WORDS.items() if any(one.startswith(known) for one in messages)), INDENTED)


def _built(events: Iterable[Any]) -> Any:
    """The value that the parser's events tell, without calling itself."""
    from yaml import events as kinds

    documents: list[Any] = []
    # What is open: a list, or a mapping with the key that waits for its value.
    held: list[tuple[Any, list[Scalar]]] = [(documents, [])]
    count = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, kinds.AliasEvent):
            raise ParseError(f"refers to another place by * in line {line}", "Put quotes around text that begins so.")
        if isinstance(event, kinds.CollectionEndEvent):
            held.pop()
            continue
        if not isinstance(event, kinds.NodeEvent):
            continue
        count += 1
        value = _value(event, line)
        _put(*held[-1], value, line)
        if isinstance(value, dict | list):
            held.append((value, []))
        if len(held) > MOST_DEPTH:
            raise ParseError(f"is nested more than {MOST_DEPTH} levels deep", "Check what it is.")
        if count > MOST_VALUES:
            raise ParseError(f"holds more than {MOST_VALUES:,} values", "Check what it is.")
    if len(documents) > 1:
        raise ParseError("holds several documents", "Leave out the lines of --- between them.")
    return documents[0] if documents else None


def _value(event: Any, line: int) -> Any:
    from yaml import events as kinds

    if isinstance(event, kinds.MappingStartEvent):
        return {}
    if isinstance(event, kinds.SequenceStartEvent):
        return []
    if event.style is None and event.value in NOTHING:
        return None
    scalar = Scalar(event.value)
    scalar.line = line
    return scalar


def _put(into: Any, key: list[Scalar], value: Any, line: int) -> None:
    """Put a value where it belongs; of a mapping the first of two is its key."""
    if isinstance(into, list):
        into.append(value)
    elif key:
        into[key.pop()] = value
    elif not isinstance(value, Scalar):
        raise ParseError(f"has a key that is not text in line {line}", "Put quotes around it.")
    elif value in into:
        raise ParseError(f"has the key {value[:60]!s} twice, the second time in line {line}", "Leave one of them out.")
    else:
        key.append(value)
