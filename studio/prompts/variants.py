"""Draws variants and wildcards from a seed: the same text, seed and lists always give the same prompt."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import accumulate
from random import Random

from studio.errors import InvalidPreset, InvalidPrompt
from studio.prompts.language import MAX_DEPTH
from studio.prompts.source import Source
from studio.prompts.template import Assign, Choice, Drawn, Piece, Template, Use, Wildcard
from studio.prompts.template_checks import checked, known, unset
from studio.prompts.template_reader import read_entry, read_weight
from studio.prompts.wildcards import Wildcards, WordList
from studio.recipe import PROMPT_CHARACTERS

MOST_DRAWS = 2000


def draw(text: str, seed: int, wildcards: Wildcards, *, negative: bool = False) -> str:
    """The prompt with every variant and wildcard decided; all else stays as it is written.

    InvalidPrompt names the place in `text`, also for a fault in a list that was drawn from.
    """
    source = Source(text, "negative_prompt" if negative else "prompt")
    template, files = checked(source, wildcards)
    # A text of its own as seed: prompt and negative prompt of one picture do not draw in step.
    return Drawing(Random(f"{source.field}:{seed}"), files, wildcards.is_lora).expand(template, At(source))  # noqa: S311


def check(text: str, wildcards: Wildcards, *, negative: bool = False) -> None:
    """InvalidPrompt where the braces cannot be read or call a wildcard that there is not, whatever is drawn."""
    checked(Source(text, "negative_prompt" if negative else "prompt"), wildcards)


@dataclass(frozen=True)
class Entry:
    """An entry of a list, from its words on."""

    list: WordList
    number: int
    source: Source
    weight: float


@dataclass(frozen=True)
class Value:
    """What a variable says: drawn where it is used, in the text where it was set."""

    template: Template
    source: Source


@dataclass(frozen=True)
class At:
    """Where something is drawn: its text, what is being drawn around it, and the variables that are set there.

    Of `inside`, braces are "", lists their names, and variables `${name}`.
    """

    source: Source
    inside: tuple[str, ...] = ()
    variables: Mapping[str, Value] = field(default_factory=dict)

    def into(self, what: str = "", source: Source | None = None) -> "At":
        """Within a brace, list or variable there."""
        return replace(self, inside=(*self.inside, what), source=source or self.source)

    def knowing(self, name: str, value: Value) -> "At":
        """There with this variable."""
        return replace(self, variables={**self.variables, name: value})


class Drawing:
    """One prompt while it is drawn, with what it used of its bounds."""

    def __init__(self, random: Random, files: Mapping[str, WordList], is_lora: Callable[[str], bool]) -> None:
        self.is_lora = is_lora
        # Of all that it offers only `random()` is promised to stay the same in later Pythons.
        self.random = random.random
        self.files = files
        self.entries_of = cache(lambda name: files[name].entries())
        self.draws = 0
        self.characters = 0

    def expand(self, template: Template, at: At) -> str:
        """The template's text."""
        at = self.knowing(template, at)
        return "".join(
            self.words(node) if isinstance(node, str) else self.bounded(node, at)
            for node in template
            if not isinstance(node, Assign)
        )

    def words(self, words: str) -> str:
        self.characters += len(words)
        return words

    def knowing(self, nodes: Iterable[Piece], at: At) -> At:
        """There with the variables that are set among the nodes: they count for all of these."""
        for node in nodes:
            if isinstance(node, Assign) and not (node.keeps and node.name in at.variables):
                at = at.knowing(node.name, self.value(node, at))
        return at

    def value(self, assign: Assign, at: At) -> Value:
        template = (self.expand(assign.value, at.into()),) if assign.once else assign.value
        return Value(template, at.source)

    def bounded(self, node: Drawn, at: At) -> str:
        if len(at.inside) >= MAX_DEPTH:
            at.source.fail(node.position, f"More than {MAX_DEPTH} lists and braces call one another.", "Call fewer.")
        match node:
            case Wildcard():
                drawn = self.listed(node, at)
            case Choice():
                drawn = self.chosen(node, at)
            case Use():
                self.count(node, at, 1)
                drawn = self.expand(*self.template_of(node, at))
        if self.characters > PROMPT_CHARACTERS:
            cure = "Draw fewer entries, or shorter ones."
            at.source.fail(node.position, f"More than {PROMPT_CHARACTERS} characters are drawn.", cure)
        return drawn

    def template_of(self, use: Use, at: At) -> tuple[Template, At]:
        """What the variable says, and where that is drawn."""
        value, mark = at.variables.get(use.name), f"${{{use.name}}}"
        if value is None:
            return use.default if use.default is not None else unset(use, at.source), at.into()
        if mark in at.inside:
            at.source.fail(use.position, f"The variable {use.name} leads back to itself.", "Take it out of its value.")
        return value.template, at.into(mark, value.source)

    def chosen(self, choice: Choice, at: At) -> str:
        chosen = self.pick(choice, [option.weight for option in choice.options], at)
        return choice.amount.separator.join(self.expand(choice.options[k].nodes, at.into()) for k in chosen)

    def listed(self, wildcard: Wildcard, at: At) -> str:
        if wildcard.parts:
            wildcard = replace(wildcard, name=self.expand(wildcard.parts, at.into()).strip(), parts=())
        called, names = known(wildcard, self.files, at.source)
        entries = self.entries(called, names, at)
        at = self.knowing(called.given, at)
        chosen = self.pick(called, [entry.weight for entry in entries], at)
        return called.amount.separator.join(self.entry(entries[k], called, at) for k in chosen)

    def entry(self, entry: Entry, wildcard: Wildcard, at: At) -> str:
        with _place(entry.list.place(entry.number), wildcard, at.source):
            return self.expand(read_entry(entry.source, self.is_lora), at.into(entry.list.name, entry.source))

    def entries(self, wildcard: Wildcard, names: tuple[str, ...], at: At) -> list[Entry]:
        again = next((name for name in names if name in at.inside), None)
        if again is not None:
            way = " > ".join([*filter(None, at.inside[at.inside.index(again) :]), again])
            fault = f"This list leads back to itself: {way}."
            at.source.fail(wildcard.position, fault, "Take the call out of the list.")
        try:
            found = [(name, entry.number, entry.text) for name in names for entry in self.entries_of(name)]
        except InvalidPreset as error:
            at.source.fail(wildcard.position, error.message, error.hint)
        if not found:
            fault = f"The list {wildcard.name} is empty."
            at.source.fail(wildcard.position, fault, "Write entries into it, one a line.")
        return [self.weighed(self.files[name], number, text, wildcard, at) for name, number, text in found]

    def weighed(self, words: WordList, number: int, text: str, wildcard: Wildcard, at: At) -> Entry:
        with _place(words.place(number), wildcard, at.source):
            weight, start = read_weight(Source(text, at.source.field), 0)
        return Entry(words, number, Source(text[start:], at.source.field), weight)

    def pick(self, node: Choice | Wildcard, weights: Sequence[float], at: At) -> tuple[int, ...]:
        """Which of them, each at most once, the heavier the likelier."""
        rest = [k for k, weight in enumerate(weights) if weight > 0]
        least, most = node.amount.least, node.amount.most
        most = len(rest) if most is None else most
        if len(rest) < max(least, most):
            what = f"There are {len(rest)} to choose from where {max(least, most)} are asked for."
            at.source.fail(node.position, what, "Ask for fewer, or write more with a weight above 0.")
        count = least + int(self.random() * (most - least + 1))
        self.count(node, at, 1 + count)
        return tuple(rest.pop(self.heavier([weights[k] for k in rest])) for _ in range(count))

    def count(self, node: Drawn, at: At, draws: int) -> None:
        self.draws += draws
        if self.draws > MOST_DRAWS:
            fault = f"This draws more than {MOST_DRAWS} times."
            at.source.fail(node.position, fault, "Let lists and variables call fewer of them.")

    def heavier(self, weights: Sequence[float]) -> int:
        sums = list(accumulate(weights))
        return min(bisect_right(sums, self.random() * sums[-1]), len(sums) - 1)


@contextmanager
def _place(place: str, wildcard: Wildcard, source: Source) -> Iterator[None]:
    """Say of a fault in a list where it is, and point at the call of the list."""
    try:
        yield
    except InvalidPrompt as error:
        what = f"{place}: {error.fault}"
        raise InvalidPrompt(source.field, source.text, wildcard.position, what, error.hint) from error
