"""What is said beside each field of a recipe: its `Setting`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from studio.recipe.recipe import Recipe

Group = Literal["prompt", "model", "size", "sampling", "seed", "edit", "mask", "hires", "upscale", "control", "lora"]
Ability = Literal["negative_prompt", "guidance", "image_guidance", "strength", "clip_skip"]
# Where the settings that all tabs share and that are seldom changed stand together, from top to bottom.
Panel = Literal["sampling", "size", "variation", "model", "guidance", "noise", "speed", "origin"]


class ChangeCost(IntEnum):
    """What has to be done again when a setting changes; a grid varies the dearest slowest."""

    SEED = 1
    SAMPLING = 2
    TEXT = 3
    SIZE = 4
    MODEL = 5


@dataclass(frozen=True)
class Rule:
    """A setting means something only where its recipe `applies`; `when` and `cure` end the sentences that say so."""

    applies: Callable[["Recipe"], bool]
    when: str
    cure: str


@dataclass(frozen=True)
class Infotext:
    """What A1111 calls a setting: the `name` that is written, others that are read `too`, and its words for values.

    A value that has no word there is written as it is; one whose word is empty is not written.
    """

    name: str
    too: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """How a field is shown and treated.

    `minimum`, `maximum`, `step` are what a slider offers; `ability` is what a model has to have for it, and `rules` say
    where else it means something, the first that does not hold being told. `standard` is what an open field is where
    it means something, or a function of the recipe that tells it. `argument` is what the pipelines that know such a one
    call it, `infotext` what A1111 does. `panel` is its place among what is seldom changed; `name` is its flat name,
    where that is not simply part and field.
    """

    label: str
    help: str
    group: Group
    change_cost: ChangeCost
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    ability: Ability | None = None
    rules: tuple[Rule, ...] = ()
    standard: Any = None
    argument: str = ""
    infotext: Infotext | None = None
    panel: Panel | None = None
    name: str = ""
