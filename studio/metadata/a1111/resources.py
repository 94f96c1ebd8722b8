"""What an A1111 text says of the files that it was made with: hashes, and the resources that Civitai lists."""

import re
from collections.abc import Mapping
from typing import Any

from studio.metadata import foreign_json
from studio.metadata.imported import stem

# A1111 shows a checkpoint with its hash.
HASHED = re.compile(r"(.{1,300}?) *\[([0-9a-f]{8,12})\]")
# What stands there of a model that was not looked at.
NO_HASH = ("", "unknown")


def bare(name: str, hashes: dict[str, str]) -> str:
    """The name of a checkpoint without the hash that A1111 shows it with, which `hashes` gets."""
    hashed = HASHED.fullmatch(name)
    if not hashed:
        return name
    hashes[stem(hashed[1])] = hashed[2]
    return hashed[1]


def hashes_of(given: Mapping[str, str]) -> dict[str, str]:
    """The hashes that the text gives, by the names of what they are of."""
    found: dict[str, str] = {}
    if "model" in given and given.get("modelhash", "") not in NO_HASH:
        found[stem(given["model"])] = given["modelhash"]
    for part in given.get("lorahashes", "").split(","):
        name, _, value = part.partition(":")
        if value:
            found[name.strip()] = value.strip()
    for name, value in (foreign_json.mapping(given.get("hashes", "")) or {}).items():
        if isinstance(value, str):
            found.setdefault(name.rpartition(":")[2], value)
    return found


def resources(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """What Civitai lists, each with its type, name and weight."""
    value = foreign_json.read(given.get("civitairesources", ""))
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def name_of(given: Mapping[str, str], kind: str) -> str:
    """The name of the first resource of this kind; empty where there is none."""
    names = (one.get("modelName") for one in resources(given) if one.get("type") == kind)
    return next((name for name in names if isinstance(name, str)), "")
