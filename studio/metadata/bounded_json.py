"""JSON of unknown origin: bounded in size and depth, never with NaN, never an endless number."""

import json
import re
from typing import Any

MOST_CHARACTERS, MOST_DEPTH = 16_000_000, 200
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def loads(text: str) -> Any:
    """The value that the text says, with null for NaN and infinities; ValueError where it is none or beyond bounds."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it has more than {MOST_CHARACTERS} characters")
    _check_depth(text)
    return json.loads(text, parse_constant=lambda _: None)


def mapping(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is; None where it is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _check_depth(text: str) -> None:
    depth = 0
    for match in BRACKETS.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise ValueError(f"it is nested deeper than {MOST_DEPTH}")
        elif match[0] in "]}":
            depth -= 1
