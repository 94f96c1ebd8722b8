"""Words as the library finds them, in any script: folded, and parted where a script puts no spaces between them."""

import re
import unicodedata

# Kana, Han, Thai, Lao, Burmese, Khmer: each sign is a word, and a word of several is a phrase.
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
# What a text of a file may add to the index; no prompt that a recipe takes is longer.
MOST_CHARACTERS = 50_000
# From so many letters on, the beginning of a word finds it.
SHORTEST_BEGINNING = 3


def indexed(text: str) -> str:
    """A text as it is kept for searching."""
    return UNSPACED.sub(r" \1 ", folded(text[:MOST_CHARACTERS]))


def is_text(text: str) -> bool:
    """Whether a text can be kept as one: neither programs nor some file systems promise that."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def folded(text: str) -> str:
    """A text without differences of case and width."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\0", " ")


def phrase(text: str, *, exact: bool = False) -> str:
    """What the index is asked for words that follow each other; empty where there is no letter or digit in them.

    The last may go on unless it is `exact`, or too short.
    """
    parts = [part for part in indexed(text).replace('"', " ").split() if any(map(_counts, part))]
    if not parts:
        return ""
    goes_on = not exact and len(parts[-1]) >= SHORTEST_BEGINNING
    return f'"{" ".join(parts)}"{"*" if goes_on else ""}'


def _counts(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LNM" or unicodedata.category(sign) == "Co"
