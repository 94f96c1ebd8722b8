"""What may have been meant where a name is not known: the closest ones first, then all there are."""

from collections.abc import Collection
from difflib import get_close_matches

# As many names are told at once.
MOST_NAMED = 12


def did_you_mean(wanted: str, names: Collection[str], most: int = 2) -> str:
    """The question whether one of the closest `names` was meant, with a space behind it; empty where none is close."""
    folded = {name.casefold(): name for name in reversed([*names])}
    close = get_close_matches(wanted.casefold(), folded, n=most, cutoff=0.6)
    # What stands behind a colon is close as well: `dall-e-3` means `openai:dall-e-3`.
    close += [name for name in folded if name.rpartition(":")[2] == wanted.casefold() and name not in close]
    return f"Did you mean {' or '.join(folded[name] for name in close[:most])}? " if close else ""


def near(wanted: str, names: Collection[str], none: str = "There is none yet.", others: Collection[str] = ()) -> str:
    """A cure for a name that there is not; `none` where there are no names.

    `others` may have been meant, too, and are not listed.
    """
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    known = f"Known are: {', '.join([*names][:MOST_NAMED])}{more}."
    return f"{did_you_mean(wanted, [*names, *others])}{known}" if names else none
