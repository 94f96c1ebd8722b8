"""Each fault is an error with its place and a cure that is none itself."""

import pytest

from studio.errors import InvalidPrompt, InvalidRecipe
from studio.prompts.parser import parse
from studio.prompts.schedule import plan


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        ("a (cat", 2, r"\( is never closed"),
        ("a [cat", 2, r"\[ is never closed"),
        ("a ((cat)", 2, r"\( is never closed"),
        ("a {cat", 2, r"\{ is never closed"),
        ("a {b {cat}", 2, r"\{ is never closed"),
        ("a cat)", 5, r"There is nothing for \) to close"),
        ("a cat]", 5, r"There is nothing for \] to close"),
        ("a cat}", 5, r"There is nothing for \} to close"),
        ("(a [b) c]", 5, r"\) appears while \[ is still open"),
        ("(" * 65 + "a" + ")" * 65, 64, "deeper than 64"),
        ("(a:1,3)", 3, "“1,3” is not a number"),
        ("(a:1.2.3)", 3, "is not a number"),
        ("(a:)", 3, "A number is missing"),
        ("(a:+)", 3, "is not a number"),
        ("[a:b:]", 5, "A number is missing"),
        ("[a:b:c]", 5, "does not say when"),
        ("[a:b:c:0.5]", 4, "a from, a to and a when"),
        ("[a:b|c]", 2, "both edit"),
        ("[a|b:0.5]", 4, "both edit"),
        ("[a:b:99999999999]", 5, "no such step"),
        (f"(a:{'9' * 400})", 3, "too large"),
        ("x [|]", 2, "is empty"),
        ("x [::5]", 2, "is empty"),
        ("(a AND b)", 3, "cannot stand in brackets"),
        ("a AND", 5, "One side of AND is empty"),
        ("AND a", 0, "One side of AND is empty"),
        ("a AND AND b", 6, "One side of AND is empty"),
        ("a <lora:x", 2, "<lora: is never closed"),
        ("<lora:>", 6, "is empty"),
        ("<lora:x:>", 8, "is empty"),
        ("<lora:x:strong>", 8, "“strong” is not a number"),
        ("<lora:x:te=>", 8, "A number is missing"),
        ("a <hypernet:x:1>", 2, "nothing that <hypernet:...> calls"),
        ("a <random[2]:red|blue>", 2, r"nothing that <random\[2\]:...> calls. Write \{a"),
        ("a <setvar[x]:red>", 2, r"Write \$\{name=!words\}"),
        ("a <wildcard:beasts>", 2, "Write __name__"),
        ("a <break> b", 2, "Write BREAK"),
        ("[<lora:x:1>:0.5]", 0, "is empty|cannot come and go"),
        ("[a<lora:x:1>|b]", 0, "A LoRA cannot come and go"),
        ("(a:[1.1:1.5:3])", 3, "cannot change by itself"),
    ],
)
def test_a_fault_has_its_place(text: str, place: int, fault: str):
    with pytest.raises(InvalidPrompt, match=fault) as caught:
        parse(text)
    assert caught.value.position == place
    assert caught.value.field == "prompt"
    assert caught.value.hint


def test_the_place_is_said_in_lines_and_shown():
    with pytest.raises(
        InvalidRecipe, match=r"negative_prompt: Line 2, column 8: \( is never closed\. Close it"
    ) as caught:
        parse("a cat,\nin the (garden", negative=True)
    assert isinstance(caught.value, InvalidPrompt)
    assert caught.value.excerpt == "in the (garden\n       ^"


def test_far_into_a_line_the_excerpt_begins_later():
    with pytest.raises(InvalidPrompt) as caught:
        parse("x" * 100 + ") and then")
    assert caught.value.excerpt == "x" * 30 + ") and then\n" + " " * 30 + "^"


@pytest.mark.parametrize(
    "text",
    [
        r"a \(cat",
        r"a cat\)",
        r"\{ \} \[ \| \]",
        r"[a\:b|c]",
        r"(a\:1,3)",
        r"(a \AND b)",
        r"\<lora:x",
        r"\<hypernet:x:1>",
        r"smile \:\)",
        "[(words:1.1):(words:1.5):0.5]",
        "a < b, <3, <a: b",
    ],
)
def test_the_cure_is_read(text: str):
    assert parse(text)


@pytest.mark.parametrize("text", ["a {b|c}", "a __colours__"])
def test_what_is_not_drawn_is_not_encoded(text: str):
    with pytest.raises(InvalidPrompt, match="is not drawn yet") as caught:
        plan(parse(text), 10)
    assert caught.value.position == 2
