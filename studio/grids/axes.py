"""Axes of a grid: a setting that varies, and the values it takes, both said in a few words.

`steps=10,20,30`, `guidance_scale=3-9:2`, `seed=1-10[4]`, `lora:ink=0,0.5,1`, `control.1.weight=0.5,1`,
`size=512x512,768x512`, `prompt:red=red,green,"pale, cold blue"`, `prompt=a street|at night|in the rain` (a matrix): in
A1111's way, where it has one.
"""

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args, get_origin

from studio.errors import InvalidRecipe
from studio.prompts.matrix import matrix
from studio.prompts.mentions import calling, weighed
from studio.recipe import ChangeCost, ControlUnit, Lora, OutpaintPadding, Recipe, field_of, setting_specs
from studio.recipe.flat import names as names_of
from studio.recipe.flat import plain
from studio.shorthand import lora, sides
from studio.suggestions import near

# A cell is one picture.
UNVARIED = "count"
# Names that other tools have for a field.
ALIASES: Mapping[str, str] = {
    "cfg": "guidance_scale",
    "cfg_scale": "guidance_scale",
    "checkpoint": "model",
    "denoising": "strength",
    "negative": "negative_prompt",
    "sampler": "scheduler",
    "variation": "variation_strength",
}
# Several names in one value stand between these, because a comma ends the value.
AND = "+"
SIZE = "size"
SAMPLES = ("prompt:WORDS", "lora:NAME", "lora:NAME.start", "control.1.weight", "control.1.options.low", "outpaint.left")
SEARCHED = ("prompt", "negative_prompt")
NUMBER = r"[+-]?\d+(?:\.\d*)?"
# From, to, and the step (`:2` or `(+2)`) or how many values (`[4]`).
RANGE = re.compile(
    rf"\s*({NUMBER})\s*-\s*({NUMBER})\s*(?::\s*({NUMBER})|\(\s*({NUMBER})\s*\)|\[\s*(\d+)\s*\])?\s*", re.ASCII
)
# The most values that an axis may be written out to; a grid's own bound is lower.
MOST = 4096


@dataclass(frozen=True)
class Axis:
    """A setting by its `field`, and the `values` it takes, as text; the empty text leaves it open.

    `labels` is what is shown for each value.
    """

    field: str
    values: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, field: str, text: str) -> "Axis":
        """The axis of a field and its values in one text; InvalidRecipe for a field or a range that cannot be."""
        varied = subject(field)
        values = tuple(dict.fromkeys(_values(text, varied)))
        if not values:
            raise InvalidRecipe(varied.field, "It has no values.", f"Give some: {varied.field}=a,b,c.")
        return cls(varied.field, values, tuple(value or varied.empty for value in values))

    @classmethod
    def parse(cls, words: str) -> "Axis":
        """The axis of `field=a,b,c`; InvalidRecipe as in `of`."""
        field, equals, text = words.partition("=")
        if not equals:
            raise InvalidRecipe(words, "This is not an axis.", "Write field=a,b,c, such as steps=10,20,30.")
        return cls.of(field, text)

    @property
    def subject(self) -> "Subject":
        """What varies."""
        return subject(self.field)

    @property
    def title(self) -> str:
        """What the axis is called where it is shown."""
        return self.subject.title


class Subject(ABC):
    """What an axis can vary; `field` names it, `change_cost` is what a change of it costs.

    `turn` is when it is put into a recipe: what looks into other settings comes after them. `empty` is shown for the
    empty value, `numeric` lets ranges be written, `whole` makes their numbers whole ones.
    """

    field: str
    title: str
    change_cost: ChangeCost
    turn: int = 0
    empty: str = "default"
    numeric: bool = False
    whole: bool = False

    @abstractmethod
    def put(self, recipe: Recipe, text: str) -> Recipe:
        """The recipe with this value; InvalidRecipe where it cannot be."""


@lru_cache(maxsize=256)
def subject(name: str) -> Subject:
    """What varies on an axis of this name; InvalidRecipe with near names where there is no such setting."""
    text = name.strip()
    head, colon, rest = text.partition(":")
    if colon and rest.strip() and plain(head) in SEARCHED:
        return Words(rest)
    if colon and rest.strip() and plain(head) in ("lora", "loras"):
        return LoraPart(rest.strip())
    whole, *steps = re.split(r"[.\[\]]+", text.rstrip("]"))
    if steps and plain(whole) in ("control", "controls"):
        return ControlPart(steps)
    if len(steps) == 1 and plain(whole) == "outpaint":
        return Side(steps[0])
    known = _names()
    field = known.get(plain(text))
    if field == SIZE:
        return Size()
    if field is None:
        varied = plain(text) == UNVARIED
        hint = "A cell is one picture: vary the seed." if varied else near(plain(text), names())
        raise InvalidRecipe(text or "axis", "There is no such setting to vary.", hint)
    return Plain(field)


