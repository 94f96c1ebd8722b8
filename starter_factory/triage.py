"""Whether the ranking of candidates means something: does its top quarter follow the prompt better than its bottom?

The ranking is the studio's own, with each metric's own weight. The probe judges; no metric has anything to do with it.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image as Pictures

from starter_factory.sampling import paint
from starter_factory.sitting import Features, Sitting, Table
from studio.backends.local import LocalBackend
from studio.candidates.ranking import Filter, Rating, judge
from studio.catalogue.models import Catalogue
from studio.metrics.base import Sample
from studio.recipe import Recipe
from studio.scorer import Scorer
from studio.settings import Settings

CANDIDATES = 8
QUARTERS = {
    "top quarter": slice(CANDIDATES // 4),
    "any": slice(None),
    "bottom quarter": slice(-CANDIDATES // 4, None),
}
# How they are painted: steps and guidance. Without guidance the starter often misses something.
MANNERS: Mapping[str, tuple[int, float]] = {"6 steps, no guidance": (6, 1.0), "20 steps, guidance 3": (20, 3.0)}


def measure(sitting: Sitting, settings: Settings) -> Table:
    """How well the quarters of sets of candidates follow their prompts; `sitting.count` sets for each manner."""
    catalogue = Catalogue(settings)
    scorer = Scorer(settings, catalogue, LocalBackend(settings, catalogue))
    return {row: found for manner in MANNERS for row, found in _rows(sitting, scorer, manner).items()}


def _rows(sitting: Sitting, scorer: Scorer, manner: str) -> Table:
    met = np.array([_ranked(sitting, scorer, manner, number) for number in range(sitting.count)])
    columns = {"prompt-following, %": 100 * met[..., 0], "without a fault, %": 100 * met[..., 1]}
    table = {
        f"{manner}: {name}": {column: round(float(by_rank[:, part].mean()), 1) for column, by_rank in columns.items()}
        for name, part in QUARTERS.items()
    }
    gaps = {column: _gap(by_rank) for column, by_rank in columns.items()}
    table[f"{manner}: top less bottom"] = {column: round(float(gap.mean()), 1) for column, gap in gaps.items()}
    table[f"{manner}: its standard error"] = {
        column: round(float(gap.std(ddof=1) / np.sqrt(len(gap))), 1) for column, gap in gaps.items()
    }
    return table


def _ranked(sitting: Sitting, scorer: Scorer, manner: str, number: int) -> Features:
    """Of the candidates of prompt `number`, best first: the share of its facts that each meets, and whether all."""
    (steps, guidance), caption = MANNERS[manner], sitting.captions()[number]
    first = CANDIDATES * number
    pictures = paint(sitting.pipeline(), [caption] * CANDIDATES, steps=steps, guidance=guidance, seed=first)
    recipe = Recipe(prompt=caption, model="starter")
    found = scorer.score([Sample(Pictures.fromarray(picture), recipe) for picture in pictures])
    verdicts = judge(found.scores, [Rating() for _ in pictures], Filter())
    order = sorted(range(CANDIDATES), key=lambda at: verdicts[at].rank or CANDIDATES)
    shares = np.array([np.mean(facts) for facts in sitting.met(pictures, [number] * CANDIDATES)])
    return np.stack([shares, shares == 1], axis=1)[order]


def _gap(by_rank: Features) -> Features:
    """Of each set: its top quarter less its bottom quarter."""
    top, bottom = (by_rank[:, QUARTERS[name]].mean(axis=1) for name in ("top quarter", "bottom quarter"))
    return np.asarray(top - bottom)
