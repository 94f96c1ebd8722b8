"""What holds for any text at all."""

from collections.abc import Callable
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import InvalidPrompt
from studio.prompts.matrix import matrix
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.prompts.variants import draw
from studio.prompts.wildcards import Wildcards

# What the language is made of, so that most texts come close to meaning something.
PIECES = (
    *"()[]{}:|\\#\n ,.<>=_-",
    *("a", "word", "é", "²", "1.3", "0.5", "5", "-1", "AND", "BREAK", " AND ", " BREAK ", "__", "__starter/times__"),
    *("<lora:", "<lora:x:1>", "<lora:x:1:2:k=v>", "te=1", "embedding", "embedding:", "embedding:e"),
    *("(a:1.3)", "[a:b:3]", "[a|b]", "{a|b}", "2$$", "::"),
)
ANY = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
many = settings(max_examples=100, deadline=None, derandomize=True, database=None)
WILDCARDS = Wildcards()


def words(depth: int) -> st.SearchStrategy[str]:
    """Prompts without a fault, with brackets nested so deep."""
    plain = st.sampled_from(["cat", "a dog, ", "red ", r"\(x\) ", r"12\:30", r"\#1"])
    if depth == 0:
        return plain
    inner = st.lists(words(depth - 1), min_size=1, max_size=3).map("".join)
    number = st.floats(-3, 3).map(lambda value: f"{value:.3f}")
    return st.one_of(
        plain,
        inner.map("({})".format),
        inner.map("[{}]".format),
        st.builds("({}:{})".format, inner, number),
        st.builds("[{}:{}:{}]".format, inner, inner, st.one_of(number, st.integers(-1, 12).map(str))),
        st.lists(inner, min_size=2, max_size=3).map(lambda options: f"[{'|'.join(options)}]"),
        st.builds("{} BREAK {}".format, inner, inner),
    )


GOOD = st.lists(words(2), min_size=1, max_size=3).map(" AND ".join)


def fault(reading: Callable[[], object]) -> InvalidPrompt | None:
    try:
        reading()
    except InvalidPrompt as error:
        return error
    return None


@many
@given(ANY, st.booleans())
def test_any_text_is_read_or_its_fault_has_a_place(text: str, negative: bool):
    for error in (
        fault(lambda: parse(text, negative=negative)),
        fault(lambda: draw(text, 1, WILDCARDS, negative=negative)),
        fault(lambda: matrix(text, negative=negative)),
    ):
        if error:
            assert 0 <= error.position <= len(text)
            assert error.hint
            assert error.excerpt.endswith("^")


@many
@given(st.one_of(ANY, GOOD), st.booleans())
def test_printed_and_read_again_a_prompt_is_the_same(text: str, negative: bool):
    try:
        prompt = parse(text, negative=negative)
    except InvalidPrompt:
        return
    printed = prompt.print()
    assert parse(printed, negative=negative) == prompt
    assert parse(printed, negative=negative).print() == printed


@many
@given(GOOD)
def test_a_prompt_without_a_fault_is_read(text: str):
    strands = plan(parse(text), 10).strands
    for strand in strands:
        assert [strand.at(step) for step in range(1, 11)]
        assert strand.stages[-1].until == 10


@many
@given(st.one_of(ANY, GOOD))
def test_spans_are_the_whole_text(text: str):
    try:
        spans = parse(text).spans
    except InvalidPrompt:
        return
    assert "".join(text[span.start : span.end] for span in spans) == text


@many
@given(st.lists(st.one_of(st.just("("), st.just("["), st.floats(-3, 3)), min_size=1, max_size=20))
def test_weights_multiply(levels: list[str | float]):
    text, factors = "x", []
    for level in levels:
        if isinstance(level, float):
            text, factor = f"({text}:{level:.4f})", float(f"{level:.4f}")
        else:
            text, factor = (f"({text})", 1.1) if level == "(" else (f"[{text}]", 1 / 1.1)
        factors.append(factor)
    ((segment,),) = plan(parse(text), 10).strands[0].stages[0].chunks
    assert segment.weight == prod(factors, start=1.0)


@many
@given(ANY, st.integers(0, 2**32 - 1))
def test_a_seed_draws_one_text(text: str, seed: int):
    error = fault(lambda: draw(text, seed, WILDCARDS))
    if error:
        assert str(fault(lambda: draw(text, seed, WILDCARDS))) == str(error)
    else:
        assert draw(text, seed, WILDCARDS) == draw(text, seed, WILDCARDS)


@pytest.mark.parametrize(
    "piece", ["(", "[", "{", "()", "[a|", "<lora:", "<a:", "__a", "_", "{2$$", "\\", "A", "1", " "]
)
def test_thousands_of_anything_neither_hang_nor_crash(piece: str):
    for text in (piece * 4000, f"(a:{piece * 4000}x)"):
        for error in (fault(lambda: parse(text)), fault(lambda: draw(text, 1, WILDCARDS))):  # noqa: B023
            assert error is None or 0 <= error.position <= len(text)