def names() -> list[str]:
    """What an axis may be named by: the fields, and one sample of each sort of name that goes on."""
    return [name for name in setting_specs() if name != UNVARIED] + [SIZE, *SAMPLES]


def applied(recipe: Recipe, chosen: Sequence[tuple[Axis, int]]) -> Recipe:
    """The recipe of one picture with the numbered value of each axis; InvalidRecipe for the first that cannot be."""
    cell = recipe.replace(count=1)
    for axis, number in sorted(chosen, key=lambda one: one[0].subject.turn):
        cell = axis.subject.put(cell, axis.values[number])
    return cell


class Plain(Subject):
    """A field of the recipe. Several names, of styles, presets or LoRAs, are joined by `+`; control units by number."""

    def __init__(self, field: str) -> None:
        self.field = field
        setting = setting_specs()[field]
        self.title, self.change_cost = setting.label, setting.change_cost
        annotation = field_of(field).annotation
        self.numeric, self.whole = _is_number(annotation), _is_number(annotation, int)
        self._many = get_origin(annotation) is tuple
        self.empty = "none" if self._many or annotation is str else "default"

    def put(self, recipe: Recipe, text: str) -> Recipe:
        if self._many:
            return recipe.replace(**{self.field: self._several(recipe, _split(text))})
        if self.field == "outpaint" and text:
            return recipe.replace(outpaint=sides(text, AND))
        empty = "" if field_of(self.field).annotation is str else None
        return recipe.replace(**{self.field: text or empty})

    def _several(self, recipe: Recipe, parts: Sequence[str]) -> list[Any]:
        if self.field == "loras":
            return [lora(part) for part in parts]
        if self.field == "controls":
            return [recipe.controls[_place(recipe, part)].model_dump() for part in parts]
        return list(parts)


class Size(Subject):
    """Width and height at once, as `768x512`."""

    field, title, change_cost = SIZE, "Size", ChangeCost.SIZE

    def put(self, recipe: Recipe, text: str) -> Recipe:
        if not text:
            return recipe.replace(width=None, height=None)
        width, times, height = re.sub("[×X*]", "x", text).partition("x")
        if not times:
            raise InvalidRecipe(SIZE, f"{text!r} is not a size.", "Write width and height, such as 768x512.")
        return recipe.replace(width=width, height=height)


class Words(Subject):
    """Words of the prompts that are replaced by the value, wherever they stand in them."""

    change_cost, turn, empty = ChangeCost.TEXT, 2, "nothing"

    def __init__(self, words: str) -> None:
        self.words = words
        self.field, self.title = f"prompt:{words}", f"“{words}” in the prompt"

    def put(self, recipe: Recipe, text: str) -> Recipe:
        if not any(self.words in recipe.get(name) for name in SEARCHED):
            raise InvalidRecipe(
                self.field, f"The prompt does not say “{self.words}”.", "Name words exactly as they appear in it."
            )
        return recipe.replace(**{name: recipe.get(name).replace(self.words, text) for name in SEARCHED})


class LoraPart(Subject):
    """The weight of one LoRA, or by `lora:NAME.start` another of its settings; it is put on where it is not yet.

    Where the prompt gives its weight, that is the one that varies.
    """

    turn = 1
    numeric = True

    def __init__(self, words: str) -> None:
        name, dot, part = words.rpartition(".")
        numbers = [one for one, field in Lora.model_fields.items() if _is_number(field.annotation)]
        self.name, self.part = (name, part) if dot and part in numbers else (words, "weight")
        setting = setting_specs(Lora)[self.part]
        self.change_cost = setting.change_cost
        weighs = self.part == "weight"
        self.field = f"lora:{self.name}" if weighs else f"lora:{self.name}.{self.part}"
        self.title = f"LoRA {self.name}" if weighs else f"LoRA {self.name}, {setting.label.lower()}"

    def put(self, recipe: Recipe, text: str) -> Recipe:
        prompt = weighed(recipe.prompt, self.name, text or "1") if self.part == "weight" else None
        if prompt is not None:
            return recipe.replace(prompt=prompt)
        stack = [one.model_dump() for one in recipe.loras]
        name = calling(self.name, [one["name"] for one in stack])
        if name is None:
            name = self.name
            stack.append({"name": name})
        usual = Lora.model_fields[self.part].default
        return recipe.replace(loras=[one | {self.part: text or usual} if one["name"] == name else one for one in stack])


