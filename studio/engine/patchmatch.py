"""A hole in a picture filled with pieces of the rest of it: PatchMatch (Barnes et al. 2009), from coarse to fine.

At each size, every patch that touches the hole looks for the known patch that is most like it, by taking over from its
neighbours and by trying places at random; then each pixel of the hole becomes the mean of what the patches over it say
(Wexler et al. 2007). Two rounds of numpy a size, no compiled code.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]
Places = npt.NDArray[np.bool_]

# A patch reaches so many pixels to each side of its middle.
REACH = 2
COARSEST = 24
# How often patches are sought and pixels mixed at each size, and how often neighbours are asked for each of these.
ROUNDS, SWEEPS = 3, 3
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
AROUND = [(y, x) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1)]


@dataclass
class Match:
    """For each place (row, column) that touches the hole, the known place whose patch is most like it."""

    places: Whole
    sources: Whole
    costs: Floats


def filled(pixels: Pixels, hole: Pixels) -> Pixels:
    """The RGB picture with what is not 0 in `hole` filled; itself where too little of it is known."""
    sizes = _sizes(pixels.shape[0], pixels.shape[1])
    rng = np.random.default_rng(0)
    made: Floats | None = None
    field: Floats | None = None
    for height, width in sizes:
        here = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        open_ = cv2.resize(hole * 255, (width, height), interpolation=cv2.INTER_AREA) > 0
        known = _known(open_)
        if not known.any():
            continue
        if made is None:
            start = cv2.inpaint(here.astype(np.uint8), open_.astype(np.uint8), 3, cv2.INPAINT_TELEA)
            made = start.astype(np.float32)
        else:
            made = np.where(open_[..., None], cv2.resize(made, (width, height)), here)
        made, field = _level(made, open_, known, field, rng)
    return pixels if made is None else np.rint(made).clip(0, 255).astype(np.uint8)


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width of each size, the smallest first."""
    found = [(height, width)]
    while min(found[-1]) >= 2 * COARSEST:
        found.append((found[-1][0] // 2, found[-1][1] // 2))
    return found[::-1]


def _known(open_: Places) -> Places:
    """Where the middle of a patch may lie that is within the picture, and of known pixels alone."""
    side = 2 * REACH + 1
    known: Places = cv2.dilate(open_.astype(np.uint8), np.ones((side, side), np.uint8)) == 0
    known[:REACH], known[-REACH:], known[:, :REACH], known[:, -REACH:] = False, False, False, False
    return known


def _level(
    made: Floats,
    open_: Places,
    known: Places,
    field: Floats | None,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """One size: the filled picture, and by how much each of its places looks away, for the next size."""
    height, width = open_.shape
    side = 2 * REACH + 1
    places = np.argwhere(cv2.dilate(open_.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
    match = _begin(places, known, field, rng)
    number = np.full(open_.shape, -1)
    number[tuple(places.T)] = np.arange(len(places))
    for _ in range(ROUNDS):
        match.costs = _costs(made, places, match.sources)
        for _ in range(SWEEPS):
            _propagate(made, match, known, number)
            _wander(made, match, known, rng)
        made = _mixed(made, match, open_)
    away = np.zeros((height, width, 2), np.float32)
    away[tuple(places.T)] = match.sources - match.places
    return made, away


def _begin(places: Whole, known: Places, field: Floats | None, rng: np.random.Generator) -> Match:
    """Where each place looks at first: as at the size before, at random where that is nothing known."""
    candidates = np.argwhere(known)
    sources = candidates[rng.integers(0, len(candidates), len(places))]
    if field is not None:
        height, width = known.shape
        larger = cv2.resize(field, (width, height), interpolation=cv2.INTER_NEAREST)
        ratio = np.array((height / field.shape[0], width / field.shape[1]))
        before = np.rint(places + larger[tuple(places.T)] * ratio).astype(np.int64)
        before = before.clip(0, (height - 1, width - 1))
        kept = known[tuple(before.T)]
        sources = np.where(kept[:, None], before, sources)
    return Match(places, sources, np.empty(len(places), np.float32))


def _costs(made: Floats, places: Whole, sources: Whole) -> Floats:
    """How unlike the patches are: the sum of the squares over what of a patch lies in the picture."""
    height, width = made.shape[:2]
    found = np.zeros(len(places), np.float32)
    for y, x in AROUND:
        rows, columns = (places[:, 0] + y).clip(0, height - 1), (places[:, 1] + x).clip(0, width - 1)
        apart = made[rows, columns] - made[sources[:, 0] + y, sources[:, 1] + x]
        found += np.einsum("nc,nc->n", apart, apart)
    return found


def _propagate(made: Floats, match: Match, known: Places, number: Whole) -> None:
    """Try for each place what its neighbours look at, moved along with them."""
    limits = np.array(known.shape) - 1
    for step in NEIGHBOURS:
        beside = (match.places + step).clip(0, limits)
        of = number[tuple(beside.T)]
        _try(made, match, np.where((of >= 0)[:, None], match.sources[of] - step, match.sources), known)


def _wander(made: Floats, match: Match, known: Places, rng: np.random.Generator) -> None:
    """Try places at random around what each looks at, nearer and nearer."""
    radius = max(known.shape)
    while radius >= 1:
        _try(made, match, match.sources + rng.integers(-radius, radius + 1, match.sources.shape), known)
        radius //= 3


def _try(made: Floats, match: Match, offered: Whole, known: Places) -> None:
    """Take what is offered where it is known, and more alike."""
    height, width = known.shape
    inside = (offered >= 0) & (offered < np.array((height, width)))
    within = inside[:, 0] & inside[:, 1]
    offered = np.where(within[:, None], offered, match.sources)
    chosen = np.flatnonzero(known[tuple(offered.T)] & (offered != match.sources).any(axis=1))
    costs = _costs(made, match.places[chosen], offered[chosen])
    better = costs < match.costs[chosen]
    match.sources[chosen[better]] = offered[chosen[better]]
    match.costs[chosen[better]] = costs[better]


def _mixed(made: Floats, match: Match, open_: Places) -> Floats:
    """Each pixel of the hole as the mean of what the patches over it say; those that are more alike count more."""
    height, width = open_.shape
    sums, weights = np.zeros_like(made), np.zeros(open_.shape, np.float32)
    typical = float(np.percentile(match.costs, 75)) + 1.0
    trust = np.exp(-match.costs / typical)
    for y, x in AROUND:
        rows, columns = match.places[:, 0] + y, match.places[:, 1] + x
        within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        to = rows[within], columns[within]
        # No two patches say something of one pixel by the same part of theirs.
        sums[to] += trust[within, None] * made[match.sources[within, 0] + y, match.sources[within, 1] + x]
        weights[to] += trust[within]
    mean = sums / np.maximum(weights, 1e-6)[..., None]
    return np.where(open_[..., None], mean, made)
