"""What is told of a prompt while it is written."""

from collections.abc import Iterator
from typing import Any

import pytest

from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.prompt_preview import view
from tests.headers import write_home
from tests.ui.painter import Painter


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = write_home(tmp_path_factory.mktemp("home"), "tiny-starter")
    with Studio(Settings.load(home=home), backend=Painter()) as studio:
        yield studio


def told(studio: Studio, prompt: str, **values: Any) -> dict[str, Any]:
    return view(studio, Recipe.make(prompt=prompt, **values), "prompt")


def test_plain_words_are_told_as_a_number_of_tokens_alone(studio: Studio) -> None:
    assert told(studio, "a red house") == {
        "fault": None,
        "seen": [],
        "tokens": "3 of 75 tokens",
        "unknown": [],
        "ignored": "",
    }
    assert told(studio, " ") == {}


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        ("a red house BREAK a cat", "77 of 150 tokens, 2 chunks"),
        ("a {red|blue} house", "about 3 of 75 tokens"),
        ("a house <lora:pixel-art:0.5>, embedding:twilight", "5 of 75 tokens"),
    ],
)
def test_tokens_are_those_that_the_model_reads(studio: Studio, prompt: str, tokens: str) -> None:
    assert told(studio, prompt)["tokens"] == tokens


def test_what_is_ready_made_counts_too(studio: Studio) -> None:
    plain, styled = (told(studio, "a house", styles=styles)["tokens"] for styles in ((), ("starter-pixels",)))
    assert (plain, styled) == ("2 of 75 tokens", "5 of 75 tokens")
    kept_out = view(studio, Recipe(negative_prompt="fog", negative_presets=("starter",)), "negative_prompt")
    both = f"{studio.presets.negatives['starter'].text}, fog"
    assert kept_out["tokens"] == f"{studio.catalogue.count_tokens(studio.catalogue['starter'], both)} of 75 tokens"


def test_more_than_plain_words_is_shown_as_it_is_understood(studio: Studio) -> None:
    seen = told(studio, "a (red:1.5) house")["seen"]
    assert [(part["text"], part["weight"]) for part in seen if part["kind"] == "text"] == [
        ("a ", 1.0),
        ("red", 1.5),
        (" house", 1.0),
    ]


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("a (red\nhouse", {"before": "a ", "at": "(", "after": "red", "position": 2}),
        ("by the sea\na cat) and", {"before": "a cat", "at": ")", "after": " and", "position": 16}),
        ("a <lora:inc:0.5> b", {"before": "a ", "at": "<lora:inc:0.5>", "after": " b", "position": 2}),
        (
            "{red|blue} embedding:clam b",
            {"before": "{red|blue} ", "at": "embedding:clam", "after": " b", "position": 11},
        ),
        ("a __beasts__", {"before": "a ", "at": "__beasts__", "after": "", "position": 2}),
    ],
)
def test_a_fault_is_told_with_its_place_and_cure(studio: Studio, prompt: str, fault: dict[str, Any]) -> None:
    answer = told(studio, prompt)["fault"]
    assert answer.pop("message")
    assert answer.pop("hint")
    assert answer == fault


def test_the_negative_prompt_is_looked_at_by_itself(studio: Studio) -> None:
    both = Recipe(prompt="a (red", negative_prompt="a AND <lora:pixel-art>")
    assert view(studio, both, "negative_prompt")["fault"]["message"] == "A negative prompt cannot use a LoRA."
    assert "never closed" in view(studio, both, "prompt")["fault"]["message"]


def test_words_that_the_model_does_not_know_are_named_and_no_names(studio: Studio) -> None:
    prompt = "a (zeppelin:1.2) [by:near:0.5] the sea <lora:pixel-art:0.5> embedding:twilight {house|tree} # x"
    assert told(studio, prompt)["unknown"] == ["zeppelin", "near"]
    assert told(studio, "a zeppelin", model="tiny-starter")["unknown"] == []


def test_a_model_that_reads_plain_words_says_what_it_ignores(studio: Studio) -> None:
    answer = told(studio, "a (red) house BREAK b", model="tiny-flux")
    assert answer["ignored"] == "tiny-flux takes no weights and no BREAK in a prompt: the words are read without."
    assert answer["tokens"] == "4 of 511 tokens"
    assert told(studio, "a", model="sdxl-base")["tokens"] == ""
    assert "cannot follow words in turn" in told(studio, "[a|b]", model="tiny-flux")["fault"]["message"]


def test_an_embedding_of_any_name_is_marked_and_counted_whole(studio: Studio) -> None:
    own = studio.settings.home / "embeddings"
    own.mkdir(exist_ok=True)
    for name in ("soft light", "cafe\u0301 (old)"):
        (own / f"{name}.safetensors").write_bytes(studio.prompt_assets.embeddings["twilight"].path.read_bytes())
    for name in ("soft light", "caf\u00e9 (old)"):
        seen = view(studio, Recipe.make(prompt=f"a house, embedding:{name}, red"), "prompt")
        assert seen["fault"] is None
        assert [one["text"] for one in seen["seen"] if one["kind"] == "embedding"] == [f"embedding:{name}"]
        assert seen["tokens"] == told(studio, "a house, embedding:twilight, red")["tokens"]
