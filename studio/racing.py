"""Racing: of pictures that are made side by side, those that fall behind are dropped before they are paid for.

What a picture will be is known early from a draft: the same noise in fewer steps leads to nearly the same picture, as
long as no fresh noise comes in on the way. Else what the steps themselves predict tells it, which is later.
`studio evaluate races` measures both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from studio.recipe import Hires, PaintedRecipe, TextToImageRecipe, TwoPassRecipe
from studio.schedulers import SCHEDULERS

# What samples drafts, where a model learned to remove noise. What is drawn is decided where there is most noise: there
# Karras' schedule, which the pictures themselves may have, takes longer strides.
DRAFT_SCHEDULER = "DPM++ 2M"
# Of all steps, those of a draft by it and of one by the picture's own scheduler.
DRAFT, OWN_DRAFT = 0.3, 0.4
# A draft of fewer steps shows nothing.
LEAST_STEPS = 4
# Of all pictures, those that are made behind drafts.
BEST = 0.25
# Else: after these shares of the steps, this share of the pictures goes on.
BOUNDARIES = ((0.35, 0.625), (0.6, 0.25))


@dataclass(frozen=True)
class Round:
    """After `share` of the steps, the best `keep` of the pictures go on; at 0 they are drafts."""

    share: float
    keep: int


@dataclass(frozen=True)
class Race:
    """How pictures are raced: by `weights`, each metric's part in their score."""

    weights: Mapping[str, float] = field(default_factory=dict)

    def rounds(self, recipes: Sequence[PaintedRecipe]) -> Sequence[Round]:
        """When the pictures of these recipes are looked at, and how many go on then."""
        if all(map(draft, recipes)):
            return [Round(0.0, _part(BEST, recipes))]
        return [Round(share, _part(part, recipes)) for share, part in BOUNDARIES]


def draft(recipe: PaintedRecipe) -> PaintedRecipe | None:
    """The recipe of a draft of the picture, of its first pass; None where it would not show what becomes of it."""
    row = SCHEDULERS[recipe.scheduler]
    if row.fresh_noise or (row.eta and recipe.eta > 0) or (row.churn and recipe.sigma_churn > 0):
        return None
    share, scheduler = (DRAFT, DRAFT_SCHEDULER) if row.process == "diffusion" else (OWN_DRAFT, row.name)
    steps = max(LEAST_STEPS, round(share * recipe.steps))
    if steps > recipe.steps / 2:
        return None
    once = recipe.changed(steps=steps, scheduler=scheduler, hires=Hires())
    return TextToImageRecipe.of(once) if isinstance(recipe, TwoPassRecipe) else once


def _part(part: float, recipes: Sequence[PaintedRecipe]) -> int:
    return max(1, round(part * len(recipes)))
