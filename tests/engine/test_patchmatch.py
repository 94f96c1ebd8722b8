"""A hole is filled with what continues the picture around it."""

import numpy as np

from studio.engine import patchmatch


def stripes(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([(columns // 6 % 2) * 200 + 20, rows, columns], -1).astype(np.uint8)


def test_a_pattern_goes_on_through_the_hole_and_the_rest_stays() -> None:
    picture = stripes(96, 120)
    hole = np.zeros((96, 120), np.uint8)
    hole[36:60, 44:76] = 1
    made = patchmatch.filled(np.where(hole[..., None], 0, picture).astype(np.uint8), hole)
    assert (made[hole == 0] == np.where(hole[..., None], 0, picture)[hole == 0]).all()
    apart = np.abs(made[..., 0].astype(int) - picture[..., 0])[hole > 0]
    assert apart.mean() < 40, "half of a wrong guess is 100"


def test_the_same_hole_is_filled_alike() -> None:
    hole = np.zeros((40, 40), np.uint8)
    hole[10:20, 10:20] = 1
    assert (patchmatch.filled(stripes(40, 40), hole) == patchmatch.filled(stripes(40, 40), hole)).all()


def test_where_too_little_is_known_the_picture_comes_back() -> None:
    hole = np.ones((12, 12), np.uint8)
    hole[0, 0] = 0
    assert (patchmatch.filled(stripes(12, 12), hole) == stripes(12, 12)).all()
