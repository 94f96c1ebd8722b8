"""The page on prompts says what is so: each example is read, and reads as it says."""

import re
from pathlib import Path

import pytest

from studio.errors import InvalidPrompt
from studio.prompts.matrix import matrix
from studio.prompts.parser import parse
from studio.prompts.schedule import Plan, plan
from studio.prompts.variants import draw
from studio.prompts.wildcards import Wildcards

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text("utf-8")
STEPS = 20


def table(heading: str) -> list[tuple[str, str]]:
    """The rows of the tables below this second column's heading."""
    bodies = re.findall(rf"^\| write \| {heading} \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE, re.MULTILINE)
    rows = [re.findall(r"(?<=\|) (.*?) (?=(?<!\\)\|)", line) for body in bodies for line in body.splitlines()]
    return [(write.strip("`").replace(r"\|", "|"), told.replace(r"\|", "|")) for write, told in rows]


def told(plan: Plan) -> str:
    """The plan in the words of the page."""
    strands = []
    for strand in plan.strands:
        stages = []
        for stage in strand.stages:
            chunks = (
                " · ".join(s.text.strip() + (f" ×{s.weight:.3g}" if s.weight != 1 else "") for s in chunk)
                for chunk in stage.chunks
            )
            when = f"to step {stage.until}: " if len(strand.stages) > 1 else ""
            stages.append(when + re.sub(" +", " ", " / ".join(chunks)))
        strands.append((f"with ×{strand.weight:.3g}: " if strand.weight != 1 else "") + "; ".join(stages))
    return "; ".join(strands)


@pytest.mark.parametrize(("text", "meant"), table("is read as"))
def test_an_example_reads_as_the_page_says(text: str, meant: str):
    assert told(plan(parse(text), STEPS)) == meant


@pytest.mark.parametrize("text", [text for text, _ in table("what it does")])
def test_an_example_can_be_drawn_and_read(text: str):
    for seed in range(5):
        plan(parse(draw(text, seed, Wildcards())), STEPS)


@pytest.mark.parametrize(("wrong", "right"), table("mend it to"))
def test_what_the_page_calls_refused_is_refused_and_its_cure_is_read(wrong: str, right: str):
    with pytest.raises(InvalidPrompt):
        parse(draw(wrong, 1, Wildcards()))
    assert parse(draw(right.strip("`"), 1, Wildcards()))


def test_the_pages_words_on_matrix_and_turns_are_so():
    (text,) = re.findall(r"As a prompt matrix, `(.*?)` is four", PAGE)
    assert matrix(text) == (
        "a street",
        "a street, at night",
        "a street, in the rain",
        "a street, at night, in the rain",
    )
    (turns,) = re.findall(r"^`(\[cat\|dog\])` says", PAGE, re.MULTILINE)
    (strand,) = plan(parse(turns), STEPS).strands
    assert [strand.at(step)[0][0].text for step in (1, 2, 3)] == ["cat", "dog", "cat"]


def test_the_tables_were_found():
    assert [len(table(heading)) for heading in ("is read as", "what it does", "mend it to")] == [14, 21, 8]
