"""Model families: one file each, facts only."""

import re

from studio.families.base import Family
from studio.registry import Registry

FAMILIES: Registry[Family] = Registry("studio.families", "FAMILY", Family)


def family_of_words(text: str) -> str | None:
    """The family that trainers mean by these words about a base model; None where they mean none that is here."""
    return next(
        (
            name
            for name, facts in FAMILIES.items()
            if facts.kin is None and facts.architecture and re.search(facts.architecture, text.lower())
        ),
        None,
    )
