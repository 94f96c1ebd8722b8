"""A recipe by flat names: as forms, options, axes and other tools' files name its settings, whatever part they are of.

`hires_scale` is the field `scale` of the part `hires`. Whoever makes a recipe may give either, or the label.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from studio.recipe.masks import Mask
from studio.recipe.parts import Hires, Upscale, Variation
from studio.recipe.setting import Setting
from studio.recipe.values import Value

# The parts whose fields have names of their own at the edges.
SPREAD: Mapping[str, type[Value]] = {"variation": Variation, "mask": Mask, "hires": Hires, "upscale": Upscale}


def own_setting(field: FieldInfo) -> Setting | None:
    """What is said beside a field."""
    return next((meta for meta in field.metadata if isinstance(meta, Setting)), None)


def _addresses() -> dict[str, tuple[str, str]]:
    return {
        setting.name or f"{part}_{name}": (part, name)
        for part, of in SPREAD.items()
        for name, field in of.model_fields.items()
        if (setting := own_setting(field))
    }


# Part and field by flat name.
ADDRESSES: Mapping[str, tuple[str, str]] = _addresses()
NAMES: Mapping[tuple[str, str], str] = {address: name for name, address in ADDRESSES.items()}


@cache
def fields(of: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The fields that have a `Setting`, by flat name, in order."""
    return {name: field for name, field in all_fields(of).items() if own_setting(field)}


def all_fields(of: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """All fields of a model, by flat name, in order."""
    found: dict[str, FieldInfo] = {}
    for name, field in of.model_fields.items():
        part, kind = SPREAD.get(name), field.annotation
        if part and isinstance(kind, type) and issubclass(kind, part):
            found |= {NAMES[name, inner]: one for inner, one in kind.model_fields.items()}
        else:
            found[name] = field
    return found


def plain(name: str) -> str:
    """A setting's name or label however it is written: `Mask blur`, `mask-blur` and `mask_blur` alike."""
    return re.sub(r"[\s_-]+", "_", name.strip()).casefold()


@cache
def names(of: type[BaseModel]) -> Mapping[str, str]:
    """The flat name of each setting by that name and by its label, both `plain`; a name counts before a label."""
    found = fields(of)
    labels = {plain(setting.label): name for name, field in found.items() if (setting := own_setting(field))}
    return {**labels, **{name: name for name in found}}


def named(values: Mapping[str, Any], of: type[BaseModel]) -> dict[str, Any]:
    """Values by flat names, or as they are where a setting was given under two names, or none has such a name."""
    known, taken = names(of), {*values}
    found = {}
    for name, value in values.items():
        flat = name if name in of.model_fields or name in ADDRESSES else known.get(plain(name), name)
        found[name if flat != name and flat in taken else flat] = value
    return found


def flat_name(place: Sequence[str]) -> tuple[str, list[str]]:
    """The setting at this place of a model's fields, by its flat name, and what of it is meant."""
    name, *inner = place
    if inner and (name, inner[0]) in NAMES:
        return NAMES[name, inner[0]], inner[1:]
    return name, inner


def nested(values: Mapping[str, Any], over: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Values by flat names, or by parts, as parts, put over others; what is None is left open."""
    whole = dict(over or {})
    for name, value in values.items():
        part, field = ADDRESSES.get(name, ("", ""))
        # `upscale` is the name of a part, and of its scale. What else is no part is refused when it is checked.
        given = whole.get(part, {})
        if part and not isinstance(value, Mapping | Value) and isinstance(given, Mapping | Value):
            whole[part] = _put(dict(given), field, value)
        else:
            _put(whole, name, value)
    return whole


def _put(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
    return values
