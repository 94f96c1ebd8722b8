"""Draws variants and wildcards from a seed: the same text, seed and lists always give the same prompt."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import accumulate, chain, islice
from pathlib import Path
from random import Random
from typing import Any

from studio.errors import InvalidPreset, InvalidPrompt
from studio.prompts.language import MAX_DEPTH
from studio.prompts.source import Source
from studio.prompts.template import Amount, Choice, Template, Wildcard, read_entry, read_template, read_weight
from studio.prompts.wildcards import Wildcards, lines_of, matching
from studio.recipe import PROMPT_CHARACTERS

MOST_DRAWS = 2000
# Where a line of a list is more than its words.
DRAWN = re.compile(r"[{}#]|__")
# Where all that could be drawn is asked for: as many ways of one variant or list, as many characters of all of them.
MOST_WAYS = 500
MOST_CHARACTERS = 100 * PROMPT_CHARACTERS


def draw(text: str, seed: int, wildcards: Wildcards, *, negative: bool = False) -> str:
    """The prompt with every variant and wildcard decided; all else stays as it is written.

    InvalidPrompt names the place in `text`, also for a fault in a list that was drawn from.
    """
    source = Source(text, "negative_prompt" if negative else "prompt")
    template, files = _checked(source, wildcards)
    # A text of its own as seed: prompt and negative prompt of one picture do not draw in step.
    return _Drawing(Random(f"{source.field}:{seed}"), files, wildcards.is_lora).expand(template, source, ())  # noqa: S311


def check(text: str, wildcards: Wildcards, *, negative: bool = False) -> None:
    """InvalidPrompt where the braces cannot be read or call a wildcard that there is not, whatever is drawn."""
    _checked(Source(text, "negative_prompt" if negative else "prompt"), wildcards)


def every(text: str, wildcards: Wildcards) -> tuple[str, ...]:
    """Prompts that the text may become, each option and each entry of a list in one of them, of many the first.

    InvalidPrompt as for `draw`.
    """
    source = Source(text, "prompt")
    template, files = _checked(source, wildcards)
    return tuple(_Covering(Random(0), files, wildcards.is_lora).texts(template, source, ()))  # noqa: S311


def longest(text: str, wildcards: Wildcards) -> str:
    """A prompt of at least as many bytes as any that `draw` may make of the text; InvalidPrompt as it has it."""
    source = Source(text, "prompt")
    template, files = _checked(source, wildcards)
    return _Longest(Random(0), files, wildcards.is_lora).longest(template, source, ())  # noqa: S311


@dataclass(frozen=True)
class _Entry:
    """A line of a list, from its words on."""

    name: str
    number: int
    source: Source
    weight: float


class _Drawing:
    """One prompt while it is drawn, with what it used of its bounds."""

    def __init__(self, random: Random, files: Mapping[str, Path], is_lora: Callable[[str], bool]) -> None:
        self.is_lora = is_lora
        # Of all that it offers only `random()` is promised to stay the same in later Pythons.
        self.random = random.random
        self.files = files
        self.lines_of = cache(lambda name: lines_of(files[name]))
        self.draws = 0
        self.characters = 0

    def expand(self, template: Template, source: Source, inside: tuple[str, ...]) -> str:
        """The template's text; `inside` are the braces ("") and lists that are being drawn."""
        return "".join(
            self.words(node) if isinstance(node, str) else self.bounded(node, source, inside) for node in template
        )

    def words(self, words: str) -> str:
        self.characters += len(words)
        return words

    def bounded(self, node: Choice | Wildcard, source: Source, inside: tuple[str, ...]) -> str:
        if len(inside) >= MAX_DEPTH:
            source.fail(node.position, f"More than {MAX_DEPTH} lists and braces call one another.", "Call fewer.")
        drawn = self.listed(node, source, inside) if isinstance(node, Wildcard) else self.chosen(node, source, inside)
        if self.characters > PROMPT_CHARACTERS:
            cure = "Draw fewer entries, or shorter ones."
            source.fail(node.position, f"More than {PROMPT_CHARACTERS} characters are drawn.", cure)
        return drawn

    def chosen(self, choice: Choice, source: Source, inside: tuple[str, ...]) -> str:
        chosen = self.pick(choice, [option.weight for option in choice.options], source)
        return choice.amount.separator.join(self.expand(choice.options[k].nodes, source, (*inside, "")) for k in chosen)

    def listed(self, wildcard: Wildcard, source: Source, inside: tuple[str, ...]) -> str:
        entries = self.entries(wildcard, source, inside)
        chosen = self.pick(wildcard, [entry.weight for entry in entries], source)
        return wildcard.amount.separator.join(self.entry(entries[k], wildcard, source, inside) for k in chosen)

    def entry(self, entry: _Entry, wildcard: Wildcard, source: Source, inside: tuple[str, ...]) -> str:
        with _place(entry.name, entry.number, wildcard, source):
            return self.expand(read_entry(entry.source, self.is_lora), entry.source, (*inside, entry.name))

    def entries(self, wildcard: Wildcard, source: Source, inside: tuple[str, ...]) -> list[_Entry]:
        names = _known(wildcard, self.files, source)
        again = next((name for name in names if name in inside), None)
        if again is not None:
            way = " > ".join([*filter(None, inside[inside.index(again) :]), again])
            source.fail(wildcard.position, f"This list leads back to itself: {way}.", "Take the call out of the list.")
        try:
            lines = [(name, *line) for name in names for line in self.lines_of(name)]
        except InvalidPreset as error:
            source.fail(wildcard.position, error.message, error.hint)
        if not lines:
            source.fail(wildcard.position, f"The list {wildcard.name} is empty.", "Write entries into it, one a line.")
        return [self.weighed(name, number, line, wildcard, source) for name, number, line in lines]

    def weighed(self, name: str, number: int, line: str, wildcard: Wildcard, source: Source) -> _Entry:
        with _place(name, number, wildcard, source):
            weight, start = read_weight(Source(line, source.field), 0)
        return _Entry(name, number, Source(line[start:], source.field), weight)

    def pick(self, node: Choice | Wildcard, weights: Sequence[float], source: Source) -> tuple[int, ...]:
        """Which of them, each at most once, the heavier the likelier."""
        rest = [k for k, weight in enumerate(weights) if weight > 0]
        least, most = node.amount.least, node.amount.most
        most = len(rest) if most is None else most
        if len(rest) < max(least, most):
            what = f"There are {len(rest)} to choose from where {max(least, most)} are asked for."
            source.fail(node.position, what, "Ask for fewer, or write more with a weight above 0.")
        count = least + int(self.random() * (most - least + 1))
        self.draws += 1 + count
        if self.draws > MOST_DRAWS:
            source.fail(node.position, f"This draws more than {MOST_DRAWS} times.", "Let lists call fewer lists.")
        return tuple(rest.pop(self.heavier([weights[k] for k in rest])) for _ in range(count))

    def heavier(self, weights: Sequence[float]) -> int:
        sums = list(accumulate(weights))
        return min(bisect_right(sums, self.random() * sums[-1]), len(sums) - 1)


