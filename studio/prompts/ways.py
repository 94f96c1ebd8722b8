"""All that may be drawn of a prompt, before a seed decides: every way of it, and the longest."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from random import Random
from typing import Any

from studio.prompts.language import MAX_DEPTH
from studio.prompts.source import Source
from studio.prompts.template import Amount, Assign, Choice, Drawn, Template, Use, Wildcard
from studio.prompts.template_checks import checked, known
from studio.prompts.template_reader import read_entry
from studio.prompts.variants import MOST_DRAWS, At, Drawing, Entry, Value
from studio.prompts.wildcards import Wildcards
from studio.recipe import PROMPT_CHARACTERS

# Where a line of a list is more than its words.
DRAWN = re.compile(r"[{}#]|__")
# As many ways of one variant or list, as many characters of all of them, and of the longest.
MOST_WAYS = 500
MOST_CHARACTERS = 100 * PROMPT_CHARACTERS


def every(text: str, wildcards: Wildcards) -> tuple[str, ...]:
    """Prompts that the text may become, each option and each entry of a list in one of them, of many the first.

    InvalidPrompt as for `draw`.
    """
    source = Source(text, "prompt")
    template, files = checked(source, wildcards)
    return tuple(_Covering(Random(0), files, wildcards.is_lora).texts(template, At(source)))  # noqa: S311


def longest(text: str, wildcards: Wildcards) -> str:
    """A prompt of at least as many bytes as any that `draw` may make of the text; InvalidPrompt as it has it."""
    source = Source(text, "prompt")
    template, files = checked(source, wildcards)
    return _Longest(Random(0), files, wildcards.is_lora).longest(template, At(source))  # noqa: S311


class _Covering(Drawing):
    """Every way of each, one beside the other, so that there are as many texts as the richest of them has ways."""

    def texts(self, template: Template, at: At) -> list[str]:
        at = self.knowing(template, at)
        nodes = [node for node in template if not isinstance(node, Assign)]
        columns = [[node] if isinstance(node, str) else self.ways(node, at) for node in nodes]
        rows = max(map(len, columns), default=1)
        texts = ["".join(column[row % len(column)] for column in columns) for row in range(rows)]
        self.characters += sum(map(len, texts))
        return texts

    def value(self, assign: Assign, at: At) -> Value:
        """Each of its ways is in one text or another, also of one that is drawn once."""
        return Value(assign.value, at.source)

    def ways(self, node: Drawn, at: At) -> list[str]:
        self.draws += isinstance(node, Use)
        if len(at.inside) >= MAX_DEPTH or self.characters > MOST_CHARACTERS or self.draws > MOST_DRAWS:
            at.source.fail(node.position, "This may grow too large.", "Call fewer lists.")
        match node:
            case Use():
                each = iter([self.texts(*self.template_of(node, at))])
            case Choice():
                each = (self.texts(option.nodes, at.into()) for option in node.options)
            case Wildcard():
                each = (text for called in self.calls(node, at) for text in self.listings(called, at))
        return list(islice(chain.from_iterable(each), MOST_WAYS))

    def calls(self, wildcard: Wildcard, at: At) -> list[Wildcard]:
        """The call with each name that its variables may make."""
        names = self.texts(wildcard.parts, at.into()) if wildcard.parts else [wildcard.name]
        return [replace(wildcard, name=name.strip(), parts=()) for name in names]

    def listings(self, wildcard: Wildcard, at: At) -> Iterator[list[str]]:
        called, names = known(wildcard, self.files, at.source)
        entries = self.entries(called, names, at)
        at = self.knowing(called.given, at)
        for entry in entries:
            yield self.texts(read_entry(entry.source, self.is_lora), at.into(entry.list.name, entry.source))


class _Longest(_Covering):
    """The longest way of each; what `draw` would refuse for its length may be cut."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # A list or variable is looked through once, however many call it.
        self.known: dict[tuple[Wildcard | Use, frozenset[tuple[str, Value]]], str] = {}

    def longest(self, template: Template, at: At) -> str:
        at = self.knowing(template, at)
        nodes = (node for node in template if not isinstance(node, Assign))
        text = "".join(node if isinstance(node, str) else self.most(node, at) for node in nodes)
        return text[:MOST_CHARACTERS]

    def most(self, node: Drawn, at: At) -> str:
        if len(at.inside) >= MAX_DEPTH:
            at.source.fail(node.position, f"More than {MAX_DEPTH} lists and braces call one another.", "Call fewer.")
        if isinstance(node, Choice):
            usable = (option for option in node.options if option.weight > 0)
            return self.joined(node.amount, (self.longest(one.nodes, at.into()) for one in usable))
        key = replace(node, position=0), frozenset(at.variables.items())
        if key not in self.known:
            if isinstance(node, Wildcard):
                self.known[key] = self.called(node, at)
            else:
                self.known[key] = self.longest(*self.template_of(node, at))
        return self.known[key]

    def called(self, wildcard: Wildcard, at: At) -> str:
        found: list[str] = []
        for one in self.calls(wildcard, at):
            call, names = known(one, self.files, at.source)
            entries = (entry for entry in self.entries(call, names, at) if entry.weight > 0)
            inner = self.knowing(call.given, at)
            found.append(self.joined(call.amount, (self.line(entry, inner) for entry in entries)))
        return max(found, key=_size)

    def line(self, entry: Entry, at: At) -> str:
        # Nearly all of a long list are words alone, and reading them takes time.
        if not DRAWN.search(entry.source.text):
            return entry.source.text
        return self.longest(read_entry(entry.source, self.is_lora), at.into(entry.list.name, entry.source))

    def joined(self, amount: Amount, texts: Iterable[str]) -> str:
        return amount.separator.join(sorted(texts, key=_size, reverse=True)[: amount.most])[:MOST_CHARACTERS]


def _size(text: str) -> int:
    return len(text.encode())
