"""What may be shown to anybody: no folder of this machine is named, and no key."""

import os
import re
from typing import Any

# Of a path only its end is kept; what follows a letter, a colon or a slash is part of an address.
PATH = re.compile(r"""(?<![\w:/.~])(?:~|[A-Za-z]:(?=[\\/]))?[\\/](?:[^\\/\s"'<>|:]+[\\/])+(?=[^\\/\s"'<>|:])""")
SECRET = re.compile(r"(TOKEN|KEY|SECRET|PASSWORD)S?$", re.IGNORECASE)
# Shorter ones may be words.
SHORTEST = 8


def shareable(value: Any) -> Any:
    """Plain data, with every text in it without paths and without what the environment keeps secret."""
    if isinstance(value, dict):
        return {name: shareable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shareable(one) for one in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    for name, secret in os.environ.items():
        if SECRET.search(name) and len(secret) >= SHORTEST:
            text = text.replace(secret, "***")
    return PATH.sub("…/", text)
