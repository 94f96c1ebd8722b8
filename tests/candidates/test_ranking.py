from collections.abc import Sequence

import pytest

from studio.candidates.ranking import FEW, Filter, Rating, agreement, judge, learned
from studio.placing import Scores

# Only this one counts.
SHARP = {"sharpness": 1.0}
FOUR: Sequence[Scores] = [{"sharpness": value} for value in (0.5, 0.1, 0.9, 0.3)]
NOTHING = Rating()
UNMARKED = [NOTHING] * 4


def kept(scores: Sequence[Scores], marks: Sequence[Rating], rules: Filter) -> list[bool]:
    return [verdict.kept for verdict in judge(scores, marks, rules)]


def test_ranks_follow_the_weighted_mean_of_places_in_the_set():
    scores = [
        {"sharpness": 0.2, "exposure": 0.0},
        {"sharpness": 0.6, "exposure": 0.5},
        {"sharpness": 0.4, "exposure": 1},
    ]
    verdicts = judge(scores, [NOTHING] * 3, Filter(weights={"sharpness": 1, "exposure": 3, "clip_score": 1}))
    # Exposure clipping is better low, and nothing was said by CLIP.
    assert [verdict.score for verdict in verdicts] == pytest.approx([0.75, 0.625, 0.125])
    assert [verdict.rank for verdict in verdicts] == [1, 2, 3]


def test_a_limit_rejects_with_its_reason():
    verdicts = judge(FOUR, UNMARKED, Filter({"sharpness": 0.3}, SHARP))
    assert [verdict.kept for verdict in verdicts] == [True, False, True, True]
    assert verdicts[1].reason == "blurred: 0.1 < 0.3"


def test_a_yes_or_no_is_said_without_numbers():
    (verdict,) = judge([{"safety": 0.0}], [NOTHING], Filter())
    assert verdict.reason == "flagged by the output check"


def test_the_best_n_are_kept():
    verdicts = judge(FOUR, UNMARKED, Filter(weights=SHARP, keep=2))
    assert [verdict.kept for verdict in verdicts] == [True, False, True, False]
    assert verdicts[3].reason == "rank 3 of 4: not among the best 2"


def test_the_worst_share_is_rejected():
    assert kept(FOUR, UNMARKED, Filter(weights=SHARP, reject_share=0.6)) == [True, False, True, False]
    assert kept(FOUR, UNMARKED, Filter(weights=SHARP, reject_share=1)) == [False] * 4


def test_what_a_limit_rejects_gives_its_place_to_the_next():
    rules = Filter({"exposure": 0.5}, SHARP, keep=2)
    scores = [*FOUR[:2], {"sharpness": 0.9, "exposure": 0.8}, FOUR[3]]
    assert kept(scores, UNMARKED, rules) == [True, False, False, True]


def test_a_persons_marks_win():
    marks = [Rating("reject"), Rating("keep"), NOTHING, Rating(star=True)]
    verdicts = judge(FOUR, marks, Filter({"sharpness": 0.3}, SHARP, keep=2))
    assert [verdict.kept for verdict in verdicts] == [False, True, False, True]
    assert [verdict.reason for verdict in verdicts[:2]] == ["rejected by you", "kept by you"]
    # The two that were picked take the room.
    assert verdicts[2].reason == "rank 1 of 4: others have the 2 places"


def test_a_rating_alone_keeps_nothing():
    assert kept(FOUR, [Rating(rating=5), *UNMARKED[1:]], Filter({"sharpness": 0.6}, SHARP)) == [
        False,
        False,
        True,
        False,
    ]


def test_what_is_not_measured_waits():
    verdicts = judge([{}, *FOUR], [NOTHING] * 5, Filter(weights=SHARP, keep=1))
    assert (verdicts[0].kept, verdicts[0].rank, verdicts[0].score) == (True, None, None)


def test_without_weights_nothing_is_better_than_another():
    assert {verdict.score for verdict in judge(FOUR, UNMARKED, Filter(weights=dict.fromkeys(FOUR[0], 0.0)))} == {0.5}


def picked(likes: str, count: int) -> tuple[list[Scores], list[Rating]]:
    """Pictures of which those with more of `likes` were kept, one metric beside it telling nothing."""
    scores: list[Scores] = [{likes: at / count, "contrast": at % 2} for at in range(count)]
    return scores, [Rating("keep" if at >= count // 2 else "reject") for at in range(count)]


def test_a_metric_that_goes_with_the_picks_is_found_and_weighed():
    count, found = agreement([picked("sharpness", 20), picked("sharpness", 20)])
    assert count == 40
    assert found["sharpness"].correlation > 0.8
    assert found["sharpness"].low > 0.6
    assert found["contrast"].low < 0 < found["contrast"].high
    weights = learned(found)
    assert weights["sharpness"] > 0.8
    assert weights["contrast"] == weights["clip_score"] == 0


def test_a_metric_for_which_less_is_better_turns_round():
    _, found = agreement([picked("exposure", 20)])
    assert found["exposure"].correlation < -0.8
    assert learned(found) == {}


def test_too_few_picks_say_nothing():
    count, found = agreement([picked("sharpness", FEW - 1)])
    assert (count, found) == (FEW - 1, {})


def test_picks_that_are_all_alike_say_nothing():
    scores, _ = picked("sharpness", 20)
    assert agreement([(scores, [Rating("keep")] * 20)]) == (20, {})
