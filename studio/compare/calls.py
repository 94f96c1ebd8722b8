"""Asks hosted models for the cells of comparisons: whose key, what it may cost, and what it came to."""

from collections.abc import Callable, Mapping
from typing import Any

from studio.backends.hosted import HostedImages
from studio.compare.store import CLEAN, Cell, Comparison, Contestant, failed, seen
from studio.errors import HostedError, InvalidPrompt
from studio.gate.identity import Identity
from studio.hosted.models import HostedEndpoint
from studio.library import Saved
from studio.metadata import png
from studio.prompts.ways import longest
from studio.recipe import Recipe
from studio.resolve.hosted import in_styles, plain
from studio.studio import Studio

# What a hosted model takes of the recipe that all columns share.
GIVEN = ("init_image", "mask_image")


class HostedCalls:
    """The studio's hosted models, asked for cells.

    `looks` is how many partial images are asked for, where a model has them; each is charged.
    """

    def __init__(self, studio: Studio, *, looks: int) -> None:
        self._hosted = studio.hosted
        self.models, self.keys, self.budget = studio.hosted.models, studio.hosted.keys, studio.hosted.budget
        self._images = HostedImages(studio.hosted, studio.inputs, looks)
        self._studio = studio

    def endpoint(self, name: str, who: Identity) -> HostedEndpoint:
        """The hosted model of this name; ModelError where there is none, or a stranger names an address."""
        return self._hosted.endpoint(name, who)

    def estimate(self, column: Contestant, prompt: str, base: Mapping[str, Any]) -> float | None:
        """What a picture of this prompt, in the styles of `base`, costs at most, whatever is drawn of it.

        None where nobody knows.
        """
        try:
            words = longest(
                in_styles(prompt, self._studio.presets, base.get("styles", ())), self._studio.prompt_assets.wildcards
            )
        except InvalidPrompt:
            return None
        return self._costs(column, words, base)

    def make(
        self,
        comparison: Comparison,
        cell: Cell,
        who: Identity,
        look: Callable[[bytes], None],
        pause: Callable[[float], bool],
    ) -> dict[str, Any]:
        """Ask for the picture of a cell; what it came to, as the cell's fields.

        `look` is given partial images as JPEG, `pause` is as the backend has it. What was paid for in an earlier try,
        and stored, is found. StudioError where nothing was asked for.
        """
        library, column = self._studio.library, comparison.columns[cell.column]
        # Its name: a service that knows it does not charge twice, and neither does the purse.
        call = f"{comparison.id}-{cell.line}-{cell.column}-{cell.attempt}"
        styles = comparison.base.get("styles", ())
        words, prompt_assets = comparison.lines[cell.line].prompt, self._studio.prompt_assets
        prompt = plain(words, comparison.seed, self._studio.presets, prompt_assets.wildcards, styles)
        recipe = Recipe.make(prompt=prompt, model=column.model, **_given(comparison.base))
        if cell.state != "waiting" and (saved := library.find(recipe, call, 0)):
            return self._made(saved, call)
        library.ready()
        try:
            made = self._images.make(
                recipe,
                call,
                who,
                settings=column.settings,
                look=look,
                pause=pause,
            )
        except HostedError as error:
            return {**failed(error), "attempt": cell.attempt + (not error.billed)}
        return self._made(library.save(made.image, recipe, made.facts, seconds=made.seconds, job=call, index=0), call)

    def _costs(self, column: Contestant, words: str, base: Mapping[str, Any]) -> float | None:
        """What a picture of just these words costs at most."""
        endpoint = self.models[column.model]
        return self._images.most_usd(endpoint, endpoint.model.chosen(column.settings), words, len(_given(base)))

    def _made(self, saved: Saved, call: str) -> dict[str, Any]:
        """The fields of a cell with this picture; its file tells what it did cost."""
        facts = png.read_facts(saved.path)
        cost = float(facts["cost_usd"]) if "cost_usd" in facts else None
        self.budget.charge(call, cost)
        cell_facts = {"seconds": saved.seconds, "cost_usd": cost, "revised": facts.get("revised prompt", "")}
        return {**seen(saved.path), **cell_facts, **CLEAN}


def _given(base: Mapping[str, Any]) -> dict[str, Any]:
    return {name: base[name] for name in GIVEN if base.get(name)}
