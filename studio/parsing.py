"""JSON and TOML that others wrote, read within bounds: bytes, depth, how many values, how large a number.

Python's own readers answer a file of brackets with a RecursionError, an endless number with another error than they
promise, and a large file with all of the memory; a file that merely lies in a folder could stop every command so.
"""

import codecs
import copy
import json
import math
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

MOST_BYTES = 20 * 2**20
MOST_TOML_BYTES = 2**20
MOST_DEPTH = 100
MOST_VALUES = 500_000
# Seeds have 64 bits; a number with more digits is none that anything here takes.
LARGEST = 2**64
# Python's reader takes the square of their number in time.
MOST_POINTS = 1000
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16: its mark begins with that one's.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The bytes by which a text's encoding is told; of so many, one at least is zero in UTF-16 with commas and line breaks.
SEARCHED, ZEROS = 4096, 32
STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
NO_STEPS = re.compile(r"[^\[\]{},]+")
HALF = re.compile(r"\\u[dD][89a-fA-F]")
LONE = re.compile("[\ud800-\udfff]")
PLACE = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")
BACKSLASH = "a backslash stands before a character that it cannot escape; write \\\\ for the character itself"
# What the readers of JSON and TOML say, and what a creator can do with.
WORDS = {
    "Extra data": "something follows after its end",
    "Expecting value": "a value is missing",
    "Expecting property name": "a name in double quotes is missing, or a comma is too many",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Unterminated string": "a quote is never closed",
    "Invalid control character": "a line break or another control character stands within quotes",
    "Illegal trailing comma": "a comma is too many",
    "Invalid \\": BACKSLASH,
    "Illegal character": "a quote is not closed on its line, or a character is not allowed here",
    "Expected '=' after a key": "= is missing after a key",
    "Expected newline or end of document": "something follows after a value; put quotes around text",
    "Unescaped '\\'": BACKSLASH,
    "Invalid value": "this is not a value; put quotes around text",
    "Invalid initial character": "this is not a key; put quotes around one with blanks or accents",
    "Invalid statement": "this is not a key; put quotes around one with blanks or accents",
    "Cannot overwrite": "a key stands twice",
    "Cannot declare": "a key stands twice",
    "Duplicate inline table key": "a key stands twice",
    "Cannot mutate": "a key stands twice",
    "Unclosed array": "a bracket is never closed",
    "Unclosed inline table": "a brace is never closed",
    "Expected": "a bracket or a quote is never closed",
    "Invalid date": "there is no such date or time",
    "Found invalid character": "a quote is never closed, or a character is not allowed here",
}


class ParseError(ValueError):
    """A text that cannot be read: `fault` goes on from its name (“is not valid JSON …”), `hint` says what to do.

    `missing` tells that there is no file at all.
    """

    def __init__(self, fault: str, hint: str, *, missing: bool = False) -> None:
        super().__init__(fault, hint)
        self.fault = fault
        self.hint = hint
        self.missing = missing

    def __str__(self) -> str:
        return self.fault

    @property
    def cure(self) -> str:
        """What to do about a file that nothing else hangs on."""
        return "Rename or remove it." if "emove" in self.hint else f"{self.hint.removesuffix('.')}, or remove the file."


def load_json(path: Path, *, most_bytes: int = MOST_BYTES, lenient: bool = False) -> Any:
    """The JSON of a file, as `parse_json`; ParseError where it cannot be read or is larger than `most_bytes`."""
    return parse_json(read_bytes(path, most_bytes), lenient=lenient)


def load_toml(path: Path) -> dict[str, Any]:
    """The table of a TOML file, as `parse_toml`; ParseError where it cannot be read or is too large."""
    return parse_toml(read_bytes(path, MOST_TOML_BYTES))


