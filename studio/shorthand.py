"""Settings of several parts as one writes them in a word, and back from it; and names in one form."""

import re
import unicodedata
from collections.abc import Iterable

from studio.errors import InvalidRecipe

NUMBER = r"\d*\.?\d+"
LORA_FORM = "NAME[:WEIGHT]"
LORA = rf"(?P<name>.+?)(?::(?P<weight>-?{NUMBER}))?"
# What is said of twins, and done about them.
TWINS = "{count} files are called “{name}”; only the form of their accents differs."
RENAME = "Rename or remove all but one."
SIDES_FORM = "left=N,right=N,top=N,bottom=N"


def lora(text: str) -> dict[str, str]:
    """The LoRA of `ink:0.6`; InvalidRecipe where it is none."""
    found = re.fullmatch(LORA, text)
    if not found:
        raise InvalidRecipe("loras", f"{text!r} is not a valid LoRA.", f"Write {LORA_FORM}.")
    return {name: value for name, value in found.groupdict().items() if value is not None}


def sides(text: str, between: str = ",") -> dict[str, str]:
    """The sides of `left=8,top=16`; InvalidRecipe where they are none."""
    parts = [part.split("=") for part in text.split(between)]
    if any(len(part) != 2 for part in parts):
        form = SIDES_FORM.replace(",", between)
        raise InvalidRecipe(
            "outpaint", f"{text!r} is not a valid outpaint padding.", f"Write {form}, or some of these."
        )
    return {name.strip(): pixels.strip() for name, pixels in parts}


def normalized(name: str) -> str:
    """A name in the one form (NFC) in which names are compared: disks of a Mac take accents apart.

    Bytes of a file's name that are no UTF-8 become U+FFFD; nothing could show them.
    """
    return unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def twins(names: Iterable[str]) -> dict[str, list[str]]:
    """Names in one folder that are one name to whoever reads them, by that name: accents are written otherwise."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(normalized(name), []).append(name)
    return {name: same for name, same in found.items() if len(same) > 1}


def apart(name: str) -> str:
    """The same name with accents taken apart (NFD)."""
    return unicodedata.normalize("NFD", normalized(name))


def folded(name: str) -> str:
    """A name as it is looked for where no other is written just so: without case and blanks at its ends."""
    return unicodedata.normalize("NFC", normalized(name).casefold()).strip()
