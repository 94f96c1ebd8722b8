"""What a picture of a hosted model costs, as its file says: flat by quality and size, or as a provider reckons."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
Dollars = Annotated[float, Field(ge=0)]


class Price(BaseModel):
    """What a model cost on a day, in US dollars: for an image, by quality ("any" for all) and size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: date
    images: Mapping[str, Mapping[str, Dollars]] = {}

    def estimate(self, settings: Mapping[str, str], prompt: str, pictures: int, partials: int) -> float | None:
        """What one image costs at most; None where nobody knows.

        `settings` are all that is sent, `pictures` are given to be changed, `partials` are looks while it works.
        """
        del prompt, pictures, partials
        return dearest(self.images, settings)

    def cost(self, settings: Mapping[str, str], usage: object, images: int) -> float | None:
        """What a call for so many images did cost; `usage` is what its answer told. None where nobody knows."""
        del usage
        flat = dearest(self.images, settings)
        return None if flat is None else flat * images


def dearest(table: Mapping[str, Mapping[str, float]], settings: Mapping[str, str]) -> float | None:
    """What the table has for a quality and size, or the most of what they may come to; None where it has nothing."""
    by_size = [table[settings["quality"]]] if settings.get("quality") in table else list(table.values())
    found = [_sized(sizes, settings.get("size", "")) for sizes in by_size if sizes]
    return max(found) if found else None


def sides(size: str) -> tuple[int, int] | None:
    """Width and height of `1024x768`; None where it is no size."""
    found = SIZE.fullmatch(size)
    return (int(found[1]), int(found[2])) if found else None


def _sized(sizes: Mapping[str, float], size: str) -> float:
    """By size, else scaled by area from the dearest that is known."""
    if size in sizes:
        return sizes[size]
    known, value = max(sizes.items(), key=lambda item: item[1])
    wanted, own = sides(size), sides(known)
    if not (wanted and own):
        return value
    return value * max(1, wanted[0] * wanted[1] / (own[0] * own[1]))