def parse_json(text: str | bytes, *, most_values: int = MOST_VALUES, lenient: bool = False) -> Any:
    """The value of a JSON text; ParseError where it is none or beyond the bounds.

    `lenient` takes what careless writers write: of a key that stands twice the last counts, and what is no number that
    can be (NaN, 1e999, thousands of digits) is None. Halves of characters become U+FFFD.
    """
    text = decode(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    _check_shape(text, most_values)
    try:
        value = json.loads(
            text,
            parse_int=_number(_integer, lenient=lenient),
            parse_float=_number(_finite, lenient=lenient),
            parse_constant=_number(_finite, lenient=lenient),
            object_pairs_hook=dict if lenient else _once,
        )
    except json.JSONDecodeError as error:
        what = f"is not valid JSON at line {error.lineno}, column {error.colno}: {_plain(error.msg)}"
        raise ParseError(what, "Correct that place.") from error
    except RecursionError as error:
        raise _too_deep() from error
    return _whole(value) if HALF.search(text) or LONE.search(text) else value


def parse_toml(text: str | bytes) -> dict[str, Any]:
    """The table of a TOML text; ParseError where it is none or beyond the bounds."""
    text = decode(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    return copy.deepcopy(_table(text))


# Catalogues read their files again and again to see what is new; those that ship are less than half of so many.
@lru_cache(256)
def _table(text: str) -> dict[str, Any]:
    # A key with points is a table in a table for each of them.
    if any(piece.count(".") > MOST_POINTS for line in text.splitlines() for piece in line.split("=")):
        raise _too_deep()
    try:
        table = tomllib.loads(text, parse_float=_finite)
        _check_values(table)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = PLACE.search(message)
        where = f" at line {place[1]}, column {place[2]}" if place and place[1] else ""
        what = f"is not valid TOML{where}: {_plain(PLACE.sub('', message))}"
        raise ParseError(what, "Correct that place.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ParseError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise ParseError("holds a number that is too large", "Write a smaller one.") from error
    return table


# What a value is not, by how pydantic calls the fault.
NO_SUCH = {
    "bool": "it is neither true nor false",
    "int": "it is not a whole number",
    "float": "it is not a number",
    "decimal": "it is not a number",
    "finite": "it is not a finite number",
    "string": "it is not text",
    "list": "it is not a list",
    "tuple": "it is not a list",
    "dict": "it is not a table",
    "model": "it is not a table",
    "path": "it is not a path",
}
BOUNDS = {
    "greater_than": "it has to be more than {gt:.10g}",
    "greater_than_equal": "it has to be {ge:.10g} or more",
    "less_than": "it has to be less than {lt:.10g}",
    "less_than_equal": "it has to be {le:.10g} or less",
    "literal_error": "it has to be {expected}",
    "too_short": "it has fewer than {min_length} entries",
    "too_long": "it has more than {max_length} entries",
    "string_too_short": "it is shorter than {min_length} characters",
    "string_too_long": "it is longer than {max_length} characters",
    "missing": "it is missing",
    "extra_forbidden": "there is no such thing",
}


def fault_words(fault: Mapping[str, Any]) -> str:
    """A fault that pydantic found in a value, in plain words; those of our own checks as they are."""
    kind = str(fault["type"])
    if kind in BOUNDS:
        return BOUNDS[kind].format(**fault.get("ctx", {}))
    if kind in ("value_error", "assertion_error"):
        return str(fault["msg"]).partition(", ")[2]
    return NO_SUCH.get(kind.partition("_")[0], "it is not valid")


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """What a file holds; ParseError where it is none, cannot be read, or is larger than `most_bytes`."""
    try:
        # A pipe that nobody writes would be waited on for good.
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise ParseError("is not a file", "Rename or remove it.")
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError as error:
        raise ParseError("is not there", "Put it there again.", missing=True) from error
    except OSError as error:
        if path.is_dir():
            raise ParseError("is a folder, not a file", "Rename or remove it.") from error
        raise ParseError(f"cannot be read: {error.strerror}", "Check its permissions.") from error
    if len(content) > most_bytes:
        raise ParseError(f"is larger than {most_bytes / 2**20:.3g} MB", "Make it smaller, or divide it.")
    return content


def decode(content: bytes, fallback: str = "") -> str:
    """The text of UTF-8, or of what its byte order mark or its zeros say; else of `fallback`, where one is given.

    ParseError where it is none.
    """
    encoding = next((name for mark, name in BOMS if content.startswith(mark)), "") or _unmarked(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if fallback:
            return content.decode(fallback, "replace")
        raise ParseError("is not UTF-8 text", "Save it as UTF-8.") from error


def _unmarked(content: bytes) -> str:
    """UTF-16 without a mark, as some spreadsheets save it, has a zero beside each plain letter; else UTF-8."""
    head = content[:SEARCHED]
    low, high = (head[start::2].count(0) for start in (1, 0))
    if max(low, high) <= max(len(head) // ZEROS, 2 * min(low, high)) or len(content) % 2:
        return "utf-8"
    return "utf-16-le" if low > high else "utf-16-be"


def shown(value: Any, most: int = 60) -> str:
    """A foreign value as an error may show it: on one line, and not for pages."""
    text = repr(value[: most + 1] if isinstance(value, str) else value)
    return text if len(text) <= most else f"{text[:most]}…"


def _check_shape(text: str, most_values: int) -> None:
    """ParseError where there are too many values or brackets in brackets: before any of them is made."""
    steps = NO_STEPS.sub("", STRING.sub("", text))
    if steps.count(",") + steps.count("[") + steps.count("{") > most_values:
        raise ParseError(f"holds more than {most_values:,} values", "Check what it is.")
    depths = accumulate(1 if sign in "[{" else -1 if sign in "]}" else 0 for sign in steps)
    if max(depths, default=0) > MOST_DEPTH:
        raise _too_deep()


def _check_values(table: dict[str, Any]) -> None:
    """ParseError where tables lie too deep in one another, or a number is too large."""
    held: list[Any] = [table]
    for _ in range(MOST_DEPTH):
        for value in held:
            if type(value) is int:
                _integer(str(value))
        held = [one for value in held if isinstance(value, dict | list) for one in _items(value)]
        if not held:
            return
    raise _too_deep()


def _items(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        again = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ParseError(f"has the key {shown(again)} twice", "Leave one of them out.")
    return table


def _number(read: Callable[[str], Any], *, lenient: bool) -> Callable[[str], Any]:
    def number(digits: str) -> Any:
        try:
            return read(digits)
        except ParseError:
            if lenient:
                return None
            raise

    return number


def _integer(digits: str) -> int:
    if len(digits) > len(str(LARGEST)) + 1 or abs(int(digits)) > LARGEST:
        raise ParseError(f"holds a number that is too large ({digits[:20]}…)", "Write a smaller one.")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ParseError(f"holds {digits[:20]} where a number should be", "Write a number.")
    return value


def _whole(value: Any) -> Any:
    """The value with U+FFFD for each half of a character, which nothing can write down or show."""
    if isinstance(value, str):
        return LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, Mapping):
        return {_whole(name): _whole(one) for name, one in value.items()}
    return value


def _plain(message: str) -> str:
    """What a reader says, in the studio's words."""
    return next(
        (words for known, words in WORDS.items() if message.startswith(known)), "it breaks off or is garbled here"
    )


def _too_deep() -> ParseError:
    return ParseError(f"is nested more than {MOST_DEPTH} levels deep", "Check what it is.")