class _Covering(_Drawing):
    """Every way of each, one beside the other, so that there are as many texts as the richest of them has ways."""

    def texts(self, template: Template, source: Source, inside: tuple[str, ...]) -> list[str]:
        columns = [[node] if isinstance(node, str) else self.ways(node, source, inside) for node in template]
        rows = max(map(len, columns), default=1)
        texts = ["".join(column[row % len(column)] for column in columns) for row in range(rows)]
        self.characters += sum(map(len, texts))
        return texts

    def ways(self, node: Choice | Wildcard, source: Source, inside: tuple[str, ...]) -> list[str]:
        if len(inside) >= MAX_DEPTH or self.characters > MOST_CHARACTERS:
            source.fail(node.position, "This may become too much.", "Call fewer lists.")
        if isinstance(node, Choice):
            each = (self.texts(option.nodes, source, (*inside, "")) for option in node.options)
        else:
            each = (
                self.texts(read_entry(entry.source, self.is_lora), entry.source, (*inside, entry.name))
                for entry in self.entries(node, source, inside)
            )
        return list(islice(chain.from_iterable(each), MOST_WAYS))


class _Longest(_Drawing):
    """The longest way of each."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # A list is looked through once, however many call it.
        self.known: dict[tuple[str, Amount], str] = {}

    def longest(self, template: Template, source: Source, inside: tuple[str, ...]) -> str:
        return "".join(node if isinstance(node, str) else self.most(node, source, inside) for node in template)

    def most(self, node: Choice | Wildcard, source: Source, inside: tuple[str, ...]) -> str:
        if len(inside) >= MAX_DEPTH:
            source.fail(node.position, f"More than {MAX_DEPTH} lists and braces call one another.", "Call fewer.")
        if isinstance(node, Choice):
            usable = (option for option in node.options if option.weight > 0)
            return self.joined(node.amount, (self.longest(one.nodes, source, (*inside, "")) for one in usable))
        key = node.name, node.amount
        if key not in self.known:
            entries = (entry for entry in self.entries(node, source, inside) if entry.weight > 0)
            self.known[key] = self.joined(node.amount, (self.line(one, inside) for one in entries))
        return self.known[key]

    def line(self, entry: _Entry, inside: tuple[str, ...]) -> str:
        # Nearly all of a long list are words alone, and reading them takes time.
        if not DRAWN.search(entry.source.text):
            return entry.source.text
        return self.longest(read_entry(entry.source, self.is_lora), entry.source, (*inside, entry.name))

    def joined(self, amount: Amount, texts: Iterable[str]) -> str:
        ranked = sorted(texts, key=lambda text: len(text.encode()), reverse=True)
        return amount.separator.join(ranked[: amount.most])


@contextmanager
def _place(name: str, number: int, wildcard: Wildcard, source: Source) -> Iterator[None]:
    """Say of a fault in a list where it is, and point at the call of the list."""
    try:
        yield
    except InvalidPrompt as error:
        what = f"{name}.txt, line {number}: {error.fault}"
        raise InvalidPrompt(source.field, source.text, wildcard.position, what, error.hint) from error


def _checked(source: Source, wildcards: Wildcards) -> tuple[Template, Mapping[str, Path]]:
    template = read_template(source, wildcards.is_lora)
    called = list(_called(template))
    files = wildcards.files() if called else {}
    for wildcard in called:
        _known(wildcard, files, source)
    return template, files


def _called(template: Template) -> Iterator[Wildcard]:
    for node in template:
        if isinstance(node, Wildcard):
            yield node
        elif isinstance(node, Choice):
            for option in node.options:
                yield from _called(option.nodes)


def _known(wildcard: Wildcard, files: Mapping[str, Path], source: Source) -> tuple[str, ...]:
    """The lists that it calls; InvalidPrompt where there is none."""
    names = matching(wildcard.name, files)
    if len(names) > 1 and "*" not in wildcard.name:
        source.fail(
            wildcard.position,
            f"{wildcard.name} may be {' or '.join(names)}.",
            "Write its name just as it is, or rename one.",
        )
    if not names:
        close = get_close_matches(wildcard.name, files, n=3) or list(files)[:20]
        cure = f"Known are {', '.join(close)}; write \\__ for the characters themselves."
        source.fail(wildcard.position, f"There is no wildcard {wildcard.name}.", cure)
    return names
