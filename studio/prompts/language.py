"""The values of the prompt language: what a prompt says, as a tree, and the text that says it again.

Brackets are nested at most `MAX_DEPTH` deep, so that whoever walks the tree may call itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

MAX_DEPTH = 64
ROUND = 1.1
SQUARE = 1 / 1.1

# The fields of a recipe that are prompts.
Field = Literal["prompt", "negative_prompt"]
Kind = Literal[
    "text",
    "weight",
    "edit",
    "alternate",
    "break",
    "and",
    "lora",
    "embedding",
    "comment",
    "variant",
    "wildcard",
    "matrix",
]
# What is decided from the seed before a prompt is made.
DRAWN: frozenset[Kind] = frozenset({"variant", "wildcard"})


@dataclass(frozen=True)
class Text:
    """Words as they are to be read, without escapes."""

    text: str


@dataclass(frozen=True)
class Break:
    """The rest begins with a new chunk of tokens."""


@dataclass(frozen=True)
class Embedding:
    """A textual inversion, by name."""

    name: str


@dataclass(frozen=True)
class Lora:
    """A LoRA with its weights for text encoder and denoiser; `extras` is what else was said, such as block weights."""

    name: str
    text_weight: float = 1.0
    unet_weight: float = 1.0
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weighted:
    """Words that count more or less; weights of nested ones multiply."""

    nodes: "Nodes"
    weight: float


@dataclass(frozen=True)
class Edit:
    """`before` until a step, `after` from then on; `when` is a step (int) or a share of all steps (float)."""

    before: "Nodes"
    after: "Nodes"
    when: int | float


@dataclass(frozen=True)
class Alternate:
    """One option after the other, a step each."""

    options: tuple["Nodes", ...]


Node = Text | Break | Embedding | Lora | Weighted | Edit | Alternate
Nodes = tuple[Node, ...]


@dataclass(frozen=True)
class Part:
    """What stands between two ANDs, and how much of it is mixed in."""

    nodes: Nodes
    weight: float = 1.0


@dataclass(frozen=True)
class Span:
    """A stretch of the source, what it is, and the weight of its words."""

    start: int
    end: int
    kind: Kind
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A prompt as it was understood; `spans` cover `source` without gaps. Where it was written does not count."""

    parts: tuple[Part, ...]
    source: str = field(default="", compare=False)
    spans: tuple[Span, ...] = field(default=(), compare=False)
    recipe_field: Field = field(default="prompt", compare=False)

    @cached_property
    def loras(self) -> tuple[Lora, ...]:
        """Every mention, in order."""
        return tuple(node for node in self._all() if isinstance(node, Lora))

    @cached_property
    def embeddings(self) -> tuple[str, ...]:
        """The embeddings written as such, each once, in order; those called by their bare name are in the plan."""
        return tuple(dict.fromkeys(node.name for node in self._all() if isinstance(node, Embedding)))

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        """Which means of the language it uses."""
        return frozenset(span.kind for span in self.spans)

    def print(self) -> str:
        """The prompt as text: reading it gives an equal prompt. Comments are gone."""
        return " AND ".join(
            _print(part.nodes) + (f":{_number(part.weight)}" if part.weight != 1 else "") for part in self.parts
        )

    def _all(self) -> Iterator[Node]:
        for part in self.parts:
            yield from walk(part.nodes)


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node below, each before what it holds."""
    for node in nodes:
        yield node
        match node:
            case Weighted(nodes=held):
                yield from walk(held)
            case Edit(before=before, after=after):
                yield from walk(before + after)
            case Alternate(options=options):
                for option in options:
                    yield from walk(option)
            case _:
                pass


def _print(nodes: Nodes, *, nested: bool = False) -> str:
    pieces: list[str] = []
    for before, node in zip((None, *nodes), nodes, strict=False):
        piece = _print_node(node, nested=nested)
        goes_on = isinstance(before, Embedding) and re.match(r"[.\-]*\w", piece)
        pieces.append(f"\\{piece}" if goes_on else piece)
    return "".join(pieces)


def _print_node(node: Node, *, nested: bool) -> str:
    match node:
        case Text(text=text):
            return _escaped(text, nested=nested)
        case Break():
            return " BREAK "
        case Embedding(name=name):
            return f"embedding:{name}"
        case Lora():
            return tag_of(node)
        case Weighted(nodes=held, weight=weight):
            inside = _print(held, nested=True)
            return {ROUND: f"({inside})", SQUARE: f"[{inside}]"}.get(weight, f"({inside}:{_number(weight)})")
        case _:
            return _print_changing(node)


def _print_changing(node: Edit | Alternate) -> str:
    if isinstance(node, Alternate):
        return f"[{'|'.join(_print(option, nested=True) for option in node.options)}]"
    when = str(node.when) if isinstance(node.when, int) else format(Decimal(repr(node.when)), "f")
    return f"[{_print(node.before, nested=True)}:{_print(node.after, nested=True)}:{when}]"


def tag_of(lora: Lora) -> str:
    """The LoRA as a prompt mentions it."""
    weights = [_number(lora.text_weight)]
    if lora.extras or lora.unet_weight != lora.text_weight:
        weights.append(_number(lora.unet_weight))
    names = (re.sub(r"[\\<>:#{}]|_(?=_)", r"\\\g<0>", part) for part in (lora.name, *lora.extras))
    name, *extras = names
    return f"<lora:{':'.join([name, *weights, *extras])}>"


def literal(text: str) -> str:
    """The prompt that says just this text: what would mean something in it is escaped."""
    return _escaped(text, nested=False)


def _escaped(text: str, *, nested: bool) -> str:
    """The text with a backslash wherever a character would mean something in its place."""
    # A colon before a letter can begin no number, so outside of brackets it is harmless.
    harmful = r":|\|" if nested else r":(?!\s*[^\W\d_])"
    text = re.sub(rf"[\\()\[\]{{}}#]|<(?!\s)|_(?=_)|{harmful}", r"\\\g<0>", text)
    text = re.sub(r"embedding(?=:|\Z)", r"\\\g<0>", text)
    return re.sub(r"\b(?:AND|BREAK)\b", r"\\\g<0>", text)  # last: a new backslash may end a word


def _number(value: float) -> str:
    return format(Decimal(repr(value)), "f").removesuffix(".0")
