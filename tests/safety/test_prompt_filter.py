"""The prompt filter: whole words, however they are spelled; a file each rule, to be edited."""

from pathlib import Path

import pytest

from studio.errors import InvalidPreset
from studio.safety.folding import readings
from studio.safety.prompt_filters import FILTERS
from studio.safety.prompts import PromptFilter
from studio.settings import Settings

BAD = {
    "as it is": "a naked woman",
    "in capitals": "PORN",
    "with accents": "a nüde figure",
    "in look-alikes of other scripts": "а nаkеd womаn",
    "in Greek": "pοrn",
    "in wide letters": "ｐｏｒｎ",
    "in digits": "p0rn",
    "with signs": "t!t$",
    "with blanks between letters": "p o r n",
    "with blanks, after a word of one letter": "a p o r n star",
    "with points": "p.o.r.n",
    "with a hyphen": "po-rn",
    "with what no eye sees": "na\u200bked, nu\u00adde",
    "with weights": "(naked:1.3)",
    "with a weight within": "na(ked:1.2) woman",
    "with letters too many": "pooorn",
    "two words that do not go together": "a girl in a sexual pose",
}
GOOD = [
    "Scunthorpe in Essex", "a tit on a branch", "a child in a red coat", "a girl with a pearl earring", "sextant",
    "analysis of a grape harvest", "nudibranch", "therapist", "a b c d e f", "обычный дом", "3 year old wine",
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, prompt_filter="on")


@pytest.mark.parametrize("prompt", BAD.values(), ids=BAD)
def test_a_listed_word_is_found(prompt: str, settings: Settings) -> None:
    assert PromptFilter(settings).reason(prompt)


def test_words_that_only_hold_a_listed_one_pass(settings: Settings) -> None:
    assert {prompt: PromptFilter(settings).reason(prompt) for prompt in GOOD} == dict.fromkeys(GOOD, "")


def test_a_reason_names_the_rule_and_the_word(settings: Settings) -> None:
    assert PromptFilter(settings).reason("a naked tree") == "Sexual words (“naked”)."


def test_a_file_of_ones_own_is_a_rule_and_one_of_the_same_name_takes_the_place_of_ours(settings: Settings) -> None:
    folder = settings.home / "presets" / "prompt-filter"
    folder.mkdir(parents=True)
    (folder / "tea.toml").write_text('reason = "No tea"\nwords = ["green tea", "cup*"]')
    (folder / "sexual.toml").write_text('reason = "Not here"\nwords = ["ankle"]')
    prompts = PromptFilter(settings)
    assert prompts.reason("green  TEA") == "No tea (“green tea”)."
    assert prompts.reason("two cups") == "No tea (“cups”)."
    assert prompts.reason("an ankle") == "Not here (“ankle”)."
    assert prompts.reason("a naked tree") == ""
    (folder / "tea.toml").unlink()
    assert prompts.reason("two cups") == "", "an edit counts at once"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('reason = "x"\nwords = ["a"]\nwrods = ["b"]', "wrods"),
        ('reason = "x"\nwords = []', "words"),
        ('reason = "x"\nwords = ["!"]', "words.0"),
        ('words = ["a"]', "reason"),
        ("words = [", "tea.toml"),
    ],
)
def test_a_rule_that_cannot_be_read_is_told_at_the_start(text: str, says: str, settings: Settings) -> None:
    folder = settings.home / "presets" / "prompt-filter"
    folder.mkdir(parents=True)
    (folder / "tea.toml").write_text(text)
    with pytest.raises(InvalidPreset, match=says):
        PromptFilter(settings)


def test_a_long_prompt_has_few_readings() -> None:
    assert len(readings("a red house by the sea, highly detailed, " * 500)) < 10
    assert readings("") == ("",)


def test_each_filter_says_nothing_of_nothing(settings: Settings) -> None:
    assert {name: one.reason("", settings) for name, one in FILTERS.items()} == dict.fromkeys(FILTERS, "")
