"""Rounds: which picture is painted on, and the way back."""

import pytest

from studio.ui.edit_history import MOST, EditHistory


def test_a_new_picture_takes_the_place_of_those_that_were_taken_back() -> None:
    history = EditHistory().to("a").to("b").to("c").by(-2).to("d")
    assert (history.ids, history.now) == (("a", "d"), "d")


def test_a_picture_that_was_there_before_is_gone_back_to() -> None:
    history = EditHistory().to("a").to("b").to("a")
    assert (history.ids, history.now) == (("a", "b"), "a")


def test_nobody_goes_beyond_the_first_and_the_last() -> None:
    history = EditHistory().to("a").to("b")
    assert history.by(-5).now == "a"
    assert history.by(5).now == "b"
    assert EditHistory().by(-1).now is None


def test_only_so_many_are_kept() -> None:
    history = EditHistory()
    for number in range(MOST + 5):
        history = history.to(str(number))
    assert len(history.ids) == MOST
    assert history.now == str(MOST + 4)


def test_what_the_page_keeps_comes_back() -> None:
    history = EditHistory().to("a").to("b").by(-1)
    assert EditHistory.of(history.value()) == history


@pytest.mark.parametrize(
    "value", [None, [], {"ids": "ab", "at": 0}, {"ids": ["a"], "at": 1}, {"ids": ["a"], "at": None}]
)
def test_what_no_page_keeps_is_no_round(value: object) -> None:
    assert EditHistory.of(value) == EditHistory()
