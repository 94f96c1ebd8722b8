"""What is to be drawn in a prompt, as a tree, between words that are left as they are.

{a|b|c}            one of them
{2$$a|b|c}         two, with a comma; {1-2$$...} one or two, {2$$ and $$...} with " and "
{3::a|b}           a three times as often as b
__name__           an entry of a list
{2$$__name__}      two entries of one list
${x=a}             a variable, said by ${x}: drawn anew each time, or once for all, ${x=!{a|b}}
__name(x=a)__      an entry of a list with a variable for it
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Amount:
    """How many of those that there are, all different; None is all."""

    least: int = 1
    most: int | None = 1
    separator: str = ", "


ONE = Amount()


@dataclass(frozen=True)
class Assign:
    """A variable of this name, set where it stands and in all that is called from there.

    `once`: its value is drawn where it is set, not at each use; `keeps`: a value that it has stays.
    """

    name: str
    value: "Template"
    position: int
    once: bool = False
    keeps: bool = False


@dataclass(frozen=True)
class Use:
    """What a variable says; `default` where it is not set, None where that is a fault."""

    name: str
    default: "Template | None"
    position: int


@dataclass(frozen=True)
class Wildcard:
    """Entries of the lists that the name, or pattern of names, calls.

    `parts` make the name where variables are in it; `given` are set for its entries. `call` is all that stands between
    the underscores: a list may have just that name.
    """

    name: str
    position: int
    amount: Amount = ONE
    parts: "Template" = ()
    given: tuple[Assign, ...] = ()
    call: str = ""


@dataclass(frozen=True)
class Option:
    """One of several, drawn the more often the larger its weight."""

    nodes: "Template"
    weight: float


@dataclass(frozen=True)
class Choice:
    """Some of the options."""

    options: tuple[Option, ...]
    position: int
    amount: Amount


Drawn = Wildcard | Choice | Use
Piece = str | Drawn | Assign
Template = tuple[Piece, ...]
