"""Racing: of pictures that are made side by side, those that fall behind are dropped before they are paid for.

What a picture will be is known early from a draft: the same noise in fewer steps leads to nearly the same picture, as
long as no fresh noise comes in on the way. Else what the steps themselves predict tells it, which is later.
`studio evaluate races` measures both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from studio.recipe import Recipe
from studio.schedulers import SCHEDULERS

# Of all steps, those of a draft; of all pictures, those that are made behind it.
DRAFT, BEST = 0.4, 0.25
# A draft of fewer steps shows nothing.
LEAST_STEPS = 4
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

    def rounds(self, recipes: Sequence[Recipe]) -> Sequence[Round]:
        """When the pictures of these resolved recipes are looked at, and how many go on then."""
        if all(map(draft_steps, recipes)):
            return [Round(0.0, _part(BEST, recipes))]
        return [Round(share, _part(part, recipes)) for share, part in BOUNDARIES]


def draft_steps(recipe: Recipe) -> int | None:
    """How many steps a draft of a resolved recipe's picture has; None where it would not show what becomes of it."""
    row, steps = SCHEDULERS[recipe.scheduler or ""], recipe.steps or 0
    is_noisy = row.fresh_noise or (row.eta and recipe.eta > 0) or (row.churn and recipe.sigma_churn > 0)
    draft = max(LEAST_STEPS, round(DRAFT * steps))
    return None if is_noisy or draft > steps / 2 else draft


def _part(part: float, recipes: Sequence[Recipe]) -> int:
    return max(1, round(part * len(recipes)))
