"""From text to `Prompt`: one pass over the tokens with a stack of open brackets, so the time is linear in the text.

The grammar is A1111's. Where that takes a slip for words (an open bracket, `(a:1,3)`), this is an error with its place.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from studio.prompts.language import (
    DRAWN,
    MAX_DEPTH,
    ROUND,
    SQUARE,
    Alternate,
    Break,
    Edit,
    Embedding,
    Kind,
    Lora,
    Node,
    Nodes,
    Part,
    Prompt,
    Span,
    Text,
    Weighted,
    walk,
)
from studio.prompts.source import INTENDED, NAME_ENDS, NUMBER, WILDCARD, Source, any_of, close_it, escape_it
from studio.prompts.tags import read_tag

TOKEN = re.compile(
    r"""
      (?P<escape>    \\. | \\\Z )
    | (?P<comment>   \#[^\n]*\n? )
    | (?P<tag>       <(?:lora|lyco):(?:\\.|[^<>\\\n])*> | <\w+(?:\[[^\[\]<>\n]*\])?:(?:\\.|[^<>\#\\])*>
                     | <(?:break|trigger|base|refiner|video)> )
    | (?P<unclosed>  <(?:lora|lyco): )
    | (?P<opening>   [(\[] )
    | (?P<closing>   [)\]] )
    | (?P<separator> [:|] )
    | (?P<brace>     \$?\{ | \} )
    | (?P<split>     \bAND\b )
    | (?P<pause>     \bBREAK\b )
    | (?P<embedding> \bembedding:(?![\d.]+(?![\w.\-]))\w(?:[\w.\-]*\w)? )
    | (?P<wildcard>  """
    + WILDCARD
    + r""" )
    | (?P<text>      [^\\\#<()\[\]:|{}_ABe$]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
# Names of embeddings that a token holds whole.
PLAIN = re.compile(r"\w(?:[\w.\-]*\w)?", re.ASCII)
PAIRS = {"(": ")", "[": "]"}
BRACES = re.compile(rf"[{{}}]|{WILDCARD}")
# Each part that AND divides is encoded and drawn apart, at every step.
MOST_PARTS = 16


def parse(text: str, *, negative: bool = False, embeddings: Iterable[str] = ()) -> Prompt:
    """Read a prompt; `draw` goes before, what it would decide are only words here.

    Of `embeddings` there is need where their names hold more than letters, digits, `_`, `-` and `.`. In a negative
    prompt AND is a word, too. InvalidPrompt names the place of a fault and its cure.
    """
    return _Parser(Source(text, "negative_prompt" if negative else "prompt"), embeddings).prompt()


@dataclass
class _Field:
    """Nodes after the bracket or the separator (":" or "|") at `position`; `span` is that one's number."""

    separator: str
    position: int
    span: int
    nodes: list[Node]


@dataclass
class _Group:
    """An open bracket at `position` with its fields; a whole part has no bracket."""

    opening: str
    position: int
    fields: list[_Field]


class _Parser:
    """What was read so far: finished parts, open groups, and the span of every token."""

    def __init__(self, source: Source, embeddings: Iterable[str]) -> None:
        self.source = source
        names = any_of(name for name in embeddings if not PLAIN.fullmatch(name))
        self.named = re.compile(rf"(?P<embedding>\bembedding:(?:{names})){NAME_ENDS}", re.IGNORECASE) if names else None
        self.parts: list[Part] = []
        self.groups: list[_Group] = []
        self.braces: list[int] = []
        self.spans: list[Span] = []

    def prompt(self) -> Prompt:
        readers: dict[str, Callable[[re.Match[str]], None]] = {
            "escape": lambda token: self.add(token, Text(token[0][1:]), "text"),
            "comment": lambda token: self.add(token, Text("\n"), "comment"),
            "tag": self.tag,
            "unclosed": self.unclosed,
            "opening": self.opening,
            "closing": self.closing,
            "separator": self.separator,
            "brace": self.brace,
            "split": self.split,
            "pause": lambda token: self.add(token, Break(), "break"),
            "embedding": lambda token: self.add(token, Embedding(token[0].partition(":")[2]), "embedding"),
            "wildcard": lambda token: self.add(token, Text(token[0]), "wildcard"),
            "text": lambda token: self.add(token, Text(token[0]), "text"),
        }
        self.open("", 0)
        for token in self.tokens():
            kind = str(token.lastgroup)
            if self.braces and kind != "brace":
                self.add(token, Text(token[0]), "variant")
            else:
                readers[kind](token)
        self.check_closed()
        self.end_part(len(self.source.text))
        return Prompt(tuple(self.parts), self.source.text, _merged(self.spans), self.source.field)

    def tokens(self) -> Iterator[re.Match[str]]:
        """One after the other; embeddings that are known by name count as far as their names go."""
        position = 0
        while token := TOKEN.match(self.source.text, position):
            token = (self.named and self.named.match(self.source.text, position)) or token
            yield token
            position = token.end()

    def open(self, opening: str, position: int) -> None:
        self.groups.append(_Group(opening, position, [_Field("", position, len(self.spans), [])]))

    def mark(self, token: re.Match[str], kind: Kind) -> None:
        self.spans.append(Span(token.start(), token.end(), kind))

    def add(self, token: re.Match[str], node: Node, kind: Kind) -> None:
        self.mark(token, kind)
        self.groups[-1].fields[-1].nodes.append(node)

    def tag(self, token: re.Match[str]) -> None:
        """A LoRA; one with name or weight to be drawn is none yet."""
        if BRACES.search(re.sub(r"\\.", "", token[0])):
            self.add(token, Text(token[0]), "variant")
        else:
            self.add(token, read_tag(self.source, token[0], token.start()), "lora")

    def unclosed(self, token: re.Match[str]) -> None:
        self.source.fail(token.start(), f"{token[0]} is never closed.", close_it("<", ">"))

    def opening(self, token: re.Match[str]) -> None:
        if len(self.groups) > MAX_DEPTH:
            cure = "Say it with a number: (words:1.5)."
            self.source.fail(token.start(), f"Brackets are nested deeper than {MAX_DEPTH}.", cure)
        self.open(token[0], token.start())
        self.mark(token, "weight")

    def closing(self, token: re.Match[str]) -> None:
        group = self.groups[-1]
        if not group.opening:
            self.source.fail(token.start(), f"There is nothing for {token[0]} to close.", escape_it(token[0]))
        if PAIRS[group.opening] != token[0]:
            cure = f"Close that one first, or write \\{token[0]} for the character itself."
            self.source.fail(token.start(), f"{token[0]} appears while {group.opening} is still open.", cure)
        self.groups.pop()
        self.mark(token, "weight")
        node = self.rounded(group) if token[0] == ")" else self.squared(group)
        self.groups[-1].fields[-1].nodes.append(node)

    def separator(self, token: re.Match[str]) -> None:
        group = self.groups[-1]
        if token[0] == "|" and group.opening != "[":
            self.add(token, Text("|"), "text" if group.opening else "matrix")
        else:
            group.fields.append(_Field(token[0], token.start(), len(self.spans), []))
            self.mark(token, "text")

    def brace(self, token: re.Match[str]) -> None:
        if token[0] != "}":
            self.braces.append(token.end() - 1)
        elif self.braces:
            self.braces.pop()
        else:
            self.source.fail(token.start(), "There is nothing for } to close.", escape_it("}"))
        self.add(token, Text(token[0]), "variant")

    def split(self, token: re.Match[str]) -> None:
        if self.source.field == "negative_prompt":
            self.add(token, Text(token[0]), "text")
            return
        if len(self.groups) > 1:
            cure = r"Write it outside of the brackets, or \AND for the word."
            self.source.fail(token.start(), "AND divides the whole prompt and cannot stand in brackets.", cure)
        self.end_part(token.start())
        self.mark(token, "and")
        self.open("", token.end())

    def check_closed(self) -> None:
        if self.braces:
            self.source.fail(self.braces[-1], "{ is never closed.", close_it("{", "}"))
        group = self.groups[-1]
        if group.opening:
            cure = close_it(group.opening, PAIRS[group.opening])
            self.source.fail(group.position, f"{group.opening} is never closed.", cure)

    def end_part(self, end: int) -> None:
        """Take the part that ends at `end`; a number after its last colon is its weight, as in A1111."""
        group = self.groups.pop()
        nodes, weight = _literal(group.fields), 1.0
        if self.source.field == "prompt":
            nodes, weight = self.weighed(group, "and", weight)
        nodes = _stripped(nodes)
        if not nodes and (self.parts or end < len(self.source.text)):
            cure = r"Write words there, or \AND for the word itself."
            self.source.fail(end, "One side of AND is empty.", cure)
        if len(self.parts) == MOST_PARTS:
            fault = f"AND divides this into more than {MOST_PARTS} parts."
            self.source.fail(end, fault, "Each is drawn apart, at every step: join some.")
        self.parts.append(Part(nodes, weight))

    def rounded(self, group: _Group) -> Weighted:
        """(words), (words:1.3); any other colon is a character."""
        last = group.fields[-1]
        if last.separator and not NUMBER.fullmatch(_source_text(last)):
            self.check_meant(last)
            self.check_steady(last)
        nodes, weight = self.weighed(group, "weight", ROUND)
        return self.weighted(group, nodes, weight)

    def squared(self, group: _Group) -> Node:
        """[words], [from:to:when], [a|b]."""
        separators = {field.separator for field in group.fields[1:]}
        if separators == {":", "|"}:
            place = next(field.position for field in group.fields if field.separator == ":")
            cure = r"Write \: or \| where the character itself is meant, or put one of them into its own brackets."
            self.source.fail(place, "These brackets both edit (:) and alternate (|).", cure)
        if "|" in separators:
            return self.alternate(group)
        last = group.fields[-1]
        if last.separator and (NUMBER.fullmatch(_source_text(last)) or (len(group.fields) > 2 and self.is_drawn(last))):
            return self.edit(group)
        if last.separator:
            self.check_meant(last)
        if len(group.fields) > 2:
            cure = r"Write [from:to:0.5], or \: for the colon itself."
            self.source.fail(last.position + 1, "This edit does not say when.", cure)
        return self.weighted(group, _literal(group.fields), SQUARE)

    def alternate(self, group: _Group) -> Alternate:
        options = tuple(_tidy(field.nodes) for field in group.fields)
        self.check_changing(group, options, r"Write [a|b], or \| for the character itself.")
        self.colour(group, "alternate")
        return Alternate(options)

    def edit(self, group: _Group) -> Edit:
        *sides, last = group.fields
        if len(sides) > 2:
            cure = r"Write \: for the colons in its words."
            self.source.fail(sides[2].position, "An edit takes only a from, a to and a when.", cure)
        before = _tidy(sides[0].nodes) if len(sides) == 2 else ()
        after = _tidy(sides[-1].nodes)
        self.check_changing(group, (before, after), "Write [from:to:when], [to:when] or [from::when].")
        self.number_spans(last, "edit")
        self.colour(group, "edit")
        return Edit(before, after, 0 if self.is_drawn(last) else self.when(_source_text(last), last.position + 1))

    def is_drawn(self, field: _Field) -> bool:
        """Whether some of the last field's words are decided from the seed, so that no more is known of them."""
        return any(span.kind in DRAWN for span in self.spans[field.span :])

    def when(self, text: str, position: int) -> int | float:
        """A number with a point is a share of the steps, one without is a step."""
        number = self.source.number(text, position)
        if "." in text:
            return number
        if abs(number) > 1e9:
            self.source.fail(position, "There is no such step.", "Write a step, or a share of them such as 0.5.")
        return int(number)

    def weighed(self, group: _Group, kind: Kind, default: float) -> tuple[Nodes, float]:
        """The group's words and the weight that its last field says, where that is a number; LoRAs in it stay."""
        *fields, last = group.fields
        if not fields or not NUMBER.fullmatch(_source_text(last)):
            return _literal(group.fields), default
        self.number_spans(last, kind)
        loras = tuple(node for node in last.nodes if isinstance(node, Lora))
        return _literal(fields) + loras, self.source.number(_source_text(last), last.position + 1)

    def weighted(self, group: _Group, nodes: Nodes, weight: float) -> Weighted:
        for number in range(group.fields[0].span, len(self.spans)):
            span = self.spans[number]
            self.spans[number] = replace(span, weight=span.weight * weight)
        return Weighted(_tidy(nodes), weight)

    def number_spans(self, field: _Field, kind: Kind) -> None:
        """Whatever words there are from this field on say a number."""
        for number in range(field.span, len(self.spans)):
            if self.spans[number].kind == "text":
                self.spans[number] = replace(self.spans[number], kind=kind)

    def colour(self, group: _Group, kind: Kind) -> None:
        """Brackets and separators of a group are of this kind."""
        for number in (*(field.span for field in group.fields), -1):
            self.spans[number] = replace(self.spans[number], kind=kind)

    def check_changing(self, group: _Group, sides: tuple[Nodes, ...], cure: str) -> None:
        if not any(sides):
            self.source.fail(group.position, "Every option in these brackets is empty.", cure)
        if any(isinstance(node, Lora) for field in group.fields for node in walk(field.nodes)):
            elsewhere = "Put it outside of the brackets: it counts for every step."
            self.source.fail(group.position, "A LoRA cannot come and go with the words.", elsewhere)

    def check_meant(self, field: _Field) -> None:
        """What has no letter after its colon was meant as a number."""
        if INTENDED.fullmatch(_source_text(field)):
            self.source.number(_source_text(field), field.position + 1)

    def check_steady(self, field: _Field) -> None:
        """Refuse `(a:[1.1:1.5:3])`: in A1111 a weight itself can change, which a tree of words cannot say."""
        nodes = [node for node in field.nodes if not (isinstance(node, Text) and node.text.isspace())]
        if len(nodes) != 1 or not isinstance(nodes[0], Edit | Alternate):
            return
        texts = [node.text for node in walk((nodes[0],)) if isinstance(node, Text)]
        if texts and all(INTENDED.fullmatch(text) for text in texts):
            cure = "Change the words with their weight: [(words:1.1):(words:1.5):0.5]."
            self.source.fail(field.position + 1, "A weight cannot change by itself.", cure)


def _source_text(field: _Field) -> str:
    """The words of a field that has no more than words (LoRAs apart); otherwise something that is no number."""
    if all(isinstance(node, Text | Lora) for node in field.nodes):
        return "".join(node.text for node in field.nodes if isinstance(node, Text)).strip()
    return "words"


def _literal(fields: list[_Field]) -> Nodes:
    """The fields one after the other, their separators as words."""
    return tuple(node for field in fields for node in (Text(field.separator), *field.nodes))


def _tidy(nodes: Iterable[Node]) -> Nodes:
    """Neighbouring words as one, none of them empty, and no space around a BREAK."""
    joined: list[Node] = []
    for words, run in groupby(nodes, lambda node: isinstance(node, Text)):
        same = list(run)
        joined += [Text("".join(node.text for node in same if isinstance(node, Text)))] if words else same
    kept = []
    for before, node, after in zip((None, *joined), joined, (*joined[1:], None), strict=False):
        if isinstance(node, Text):
            text = node.text.lstrip() if isinstance(before, Break) else node.text
            node = Text(text.rstrip() if isinstance(after, Break) else text)  # noqa: PLW2901
        if node != Text(""):
            kept.append(node)
    return tuple(kept)


def _stripped(nodes: Nodes) -> Nodes:
    """Tidy, and without space at both ends: it is none of the prompt's words."""
    kept = list(_tidy(nodes))
    if kept and isinstance(kept[0], Text):
        kept[0] = Text(kept[0].text.lstrip())
    if kept and isinstance(kept[-1], Text):
        kept[-1] = Text(kept[-1].text.rstrip())
    return _tidy(kept)


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    """Neighbouring spans of one kind and weight as one."""
    merged: list[Span] = []
    for (_kind, _weight), run in groupby(spans, lambda span: (span.kind, span.weight)):
        same = list(run)
        # Each mention of a LoRA is one by itself.
        merged += same if same[0].kind == "lora" else [replace(same[0], end=same[-1].end)]
    return tuple(merged)
