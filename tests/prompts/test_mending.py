"""Prompts from elsewhere: mended where they cannot be read, and said in our own signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.prompts.dialects import from_a1111, from_comfyui, from_invokeai, from_novelai, to_a1111
from studio.prompts.mending import mend
from studio.prompts.parser import parse
from studio.prompts.view import explain


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a (cat:1.2), [dog], [a|b], [c:d:0.5] AND e :0.5", "a (cat:1.2), [dog], [a|b], [c:d:0.5] AND e :0.5"),
        ("(unbalanced", r"\(unbalanced"),
        ("a (((house:1.3)) [on] a [hill:0.5], sun", r"a \(((house:1.3)) [on] a [hill:0.5], sun"),
        ("(a [b)", r"(a \[b)"),
        ("a [b:", r"a \[b:"),
        ("(a:1,3)", r"(a\:1,3)"),
        ("cats AND", r"cats \AND"),
        ("(a AND b)", r"(a \AND b)"),
        ("a <lora:", "a "),
        ("a <hypernet:x:1> b", "a  b"),
        ("a \\( b", r"a \( b"),
        ("{(})", r"{\(}\)"),
        ("(" * 65 + "a" + ")" * 65, "(" * 64 + r"\(a\)" + ")" * 64),
    ],
)
def test_stray_signs_become_words(text: str, mended: str):
    found, notes = mend(text)
    parse(found)
    assert found == mended
    assert bool(notes) == (text != mended)


@given(st.text(alphabet="ab ()[]{}<>:|\\#_1.,\nANDlora", max_size=60), st.booleans())
def test_any_text_can_be_read_when_it_is_mended(text: str, negative: bool):
    found, notes = mend(text, negative=negative)
    parse(found, negative=negative)
    assert bool(notes) or found == text
    assert mend(found, negative=negative) == (found, ())


@pytest.mark.parametrize("text", ["(" * 4000, ")" * 4000, "[" * 2000 + ")" * 2000, "(a:b,c)" * 570, "{" * 4000])
def test_a_prompt_of_nothing_but_slips_is_mended_at_once(text: str):
    parse(mend(text)[0])


@given(st.text(alphabet="ab ()[]{}:|\\#_.,<>", max_size=40))
def test_what_another_tool_drew_is_not_drawn_again(text: str):
    for translated in (from_a1111(text), from_comfyui(text), from_invokeai(text)):
        found, _ = mend(translated)
        assert not parse(found).kinds & {"variant", "wildcard", "comment"}
        explain(found, _NONE)


class _Nowhere:
    @staticmethod
    def is_lora(name: str) -> bool:
        return False

    def files(self):
        return {}


_NONE = _Nowhere()


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("{{masterpiece}}, [bad], a (b)", r"((masterpiece:1.05):1.05), [bad], a \(b\)"),
        ("1.3::cat, dog::, -1::hat::", "(cat, dog:1.3), (hat:-1)"),
        ("{open, __x__ #1", r"(open, \__x\__ \#1:1.05)"),
        ("note: x}", "note: x"),
    ],
)
def test_novelais_braces_weigh(text: str, ours: str):
    assert from_novelai(text) == ours
    parse(from_novelai(text))


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("grainy+, noisy++, (a b)1.3, (c d)--", "(grainy:1.1), (noisy:1.21), (a b:1.3), (c d:0.81)"),
        ("well-known, c++11, a - b", "well-known, c++11, a - b"),
        ("[x] {y}", r"\[x\] \{y\}"),
    ],
)
def test_invokeais_signs_weigh(text: str, ours: str):
    assert from_invokeai(text) == ours


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (r"a [b] \(x\) \o/ BREAK {c}", r"a \[b\] \(x\) \\o/ \BREAK \{c\}"),
        ("(embedding:sub/easy.v2.pt:1.2)", "(embedding:sub/easy.v2:1.2)"),
        ("embedding:easy.safetensors, x", "embedding:easy, x"),
    ],
)
def test_comfyuis_square_brackets_are_words(text: str, ours: str):
    assert from_comfyui(text) == ours


@given(st.text(alphabet="ab ()[]{}:\\#_.,", max_size=40))
def test_what_comes_from_a1111_goes_back_with_the_same_meaning(text: str):
    ours = from_a1111(text)
    assert from_a1111(to_a1111(ours)) == ours
