from dataclasses import dataclass

import pytest

from studio.prompts.language import Lora
from studio.prompts.parser import parse
from studio.prompts.schedule import plan


@pytest.mark.parametrize(
    ("tag", "lora"),
    [
        ("<lora:ink>", Lora("ink")),
        ("<lora:ink:0.8>", Lora("ink", 0.8, 0.8)),
        ("<lora:ink:0.8:0.5>", Lora("ink", 0.8, 0.5)),
        ("<lora: my ink : -1 >", Lora("my ink", -1.0, -1.0)),
        ("<lora:ink:unet=0.5>", Lora("ink", 1.0, 0.5)),
        ("<lora:ink:te=0.5>", Lora("ink", 0.5, 0.5)),
        ("<lora:ink:1:0.5:8>", Lora("ink", 1.0, 0.5, ("8",))),
        ("<lora:ink:1:lbw=1,0,0:stop=10>", Lora("ink", 1.0, 1.0, ("lbw=1,0,0", "stop=10"))),
        ("<lora:ink:1:MIDD>", Lora("ink", 1.0, 1.0, ("MIDD",))),
        (r"<lora:a\:b\>:1>", Lora("a:b>", 1.0, 1.0)),
        ("<lyco:ink:0.8>", Lora("ink", 0.8, 0.8)),
    ],
)
def test_a_lora_is_called_as_everywhere(tag: str, lora: Lora):
    prompt = parse(f"a cat {tag}")
    assert prompt.loras == (lora,)
    assert parse(prompt.print()) == prompt
    assert plan(prompt, 10).strands == plan(parse("a cat"), 10).strands


def test_mentions_are_in_order_wherever_they_stand():
    prompt = parse("<lora:a:1> x (y<lora:b:2>:1.3) AND z <lora:a:3>:0.5")
    assert [(lora.name, lora.text_weight) for lora in plan(prompt, 10).loras] == [("a", 1), ("b", 2), ("a", 3)]
    assert [strand.weight for strand in plan(prompt, 10).strands] == [1.0, 0.5]


@dataclass
class Told:
    """The pieces of a prompt of one chunk and one part."""

    pieces: list[tuple[str, float, str]]
    embeddings: tuple[str, ...]


def told(text: str, embeddings: tuple[str, ...] = ()) -> Told:
    made = plan(parse(text), 10, embeddings=embeddings)
    (chunk,) = made.strands[0].stages[0].chunks
    return Told([(segment.text, segment.weight, segment.kind) for segment in chunk], made.embeddings)


def test_an_embedding_is_named():
    found = told("a (embedding:soft-light.v2:1.2), b")
    assert found.pieces == [("a ", 1.0, "text"), ("soft-light.v2", 1.2, "embedding"), (", b", 1.0, "text")]
    assert found.embeddings == ("soft-light.v2",)
    assert parse("embedding:x.").embeddings == ("x",)


def test_an_embedding_is_called_by_its_bare_name_too():
    found = told("Bad-Hands, (bad:1.2) badness, bad-hands-5", ("bad", "bad-hands", "bad-hands-5"))
    assert found.pieces == [
        ("bad-hands", 1.0, "embedding"),
        (", ", 1.0, "text"),
        ("bad", 1.2, "embedding"),
        (" badness, ", 1.0, "text"),
        ("bad-hands-5", 1.0, "embedding"),
    ]
    assert found.embeddings == ("bad-hands", "bad", "bad-hands-5")


def test_a_weighed_word_is_no_embedding():
    assert told("(embedding:1.3)").pieces == [("embedding", 1.3, "text")]
    assert told(r"\embedding:cat").pieces == [("embedding:cat", 1.0, "text")]


def test_an_embedding_may_have_any_name():
    names = ("my best (hand)", "my")
    assert parse("a embedding:My best (hand), b", embeddings=names).embeddings == ("My best (hand)",)
    assert parse("a (embedding:my:1.2) best", embeddings=names).embeddings == ("my",)
    assert parse("embedding:my besting", embeddings=names).embeddings == ("my",)


def test_accents_that_are_taken_apart_call_the_same_embedding():
    whole, apart = "caf\u00e9", "cafe\u0301"
    for text in (f"a {apart}, b", f"a {whole}, b"):
        assert told(text, (whole,)).embeddings == (whole,)
    assert told(f"a {apart}", ("cafe",)).embeddings == ()
    assert parse(f"embedding:{apart}", embeddings=(whole,)).embeddings == (apart,)
