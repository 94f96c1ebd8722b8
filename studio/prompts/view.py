"""What the parser understood, for eyes: the weight of every word, and how many tokens there are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from studio.prompts.language import Kind
from studio.prompts.parser import parse
from studio.prompts.schedule import Chunks, Plan
from studio.prompts.variants import check
from studio.prompts.wildcards import Wildcards

CHUNK = 75


@dataclass(frozen=True)
class Seen:
    """A stretch of the prompt as it is written; all of them together are the prompt."""

    text: str
    weight: float
    kind: Kind


@dataclass(frozen=True)
class Tokens:
    """Tokens used, with the padding before each BREAK, and how many the chunks that they need have room for."""

    used: int
    room: int
    chunks: int

    def __str__(self) -> str:
        return f"{self.used} of {self.room} tokens, {self.chunks} {'chunk' if self.chunks == 1 else 'chunks'}"


def explain(
    text: str, wildcards: Wildcards, *, negative: bool = False, embeddings: Iterable[str] = ()
) -> tuple[Seen, ...]:
    """How a prompt is understood, before anything is drawn; InvalidPrompt names the place of a fault."""
    check(text, wildcards, negative=negative)
    spans = parse(text, negative=negative, embeddings=embeddings).spans
    return tuple(Seen(text[span.start : span.end], span.weight, span.kind) for span in spans)


def count(plan: Plan, tokens_of: Callable[[str], int], chunk: int = CHUNK) -> Tokens:
    """The tokens of the longest that has to be encoded; `tokens_of` counts those of words or of an embedding's name."""
    used = max(_used(stage.chunks, tokens_of, chunk) for strand in plan.strands for stage in strand.stages)
    chunks = _chunks(used, chunk)
    return Tokens(used, chunks * chunk, chunks)


def _used(chunks: Chunks, tokens_of: Callable[[str], int], chunk: int) -> int:
    counts = [sum(tokens_of(segment.text) for segment in segments) for segments in chunks]
    return sum(_chunks(number, chunk) * chunk for number in counts[:-1]) + counts[-1]


def _chunks(tokens: int, chunk: int) -> int:
    return max(1, -(-tokens // chunk))
