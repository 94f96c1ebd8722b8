"""The text of a prompt while it is read: numbers in it, and faults with their place."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from studio.errors import InvalidPrompt
from studio.prompts.language import Field
from studio.shorthand import apart

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
# A call that stands free may hold whatever a file's name may: blanks, points, brackets, escapes.
WILDCARD = r"(?:__(?:(?!__)[\w\-/*])+__|(?<!\w)__(?=\S)(?:\\.|(?!__)[^\n\\{}|<>])+(?<!\s)__(?!\w))"
# Names end where no letter and no accent follows.
NAME_ENDS = r"(?![\w\u0300-\u036f])"
# What was meant as a number: digits, signs and points alone, or nothing at all.
INTENDED = re.compile(r"[+\-0-9.,\s]*")


@dataclass(frozen=True)
class Source:
    """The text of a recipe's field."""

    text: str
    field: Field

    def fail(self, position: int, message: str, hint: str) -> NoReturn:
        raise InvalidPrompt(self.field, self.text, position, message, hint)

    def number(self, text: str, position: int) -> float:
        """The number that `said`, which stands at `position`, is; InvalidPrompt where it is none."""
        if not NUMBER.fullmatch(text.strip()):
            what = f"“{text.strip():.20}” is not a number." if text.strip() else "A number is missing here."
            self.fail(position, what, r"Write it like 1.3, or \: for the colon itself.")
        value = float(text)
        if not math.isfinite(value):
            self.fail(position, "This number is too large.", "Write it like 1.3.")
        return value


def any_of(names: Iterable[str]) -> str:
    """A pattern for one of these names, the longest first, with accents whole or taken apart."""
    forms = (dict.fromkeys((name, apart(name))) for name in sorted(names, key=len, reverse=True))
    return "|".join(re.escape(form) for each in forms for form in each)


def escape_it(character: str) -> str:
    """The cure for a character that has nothing to close."""
    return f"Remove it, or write \\{character} for the character itself."


def close_it(opening: str, closing: str) -> str:
    """The cure for a bracket that is never closed."""
    return f"Close it with {closing}, or write \\{opening} for the character itself."
