"""What a resolved recipe, or a control unit, is made with."""

from collections.abc import Iterable, Iterator, Sequence

from studio.catalogue.models import Catalogue
from studio.controls.base import EstimatorContext
from studio.downloads.items import Item, Items
from studio.hosted.models import is_hosted
from studio.recipe import ControlUnit, ResolvedRecipe
from studio.resolve.controls import READY, control_of
from studio.settings import Settings


class Needs:
    """Knows the items that pictures are made with."""

    def __init__(self, settings: Settings, catalogue: Catalogue, items: Items) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._items = items

    def of(self, recipes: Sequence[ResolvedRecipe]) -> list[Item]:
        """Models, ControlNets, IP-Adapters and estimators of these recipes, each once; here or not."""
        found: dict[str, Item] = {}
        alike = {(recipe.models, recipe.controls): recipe for recipe in recipes}
        for recipe in alike.values():
            found |= {item.key: item for item in self._of(recipe)}
        return list(found.values())

    def of_map(self, unit: ControlUnit, model: str) -> list[Item]:
        """The estimator that the unit's map is made with."""
        if unit.map or unit.is_prompt or unit.kind == READY:
            return []
        starter = self._catalogue[model].family_facts().embedded
        wanted = control_of(unit).wants(dict(unit.options), EstimatorContext(self._settings, starter=starter))
        return [self._items.weights(wanted)] if wanted else []

    def missing(self, items: Iterable[Item]) -> list[Item]:
        """Those that are not here and can be had."""
        return [item for item in items if item.repo is not None and not item.here]

    def _of(self, recipe: ResolvedRecipe) -> Iterator[Item]:
        if not recipe.denoises or (is_hosted(recipe.model) and recipe.model not in self._catalogue):
            return
        for model in recipe.models:
            yield self._items.model(model)
            if configs := self._items.configs(model):
                yield configs
        for unit in (unit for unit in recipe.controls if unit.is_active):
            yield self._items.controlnet(unit.model)
            yield from self.of_map(unit, recipe.model)
