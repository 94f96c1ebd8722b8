"""The prompt matrix: `a street|at night|in the rain` is every way to add the options to the words before them."""

from studio.prompts.language import Prompt
from studio.prompts.parser import parse
from studio.prompts.source import Source

MOST_OPTIONS = 8


def matrix(text: str, *, negative: bool = False) -> tuple[str, ...]:
    """All combinations, in A1111's order: nothing, the first, the second, both, the third and so on.

    A bar within brackets is theirs, and an escaped one is a character. Without a bar, the text itself is the only one.
    InvalidPrompt where an option is empty or there are more than `MOST_OPTIONS`.
    """
    prompt = parse(text, negative=negative)
    bars = [place for span in prompt.spans if span.kind == "matrix" for place in range(span.start, span.end)]
    if not bars:
        return (text,)
    source = Source(text, prompt.recipe_field)
    if len(bars) > MOST_OPTIONS:
        cure = r"Take fewer, or write \| for the character itself."
        source.fail(bars[MOST_OPTIONS], f"More than {MOST_OPTIONS} options are {2 ** len(bars)} pictures.", cure)
    base, *options = (_words(prompt, start, end) for start, end in zip([-1, *bars], [*bars, len(text)], strict=True))
    for bar, option in zip(bars, options, strict=True):
        if not option:
            source.fail(bar, "This option is empty.", r"Write words behind the bar, or \| for the character itself.")
    return tuple(
        ", ".join(filter(None, [base, *(option for k, option in enumerate(options) if number & 1 << k)]))
        for number in range(2 ** len(options))
    )


def _words(prompt: Prompt, before: int, end: int) -> str:
    """What stands between two bars, without comments and the commas that the combination sets itself."""
    pieces = (
        prompt.source[max(span.start, before + 1) : min(span.end, end)]
        for span in prompt.spans
        if span.kind != "comment"
    )
    return "".join(pieces).strip().strip(",").strip()
