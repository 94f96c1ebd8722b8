"""The size in a text of A1111, and its second pass, which its kin write in four ways."""

import re
from collections.abc import Mapping
from typing import Any

from studio.metadata.a1111.names import NOT_HERE
from studio.metadata.a1111.resources import bare
from studio.metadata.foreign_names import plain, upscaler
from studio.metadata.imported import NO_PICTURE, known, left_out, refined, stem

SIZE = re.compile(r"\s*(\d{1,9})\s*[x×]\s*(\d{1,9})\s*")
ASKS = frozenset({"hiresupscale", "hiresscale", "hiresresize", "firstpasssize"})
# Pixels by which rounding moves a side.
SHAPE = 8
SECOND = ("hiressteps", "hiresupscaler", "hiresstrength", "hirescheckpoint")
NO_SECOND = "the second pass is left out"


def read(
    settings: Mapping[str, str], given: Mapping[str, str], left: list[str], hashes: dict[str, str]
) -> dict[str, Any]:
    """The size and the second pass of `settings`, by plain names in `said`; what has no place here goes to `left`."""
    size = SIZE.fullmatch(given.get("size", ""))
    values: dict[str, Any] = {"width": int(size[1]), "height": int(size[2])} if size else {}
    scale, values = _scale(values, given, left)
    asks = bool(ASKS & given.keys())
    if scale is not None:
        return values | _second(scale, given, left, hashes)
    if refined := _refined(given, left, hashes, pictured="denoisingstrength" in given or asks):
        return values | refined
    extra = [name for name in SECOND if name in given]
    left += [left_out(_label(settings, name), given[name], NO_SECOND) for name in extra]
    if "denoisingstrength" in given:
        why = NO_SECOND if extra or asks else NO_PICTURE
        left.append(left_out("Denoising strength", given["denoisingstrength"], why))
    return values


def _second(scale: Any, given: Mapping[str, str], left: list[str], hashes: dict[str, str]) -> dict[str, Any]:
    """The second pass, which enlarges by `scale`."""
    strength = given.get("hiresstrength") or given.get("denoisingstrength")
    steps = given.get("hiressteps")
    second = {"hires_scale": scale, "hires_strength": strength, "hires_steps": None if steps == "0" else steps}
    if name := given.get("hiresupscaler"):
        second["hires_upscaler"], why = upscaler(name)
        left += [why] if why else []
    if plain(other := bare(given.get("hirescheckpoint", ""), hashes)) not in (*NOT_HERE, "usesamecheckpoint"):
        second["hires_model"] = stem(other)
    if "refiner" in given:
        left.append(left_out("Refiner", given["refiner"], "one model paints the whole second pass"))
    return known(second)


def _refined(given: Mapping[str, str], left: list[str], hashes: dict[str, str], *, pictured: bool) -> dict[str, Any]:
    """The second pass that stands for a refiner."""
    name = bare(given.get("refiner", ""), hashes)
    if plain(name) in NOT_HERE:
        return {}
    if pictured:
        left.append(left_out("Refiner", name, NO_PICTURE))
        return {}
    return refined(name, given.get("refinerswitchat"), given.get("steps"), left)


def _scale(size: dict[str, Any], given: Mapping[str, str], left: list[str]) -> tuple[Any, dict[str, Any]]:
    """How many times larger the second pass is, and the size of the first; None where there is none to be had."""
    factor = given.get("hiresupscale") or given.get("hiresscale")
    if factor and number(factor):
        return factor.rstrip("x"), size
    resize = SIZE.fullmatch(given.get("hiresresize", ""))
    first = SIZE.fullmatch(given.get("firstpasssize", ""))
    if first and size and int(first[1]) and int(first[2]):
        # Old A1111 named the last size, and the first apart from it.
        return _ratio(left, int(first[1]), int(first[2]), size["width"], size["height"]), {
            "width": int(first[1]),
            "height": int(first[2]),
        }
    if resize and size and all(size.values()):
        return _ratio(left, size["width"], size["height"], int(resize[1]), int(resize[2])), size
    if resize or first:
        left.append(left_out("Hires resize", (resize or first)[0], NO_SECOND))  # type: ignore[index]
    return None, size


def _ratio(left: list[str], width: int, height: int, wide: int, high: int) -> float | None:
    """By how much a size was enlarged; of a size of 0 the other side decides. None where its shape changed."""
    across, along = (wide or high * width / height) / width, (high or wide * height / width) / height
    if abs(across - along) * min(width, height) > SHAPE * max(across, along):
        why = f"it is not of the shape of {width}x{height}, so the second pass is left out"
        left.append(left_out("Hires resize", f"{wide}x{high}", why))
        return None
    return round(across, 3)


def number(value: Any) -> float | None:
    """A number as it is written, with an x behind it or without; None where it is none."""
    try:
        return float(str(value).rstrip("x"))
    except ValueError:
        return None


def _label(settings: Mapping[str, str], name: str) -> str:
    return next(label for label in settings if plain(label) == name)
