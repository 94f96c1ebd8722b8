"""What is said beside the fields of a recipe, or of one of its parts, by flat name."""

from collections.abc import Collection
from functools import cache

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from studio.recipe.faults import bounds
from studio.recipe.flat import fields, own_setting
from studio.recipe.recipe import Recipe
from studio.recipe.setting import Group, Infotext, Setting


@cache
def setting_specs(of: type[BaseModel] = Recipe) -> dict[str, Setting]:
    """Each field's `Setting`, in the recipe's order, or in that of one of its parts."""
    return {name: setting for name, field in fields(of).items() if (setting := own_setting(field))}


def infotext_of(name: str) -> Infotext:
    """What A1111 calls a setting and its values."""
    return setting_specs()[name].infotext or Infotext("")


def in_group(group: Group, *, without: Collection[str] = ()) -> list[str]:
    """The settings of a group, in order, but for these."""
    return [name for name, setting in setting_specs().items() if setting.group == group and name not in without]


def field_of(name: str) -> FieldInfo:
    """The recipe's field of this flat name."""
    return fields(Recipe)[name]


def hard_range(name: str) -> tuple[float | None, float | None]:
    """The lowest and highest value a field takes, inclusive; None where it has no such bound."""
    return bounds(field_of(name))
