"""Whether a race keeps the best: of sets of candidates, the picture that ranks first when all are made to their end.

The ranking is the studio's, with each metric's own weight. No set judges that the plan of the races was chosen by
(scenes from 700 on).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image as Pictures

from starter_factory.sampling import GUIDANCE, STEPS
from starter_factory.sitting import Sitting, Table
from studio.backends.local import LocalBackend
from studio.candidates.ranking import Filter
from studio.catalogue.models import Catalogue
from studio.engine.preview import Watch
from studio.engine.schedulers import build
from studio.metrics.base import Sample
from studio.placing import Scores, totals
from studio.racing import DRAFT_SCHEDULER
from studio.recipe import Recipe
from studio.scorer import Scorer
from studio.settings import Settings

CANDIDATES = 8
METRICS = ("clip_score", "sharpness", "contrast")


@dataclass(frozen=True)
class Drafts:
    """Drafts in so many steps, by the pictures' own scheduler or as the studio's, in even strides of time; `keeps`
    pictures go on from there.
    """

    steps: int
    keeps: Sequence[int] = (1, 2)
    even: bool = False

    def __str__(self) -> str:
        return f"drafts of {self.steps} {'even ' if self.even else ''}steps"


DRAFTS = (Drafts(6), Drafts(8), Drafts(5, even=True), Drafts(6, even=True))
# Steps at which pictures are looked at, each with how many go on.
Rounds = tuple[tuple[int, int], ...]
BOUNDARIES: Sequence[Rounds] = (((7, 4), (10, 2)), ((7, 5), (12, 2)), ((8, 6), (12, 3)))
LOOKS = frozenset(step for rounds in BOUNDARIES for step, _ in rounds)

# How the pictures of a set score by the step at which they were looked at.
Looks = Mapping[int, Sequence[Scores]]


def measure(sitting: Sitting, settings: Settings) -> Table:
    """How often the best of a set is kept, and at how many steps, for drafts and for boundaries; the average loss."""
    catalogue = Catalogue(settings)
    scorer = Scorer(settings, catalogue, LocalBackend(settings, catalogue))
    found: dict[str, list[tuple[bool, float]]] = {}
    spent: dict[str, float] = {}
    for number in range(sitting.count):
        finished, predicted = _made(sitting, scorer, number, STEPS)
        drafted = {drafts: _made(sitting, scorer, number, drafts.steps, even=drafts.even)[0] for drafts in DRAFTS}
        for name, left, steps in _races(drafted, predicted):
            found.setdefault(name, []).append(_kept(finished, left))
            spent[name] = steps / (CANDIDATES * STEPS)
    return {name: _row(of_sets, spent[name]) for name, of_sets in found.items()}


def _races(drafted: Mapping[Drafts, Sequence[Scores]], predicted: Looks) -> Sequence[tuple[str, Sequence[int], int]]:
    """Each way to race: what it is called, the pictures that are left, the steps that all took."""
    races = []
    for drafts, scores in drafted.items():
        for keep in drafts.keeps:
            words, cost = f"{drafts}, {keep} of {CANDIDATES} made", CANDIDATES * drafts.steps + keep * STEPS
            races.append((words, _best(scores, range(CANDIDATES), keep), cost))
    for rounds in BOUNDARIES:
        left: Sequence[int] = range(CANDIDATES)
        cost = before = 0
        for step, keep in rounds:
            cost, before = cost + len(left) * (step - before), step
            left = _best(predicted[step], left, keep)
        words = ", ".join(f"{keep} after {step}" for step, keep in rounds)
        races.append((f"predicted: {words}", left, cost + len(left) * (STEPS - before)))
    return races


def _best(scores: Sequence[Scores], left: Sequence[int], keep: int) -> Sequence[int]:
    of_left = _ranked([scores[at] for at in left])
    return [left[at] for at in np.argsort(-of_left, kind="stable")[:keep]]


def _ranked(scores: Sequence[Scores]) -> Any:
    return np.array([total or 0.0 for total in totals(scores, Filter().weight)])


def _kept(finished: Sequence[Scores], left: Sequence[int]) -> tuple[bool, float]:
    """Whether the best picture is left, and how much lower the best that is left scores."""
    scores = _ranked(finished)
    return int(scores.argmax()) in left, float(scores.max() - scores[list(left)].max())


def _row(of_sets: Sequence[tuple[bool, float]], spent: float) -> dict[str, float]:
    kept, lost = np.array(of_sets, float).T
    error = np.sqrt(kept.mean() * (1 - kept.mean()) / len(kept))
    columns = {"steps, %": 100 * spent, "same best, %": 100 * kept.mean(), "standard error": 100 * error}
    return {name: round(float(value), 1) for name, value in columns.items()} | {"score lost": round(lost.mean(), 3)}


@torch.no_grad()
def _made(
    sitting: Sitting, scorer: Scorer, number: int, steps: int, *, even: bool = False
) -> tuple[Sequence[Scores], Looks]:
    """The scores of the candidates of scene `number` in so many steps, and of what `LOOKS` of these predict."""
    pipe, learned = sitting.pipeline(), sitting.pipeline().scheduler
    recipe = Recipe(prompt=sitting.captions()[number], model="starter")
    pipe.scheduler = type(learned).from_config(learned.config)
    if even:
        pipe.scheduler = build(DRAFT_SCHEDULER, learned.config)
    watch, looks = Watch(pipe.scheduler, keep=True), dict[int, Sequence[Scores]]()

    def score(latents: torch.Tensor) -> Sequence[Scores]:
        pixels = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
        levels = (pixels / 2 + 0.5).clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        return scorer.score([Sample(Pictures.fromarray(one), recipe) for one in levels], METRICS).scores

    def look(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        del pipe, timestep
        if step + 1 in LOOKS and steps == STEPS and watch.predicted is not None:
            looks[step + 1] = score(watch.predicted)
        return tensors

    try:
        latents = pipe(
            [recipe.prompt] * CANDIDATES,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator().manual_seed(CANDIDATES * number + place) for place in range(CANDIDATES)],
            output_type="latent",
            callback_on_step_end=look,
        ).images
    finally:
        pipe.scheduler = learned
    return score(latents), looks
