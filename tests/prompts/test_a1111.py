"""What A1111 makes of a prompt, by the examples in its own doctests and what follows from them."""

import re

import pytest

from studio.prompts.parser import parse
from studio.prompts.schedule import Chunks, plan


def said(text: str, steps: int = 10, done: int = 0) -> list[list[object]]:
    """Where each stage ends and its words, as A1111 writes schedules."""
    (strand,) = plan(parse(text), steps, done=done).strands
    return [[stage.until, stage.text] for stage in strand.stages]


def weights(text: str) -> list[list[object]]:
    (strand,) = plan(parse(text), 10).strands
    ((chunk,),) = [stage.chunks for stage in strand.stages]
    return [[segment.text, segment.weight] for segment in chunk]


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("test", [[10, "test"]]),
        ("a [b:3]", [[3, "a"], [10, "a b"]]),
        ("a [b: 3]", [[3, "a"], [10, "a b"]]),
        ("a [b:3 ]", [[3, "a"], [10, "a b"]]),
        ("a [[[b]]:2]", [[2, "a"], [10, "a b"]]),
        ("[(a:2):3]", [[3, ""], [10, "a"]]),
        ("a [b : c : 1] d", [[1, "a b  d"], [10, "a  c  d"]]),
        ("a[b:[c:d:2]:1]e", [[1, "abe"], [2, "ace"], [10, "ade"]]),
        ("a [b:.5] c", [[5, "a  c"], [10, "a b c"]]),
        ("[a|(b:1.1)]", [[step, "ab"[(step - 1) % 2]] for step in range(1, 11)]),
        ("[fe|]male", [[step, ["female", "male"][(step - 1) % 2]] for step in range(1, 11)]),
        ("[fe|||]male", [[1, "female"], [4, "male"], [5, "female"], [8, "male"], [9, "female"], [10, "male"]]),
        ("a [b:0.29] c", [[2, "a  c"], [10, "a b c"]]),
        ("[a::3] b", [[3, "a b"], [10, "b"]]),
        ("[a:b:0]", [[10, "b"]]),
        ("[night::-1] park", [[10, "park"]]),
        ("[a:b:99]", [[10, "a"]]),
        ("[a:b:1.0]", [[10, "a"]]),
        ("[a:b:1]", [[1, "a"], [10, "b"]]),
    ],
)
def test_words_change_at_the_steps_that_a1111_changes_them(text: str, schedule: list[list[object]]):
    assert said(text) == schedule


def test_the_example_of_its_documentation():
    text = (
        "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in foreground::0.6]"
        "[ in background:0.25] [shoddy:masterful:0.5]"
    )
    assert said(text, steps=100) == [
        [25, "fantasy landscape with a mountain and an oak in foreground shoddy"],
        [50, "fantasy landscape with a lake and an oak in foreground in background shoddy"],
        [60, "fantasy landscape with a lake and an oak in foreground in background masterful"],
        [75, "fantasy landscape with a lake and an oak in background masterful"],
        [100, "fantasy landscape with a lake and a christmas tree in background masterful"],
    ]


def test_in_a_second_pass_shares_above_one_count():
    assert said("a [b:.5] c", done=10) == [[10, "a b c"]]
    assert said("a [b:1.5] c", done=10) == [[5, "a  c"], [10, "a b c"]]
    assert said("a [b:12] c", done=10) == [[2, "a  c"], [10, "a b c"]]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("normal text", [["normal text", 1.0]]),
        ("an (important) word", [["an ", 1.0], ["important", 1.1], [" word", 1.0]]),
        (r"\(literal\]", [["(literal]", 1.0]]),
        ("(unnecessary)(parens)", [["unnecessaryparens", 1.1]]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).)",
            [
                ["a ", 1.0],
                ["house", 1.5730000000000004],
                [" ", 1.1],
                ["on", 1.0],
                [" a ", 1.1],
                ["hill", 0.55],
                [", sun, ", 1.1],
                ["sky", 1.4641000000000006],
                [".", 1.1],
            ],
        ),
        ("[a]", [["a", 1 / 1.1]]),
        ("(a: 1.3 )", [["a", 1.3]]),
        ("(a:-1)", [["a", -1.0]]),
        ("(a:b)", [["a:b", 1.1]]),
        ("(a:b:.5)", [["a:b", 0.5]]),
        ("(a|b)", [["a|b", 1.1]]),
        ("[style: oil]", [["style: oil", 1 / 1.1]]),
        (r"a\\b\c", [["a\\bc", 1.0]]),
        ("a\\", [["a", 1.0]]),
        ("a()b", [["ab", 1.0]]),
    ],
)
def test_weights_are_a1111s_to_the_last_bit(text: str, parts: list[list[object]]):
    assert weights(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a AND b", [("a", 1.0), ("b", 1.0)]),
        ("a AND b:0.5", [("a", 1.0), ("b", 0.5)]),
        ("a :1.2 AND\nb: -.5 ", [("a", 1.2), ("b", -0.5)]),
        ("a:1.5", [("a", 1.5)]),
        ("SAND AND BAND", [("SAND", 1.0), ("BAND", 1.0)]),
        ("(a:1.2) AND b:2.", [("a", 1.0), ("b", 2.0)]),
        ("a AND b:0.5 <lora:x:1>", [("a", 1.0), ("b", 0.5)]),
        (r"a \AND b", [("a AND b", 1.0)]),
    ],
)
def test_and_divides_and_weighs(text: str, parts: list[tuple[str, float]]):
    assert [(strand.stages[0].text, strand.weight) for strand in plan(parse(text), 10).strands] == parts


def test_a_negative_prompt_knows_no_and():
    (strand,) = plan(parse("a AND b:0.5", negative=True), 10).strands
    assert (strand.weight, strand.stages[0].text) == (1.0, "a AND b:0.5")


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("a BREAK b", [["a"], ["b"]]),
        ("a\n\nBREAK, b", [["a"], [", b"]]),
        ("(a BREAK b)", [["a"], ["b"]]),
        ("a BREAK BREAK b", [["a"], [], ["b"]]),
        ("a BREAK", [["a"]]),
        ("BREAK a", [[], ["a"]]),
        ("BREAKFAST", [["BREAKFAST"]]),
        ("", [[]]),
    ],
)
def test_break_begins_a_chunk(text: str, chunks: list[list[str]]):
    (strand,) = plan(parse(text), 10).strands
    assert words(strand.stages[0].chunks) == chunks


def words(chunks: Chunks) -> list[list[str]]:
    return [[segment.text for segment in chunk] for chunk in chunks]


@pytest.mark.parametrize("text", ["a # b (c\nd", "# b\na \nd", "a\n#\n#[\nd", "a <# x\n d"])
def test_a_comment_ends_with_its_line(text: str):
    assert re.sub(r"[<\s]+", " ", said(text)[0][1]) == "a d"


def test_a_step_beyond_the_last_stage_has_the_last():
    (strand,) = plan(parse("[a:b:5]"), 10).strands
    assert [words(strand.at(step)) for step in (1, 5, 6, 10, 11)] == [[["a"]], [["a"]], [["b"]], [["b"]], [["b"]]]
