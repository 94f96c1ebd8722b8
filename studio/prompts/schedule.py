"""What a prompt says at each step of a picture: the words to be encoded with their weights, as A1111 weighs them."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod
from typing import Literal

from studio.prompts.language import (
    DRAWN,
    Alternate,
    Break,
    Edit,
    Embedding,
    Lora,
    Nodes,
    Part,
    Prompt,
    Text,
    Weighted,
    walk,
)
from studio.prompts.source import NAME_ENDS, Source, any_of
from studio.shorthand import folded


@dataclass(frozen=True)
class Segment:
    """Words, or the name of an embedding, with their weight."""

    text: str
    weight: float = 1.0
    kind: Literal["text", "embedding"] = "text"


# A BREAK stands between two chunks; each may still be longer than an encoder reads at once, or empty.
Chunks = tuple[tuple[Segment, ...], ...]
Finder = Callable[[Segment], Iterable[Segment]]


@dataclass(frozen=True)
class Stage:
    """What holds for the steps up to `until`, which is counted from 1 and belongs to it."""

    until: int
    chunks: Chunks

    @property
    def text(self) -> str:
        """The words alone, for encoders that take no weights."""
        return " ".join("".join(segment.text for segment in chunk) for chunk in self.chunks)


@dataclass(frozen=True)
class Strand:
    """One part of an AND with its weight; its stages cover every step."""

    weight: float
    stages: tuple[Stage, ...]

    def at(self, step: int) -> Chunks:
        """What holds at a step, counted from 1; after the last one, the last."""
        return next((stage for stage in self.stages if step <= stage.until), self.stages[-1]).chunks


@dataclass(frozen=True)
class Plan:
    """All that is to be encoded; `loras` are mentions in order, `embeddings` names in order, each once."""

    strands: tuple[Strand, ...]
    loras: tuple[Lora, ...]
    embeddings: tuple[str, ...]


def plan(prompt: Prompt, steps: int, *, done: int = 0, embeddings: Collection[str] = ()) -> Plan:
    """Spread a prompt over `steps` steps.

    In a second pass, `done` is the number of steps that the first one took: its edits are then over. Whole words that
    are one of `embeddings` count as such. InvalidPrompt where variants or wildcards are not drawn yet.
    """
    _check_drawn(prompt)
    clock = _Clock(steps, done)
    strands = tuple(Strand(part.weight, _stages(part, clock, _finder(embeddings))) for part in prompt.parts)
    segments = (s for strand in strands for stage in strand.stages for chunk in stage.chunks for s in chunk)
    names = dict.fromkeys(segment.text for segment in segments if segment.kind == "embedding")
    return Plan(strands, prompt.loras, tuple(names))


@dataclass(frozen=True)
class _Clock:
    """The steps of this pass, and how many went before in another."""

    steps: int
    done: int

    def last(self, when: float) -> int:
        """The last step before an edit; 0 where it comes before the first."""
        passed = when - self.done if isinstance(when, int) else (when - bool(self.done)) * self.steps
        return int(max(0, min(self.steps, passed)))


def _check_drawn(prompt: Prompt) -> None:
    span = next((span for span in prompt.spans if span.kind in DRAWN), None)
    if span is not None:
        what = prompt.source[span.start : span.end]
        source = Source(prompt.source, prompt.recipe_field)
        source.fail(span.start, f"{what:.30} is not drawn yet.", f"Write \\{what[0]} for the character itself.")


def _finder(names: Collection[str]) -> Finder:
    """What cuts words at the embeddings that they name, whatever their case; the longest name counts."""
    if not names:
        return lambda segment: (segment,)
    known = {folded(name): name for name in names}
    pattern = re.compile(rf"(?<!\w)({any_of(names)}){NAME_ENDS}", re.IGNORECASE)

    def find(segment: Segment) -> Iterator[Segment]:
        if segment.kind == "embedding":
            yield segment
            return
        for number, text in enumerate(pattern.split(segment.text)):
            # Ignoring case is more than folding it: "i" also finds a dotless one.
            if number % 2 and folded(text) in known:
                yield Segment(known[folded(text)], segment.weight, "embedding")
            elif text:
                yield Segment(text, segment.weight)

    return find


def _stages(part: Part, clock: _Clock, finder: Finder) -> tuple[Stage, ...]:
    """The part's stages; those that follow one another differ."""
    stages: list[Stage] = []
    for until in _ends(part, clock):
        chunks = tuple(tuple(s for segment in chunk for s in finder(segment)) for chunk in _chunks(part, until, clock))
        if stages and stages[-1].chunks == chunks:
            stages.pop()
        stages.append(Stage(until, chunks))
    return tuple(stages)


def _ends(part: Part, clock: _Clock) -> list[int]:
    """The steps after which the words may be others."""
    ends = {clock.steps}
    for node in walk(part.nodes):
        if isinstance(node, Alternate):
            return list(range(1, clock.steps + 1))
        if isinstance(node, Edit):
            ends.add(clock.last(node.when))
    return sorted(ends - {0})


def _chunks(part: Part, step: int, clock: _Clock) -> Chunks:
    chunks: list[list[Segment]] = [[]]
    for segment in _at(part.nodes, step, clock, ()):
        if segment is None:
            chunks.append([])
        else:
            chunks[-1].append(segment)
    merged = [tuple(_merged(chunk)) for chunk in chunks]
    if len(merged) > 1 and not merged[-1]:
        merged.pop()  # a BREAK at the end begins nothing
    return tuple(merged)


def _at(nodes: Nodes, step: int, clock: _Clock, weights: tuple[float, ...]) -> Iterator[Segment | None]:
    """What the nodes say at a step, in brackets of these weights; None is a BREAK."""
    for node in nodes:
        match node:
            case Text(text=text):
                # From the inside out, as in A1111: rounding then is the same, too.
                yield Segment(text, prod(reversed(weights), start=1.0))
            case Embedding(name=name):
                yield Segment(name, prod(reversed(weights), start=1.0), "embedding")
            case Break():
                yield None
            case Weighted(nodes=held, weight=weight):
                yield from _at(held, step, clock, (*weights, weight))
            case Edit(before=before, after=after, when=when):
                yield from _at(before if step <= clock.last(when) else after, step, clock, weights)
            case Alternate(options=options):
                yield from _at(options[(step - 1) % len(options)], step, clock, weights)
            case Lora():
                pass


def _merged(chunk: Iterable[Segment]) -> list[Segment]:
    """Words of one weight that follow one another as one text, without space at the ends of the chunk.

    A1111 does so, too: `(a)(b)` reads "ab".
    """
    merged: list[Segment] = []
    for (kind, weight), run in groupby(chunk, lambda segment: (segment.kind, segment.weight)):
        same = list(run)
        merged += [Segment("".join(segment.text for segment in same), weight)] if kind == "text" else same
    if merged and merged[0].kind == "text":
        merged[0] = replace(merged[0], text=merged[0].text.lstrip())
    if merged and merged[-1].kind == "text":
        merged[-1] = replace(merged[-1], text=merged[-1].text.rstrip())
    return [segment for segment in merged if segment.text]
