"""What the studio knows of the families of single files, so that one needs no folder of configs beside it.

`assets/configs/FAMILY` is a diffusers folder without weights, by the published architecture; the tokenizers in it say
what pads, and all share one vocabulary.
"""

from functools import cache
from pathlib import Path

from studio.settings import ASSETS

CONFIGS = ASSETS / "configs"
CLIP = CONFIGS / "clip" / "merges.txt"
CLIP_SPECIAL = ("<|startoftext|>", "<|endoftext|>")
Pairs = list[tuple[str, str]]


def bundled(family: str) -> Path | None:
    """The folder of configs for single files of a family; None where the studio has none."""
    folder = CONFIGS / family
    return folder if folder.is_dir() else None


@cache
def clip_vocabulary() -> tuple[dict[str, int], Pairs]:
    """CLIP's tokens with their numbers, and the pairs that are merged, in order."""
    pairs = [tuple(line.split(" ")) for line in CLIP.read_text("utf-8").splitlines()[1:]]
    letters = [*_printable()]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in pairs), *CLIP_SPECIAL]
    return {piece: number for number, piece in enumerate(pieces)}, [(first, second) for first, second in pairs]


def _printable() -> list[str]:
    """A letter for each byte: its own where it has one that is seen, else one from behind Latin-1."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(seen)
    return [chr(byte) for byte in seen] + [chr(256 + number) for number in range(others)]
