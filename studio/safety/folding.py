"""A text as it reads rather than as it is spelled: without accents, look-alikes of letters, and blanks between them."""

import re
import unicodedata
from collections.abc import Callable, Sequence

# Letters of other scripts that look like Latin ones.
ALIKE = str.maketrans(
    "авекмнорстухіјѕԁԛԝһӏαβεηικνορτυχωɡıłøđɑ",
    "abekmhopctyxijsdqwhlabenikvoptuxwgiloda",
)
# Digits and signs that stand for letters; 1 is an i or an l.
DIGITS = (str.maketrans("0134578@$!", "oieastbasi"), str.maketrans("0134578@$!", "oleastbasl"))
# What no eye sees, and accents.
UNSEEN = {"Mn", "Me", "Cf"}
# What stands within a word so that it is not found, and what weighs words in a prompt.
WITHIN = re.compile(r"(?<=\w)[.\-_*'’·~+](?=\w)")
WEIGHTS = re.compile(r":\s*-?\d*\.?\d+\s*(?=[)\]])|[()\[\]{}\\]")
SPACED = re.compile(r"(?<!\w)(?:\w[\W_]{1,3}){2,}\w(?!\w)")
BETWEEN = re.compile(r"[\W_]")
REPEATED = re.compile(r"(\w)\1{2,}")


def folded(text: str) -> str:
    """The text in small Latin letters where they look like these, each run of other signs a blank."""
    return _words(_plain(text))


def readings(text: str) -> tuple[str, ...]:
    """The ways in which a text may be meant to be read, each as `folded` has it; the plain one first."""
    plain = _plain(text)
    spelled = [plain]
    for way in WAYS:
        spelled = list(dict.fromkeys([*spelled, *map(way, spelled)]))
    return tuple(dict.fromkeys(map(_words, spelled)))


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    seen = "".join(letter for letter in apart if unicodedata.category(letter) not in UNSEEN)
    return seen.casefold().translate(ALIKE)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text))


def _closed(text: str, kept: int) -> str:
    """Single letters in a row put together, but for the first `kept`, which may be a word of its own."""
    return SPACED.sub(lambda found: f"{found[0][:kept]} {re.sub(BETWEEN, '', found[0][kept:])}", text)


WAYS: Sequence[Callable[[str], str]] = (
    lambda text: WEIGHTS.sub("", text),
    lambda text: text.translate(DIGITS[0]),
    lambda text: text.translate(DIGITS[1]),
    lambda text: WITHIN.sub("", text),
    lambda text: _closed(text, 0),
    lambda text: _closed(text, 1),
    lambda text: REPEATED.sub(r"\1", text),
)
