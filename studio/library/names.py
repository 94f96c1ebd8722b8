"""File names that are one on every system, made from any."""

import re
import unicodedata

MOST_STEM_BYTES = 80
# Names that Windows keeps for devices.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_stem(stem: str) -> str:
    """What of a file's name can be one on every system: without ways, signs that steer, and what is too long."""
    text = unicodedata.normalize("NFC", stem.encode(errors="surrogateescape").decode(errors="replace"))
    kept = "".join(sign if sign.isprintable() and sign not in '/\\:*?"<>|' else "_" for sign in text)
    kept = kept.encode()[:MOST_STEM_BYTES].decode(errors="ignore").strip(" .")
    return "picture" if not kept or DEVICES.fullmatch(kept) else kept
