import pytest

from studio.errors import InvalidPrompt
from studio.prompts.matrix import MOST_OPTIONS, matrix
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.prompts.view import Tokens, count, explain
from studio.prompts.wildcards import Wildcards


def seen(text: str) -> list[tuple[str, float, str]]:
    return [(part.text, round(part.weight, 3), part.kind) for part in explain(text, Wildcards())]


def test_each_word_is_shown_with_its_weight():
    assert seen("a (red [cat]:1.5)") == [
        ("a ", 1.0, "text"),
        ("(", 1.5, "weight"),
        ("red ", 1.5, "text"),
        ("[", 1.364, "weight"),
        ("cat", 1.364, "text"),
        ("]", 1.364, "weight"),
        (":1.5)", 1.5, "weight"),
    ]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("[a:b:0.5]", "edit text edit text edit"),
        ("[a|b]", "alternate text alternate text alternate"),
        ("a BREAK b AND c:0.5", "text break text and text and"),
        ("{a|b}, __colours__ x", "variant text wildcard text"),
        ("a <lora:x:1> embedding:y # z", "text lora text embedding text comment"),
        ("<lora:{a|b}:{0.5|1}>", "variant"),
        (r"<lora:a\{b:1>", "lora"),
        ("[a:b:{0.3|0.6}]", "edit text edit text edit variant edit"),
        ("a|b", "text matrix text"),
        ("(a:b)", "weight text weight"),
        (r"\(a\)", "text"),
    ],
)
def test_each_means_is_told_apart(text: str, kinds: str):
    assert " ".join(kind for _, _, kind in seen(text)) == kinds


def test_what_can_only_be_drawn_is_shown_before():
    assert seen("({a|{b|c}} x:1.2)")[1] == ("{a|{b|c}}", 1.2, "variant")


@pytest.mark.parametrize("text", ["a {b|", "a {||}", "__nope__", "(a"])
def test_a_fault_is_told(text: str):
    with pytest.raises(InvalidPrompt):
        explain(text, Wildcards())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", Tokens(0, 75, 1)),
        ("a b c", Tokens(3, 75, 1)),
        ("x " * 75, Tokens(75, 75, 1)),
        ("x " * 82, Tokens(82, 150, 2)),
        ("a b BREAK c", Tokens(76, 150, 2)),
        ("a BREAK BREAK c", Tokens(151, 225, 3)),
        (f"{'x ' * 80} BREAK c", Tokens(151, 225, 3)),
        ("a AND b c AND d", Tokens(2, 75, 1)),
        ("a [b:c d e:0.5]", Tokens(4, 75, 1)),
    ],
)
def test_tokens_are_counted_for_the_longest_that_is_encoded(text: str, tokens: Tokens):
    assert count(plan(parse(text), 10), lambda words: len(words.split())) == tokens


def test_the_count_reads_well():
    assert str(Tokens(82, 150, 2)) == "82 of 150 tokens, 2 chunks"
    assert str(Tokens(5, 75, 1)) == "5 of 75 tokens, 1 chunk"


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        ("a|b|c", ("a", "a, b", "a, c", "a, b, c")),
        ("a, | b, |c", ("a", "a, b", "a, c", "a, b, c")),
        ("|b", ("", "b")),
        ("a", ("a",)),
        ("[a|b]{c|d}(e|f)", ("[a|b]{c|d}(e|f)",)),
        (r"a\|b|c", (r"a\|b", r"a\|b, c")),
        ("a # x | y\n| (b:1.2) <lora:c:1>", ("a", "a, (b:1.2) <lora:c:1>")),
    ],
)
def test_a_matrix_is_every_combination(text: str, prompts: tuple[str, ...]):
    assert matrix(text) == prompts


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        ("a||b", 1, "empty"),
        ("a|b|", 3, "empty"),
        ("a|(b", 2, "never closed"),
        ("a" + "|b" * (MOST_OPTIONS + 1), 2 * MOST_OPTIONS + 1, "512 pictures"),
    ],
)
def test_a_matrix_that_cannot_be_has_its_place(text: str, place: int, fault: str):
    with pytest.raises(InvalidPrompt, match=fault) as caught:
        matrix(text)
    assert caught.value.position == place
