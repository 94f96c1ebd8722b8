"""Names that are not known are answered with those that may have been meant."""

import pytest

from studio.suggestions import did_you_mean, near

NAMES = ["Euler", "Euler a", "openai:dall-e-3"]


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("eular", "Did you mean Euler or Euler a? "),
        ("DALL-E-3", "Did you mean openai:dall-e-3? "),
        ("water", ""),
        ("", ""),
    ],
)
def test_the_closest_names_are_proposed_whatever_their_case(wanted, meant):
    assert did_you_mean(wanted, NAMES) == meant


def test_all_names_are_listed_up_to_a_number_and_others_may_be_meant():
    assert near("x", []) == "There is none yet."
    assert near("eulr", ["a", "b"], others=["Euler"]) == "Did you mean Euler? Known are: a, b."
    assert near("zz", [f"n{k}" for k in range(20)]).endswith("n11 and 8 more.")
