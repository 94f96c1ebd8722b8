"""JSON in the texts of files: whatever it is, nothing is raised."""

from typing import Any

from studio.parsing import ParseError, parse_json

MOST_CHARACTERS = 16_000_000


def read(text: str) -> Any:
    """The value that the text says; None where it is no JSON, or beyond the bounds."""
    if len(text) > MOST_CHARACTERS or text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        return None
    try:
        return parse_json(text, lenient=True)
    except ParseError:
        return None


def mapping(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is; None where it is none."""
    value = read(text)
    return value if isinstance(value, dict) else None
