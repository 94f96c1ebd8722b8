"""The texts of the page's scripts: what stands in strings and templates, apart from code and comments."""

import re
from collections.abc import Iterator

# What an expression in a template leaves in its text.
HOLE = "\N{HORIZONTAL ELLIPSIS}"
# After these a slash begins a pattern; after anything else it divides.
BEFORE_PATTERN = re.compile(r"(?:[(,=:\[!&|?{};~+*%<>^-]|\breturn|\btypeof|\bcase|=>|^)\s*$")


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Each string and template with the line that it begins in; an expression in a template is a hole, and its own
    texts come before.
    """
    found: list[tuple[int, str]] = []
    _code(source, 0, found, closes="")
    yield from found


def _code(source: str, at: int, found: list[tuple[int, str]], closes: str) -> int:
    """Read code up to its end, or to the brace that closes it; the place behind that."""
    start, depth = at, 0
    while at < len(source):
        sign, two = source[at], source[at : at + 2]
        if two == "//":
            at = (source.find("\n", at) + 1) or len(source)
        elif two == "/*":
            at = source.index("*/", at) + 2
        elif sign in "\"'":
            at = _string(source, at, found)
        elif sign == "`":
            at = _template(source, at, found)
        elif sign == "/" and BEFORE_PATTERN.search(source, start, at):
            at = _pattern(source, at)
        elif closes and sign == closes and depth == 0:
            return at + 1
        else:
            depth += (sign == "{") - (sign == "}")
            at += 1
    return at


def _string(source: str, at: int, found: list[tuple[int, str]]) -> int:
    whole = re.compile(r"([\"'])((?:\\.|(?!\1).)*)\1", re.DOTALL).match(source, at)
    assert whole, source[at : at + 40]
    found.append((source.count("\n", 0, at) + 1, _plain(whole[2])))
    return whole.end()


def _template(source: str, at: int, found: list[tuple[int, str]]) -> int:
    line, text = source.count("\n", 0, at) + 1, ""
    at += 1
    while source[at] != "`":
        if source.startswith("${", at):
            at = _code(source, at + 2, found, closes="}")
            text += HOLE
        else:
            length = 2 if source[at] == "\\" else 1
            text += source[at : at + length]
            at += length
    found.append((line, _plain(text)))
    return at + 1


def _pattern(source: str, at: int) -> int:
    whole = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/").match(source, at)
    assert whole, source[at : at + 40]
    return whole.end()


def _plain(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text)