class ControlPart(Subject):
    """A setting of one control unit, counted from 1; `control.1.options.low` is one of what makes its map."""

    turn = 1

    def __init__(self, steps: Sequence[str]) -> None:
        number, *path = steps
        if not number.isdecimal():
            number, path = "1", list(steps)
        known = setting_specs(ControlUnit)
        if not path or path[0] not in known or len(path) != (2 if path[0] == "options" else 1):
            name = ".".join(["control", *steps])
            units = [f"control.{number}.{one}" for one in (*(one for one in known if one != "options"), "options.low")]
            raise InvalidRecipe(name, "There is no such setting to vary.", near(name, units))
        self.number, self.path = number, path
        self.change_cost = known[path[0]].change_cost
        self.numeric = path[0] == "options" or _is_number(ControlUnit.model_fields[path[0]].annotation)
        self.field = ".".join(["control", number, *path])
        last = known[path[0]].label if len(path) == 1 else path[1].replace("_", " ")
        self.title = f"Control {number}, {last.lower()}"

    def put(self, recipe: Recipe, text: str) -> Recipe:
        place = _place(recipe, self.number)
        units = [unit.model_dump() for unit in recipe.without_maps().controls]
        unit, name = units[place], self.path[0]
        if name == "options":
            unit["options"] = {**dict(unit["options"]), self.path[1]: _scalar(text)}
        else:
            unit[name] = text or ControlUnit.model_fields[name].get_default()
        return recipe.replace(controls=units)


class Side(Subject):
    """The pixels by which a picture grows at one side."""

    turn = 1
    numeric = whole = True
    empty = "0"

    def __init__(self, side: str) -> None:
        known = setting_specs(OutpaintPadding)
        if side not in known:
            raise InvalidRecipe(f"outpaint.{side}", "There is no such side.", near(side, known))
        self.side, self.change_cost = side, known[side].change_cost
        self.field, self.title = f"outpaint.{side}", f"Extend, {known[side].label.lower()}"

    def put(self, recipe: Recipe, text: str) -> Recipe:
        grown = recipe.outpaint.model_dump() if recipe.outpaint else {}
        return recipe.replace(outpaint={**grown, self.side: text or 0})


def _names() -> dict[str, str]:
    """Each field by its name, its label and what other tools call it."""
    called = {one: name for one, name in names_of(Recipe).items() if name != UNVARIED}
    return dict(ALIASES) | called | {SIZE: SIZE}


def _place(recipe: Recipe, number: str) -> int:
    """Where the control unit of this number stands in the recipe."""
    if not number.isdecimal() or not 1 <= int(number) <= len(recipe.controls):
        raise InvalidRecipe(
            "controls",
            f"There is no control unit {number}: the recipe has {len(recipe.controls)}.",
            "Units are counted from 1; add one, or name another.",
        )
    return int(number) - 1


def _values(text: str, varied: Subject) -> list[str]:
    """The values between commas, a number's range and a prompt matrix written out; double quotes keep a comma."""
    listed = [value.strip() for line in csv.reader(text.splitlines(), skipinitialspace=True) for value in line]
    if varied.field in SEARCHED:
        return [words for value in listed for words in matrix(value, negative=varied.field != "prompt")]
    if not varied.numeric:
        return listed
    return [value for part in listed for value in (_range(part, varied) or [part])]


def _range(text: str, varied: Subject) -> list[str]:
    """The numbers of `1-10:3`, `1-10(+3)` or `1-10[4]`; none where it is not a range."""
    found = RANGE.fullmatch(text)
    if not found:
        return []
    start, end = Decimal(found[1]), Decimal(found[2])
    if found[5]:
        count = int(found[5])
        numbers = (start + (end - start) * k / max(count - 1, 1) for k in range(min(count, MOST + 1)))
        values = [_number(number.to_integral_value() if varied.whole else number) for number in numbers]
    else:
        step = Decimal(found[3] or found[4] or 1)
        step = -step if (end < start) != (step < 0) else step
        count = int((end - start) / step) + 1 if step else MOST + 1
        values = [_number(start + step * k) for k in range(min(count, MOST + 1))]
    if len(values) > MOST:
        raise InvalidRecipe(
            varied.field, f"“{text}” is more than {MOST} values.", "Give a larger step, or say how many: 1-10[4]."
        )
    return values


def _number(number: Decimal) -> str:
    return f"{round(number, 6):f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(AND) if part.strip()]


def _scalar(text: str) -> float | int | str:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _is_number(annotation: Any, *kinds: type) -> bool:
    """Whether a field of this annotation holds a number, or one of these kinds."""
    return bool({*(kinds or (int, float))} & {annotation, *get_args(annotation)})
