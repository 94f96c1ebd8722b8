"""Asks hosted models for the cells of comparisons: whose key, what it may cost, and what it came to."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from studio.backends.openai import OpenAIBackend
from studio.compare.store import CLEAN, Cell, Column, Comparison, failed, seen
from studio.errors import HostedError, InvalidPrompt, InvalidRecipe, Refused
from studio.events import Event, Preview
from studio.gate.identity import Identity
from studio.hosted.keys import Keys
from studio.hosted.models import Hosted, Offer
from studio.hosted.spending import Purse
from studio.library import Saved
from studio.metadata import png
from studio.presets.reading import named, near
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.prompts.variants import draw
from studio.prompts.ways import longest
from studio.recipe import Recipe
from studio.studio import Studio

# What a hosted model takes of the recipe that all columns share.
GIVEN = ("init_image", "mask_image")


class HostedCalls:
    """The hosted models of one studio, with its keys and its purse.

    Who is at this machine may spend the keys in the environment and name any address. `looks` is how many partial
    images are asked for, where a model has them; each is charged.
    """

    def __init__(self, studio: Studio, *, looks: int) -> None:
        self.models = Hosted(studio.settings)
        self.keys = Keys(shared=studio.settings.share_keys)
        self.purse = Purse(studio.settings, studio.database)
        self._studio = studio
        self._looks = looks

    def offer(self, name: str, who: Identity) -> Offer:
        """The hosted model of this name; ModelError where there is none, or a stranger names an address."""
        if "://" in name and not who.here:
            hint = "Whoever runs the studio can name it in the settings."
            raise Refused("This studio asks no addresses that its settings do not name.", hint)
        return self.models[name]

    def estimate(self, column: Column, prompt: str, base: Mapping[str, Any]) -> float | None:
        """What a picture of this prompt, in the styles of `base`, costs at most, whatever is drawn of it.

        None where nobody knows.
        """
        try:
            words = longest(_styled(prompt, self._studio, base.get("styles", ())), self._studio.wordbook.wildcards)
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
        prompt = plain(comparison.lines[cell.line].prompt, comparison.seed, self._studio, styles)
        recipe = Recipe.make(prompt=prompt, model=column.model, **_given(comparison.base))
        if cell.state != "waiting" and (saved := library.find(recipe, call, 0)):
            return self._made(saved, call)
        library.ready()
        backend = self._backend(column, who, call, pause)
        try:
            self.purse.reserve(call, backend.offer.label, self._costs(column, prompt, comparison.base))
            (made,) = backend.generate([recipe], partial(_show, look))
        except HostedError as error:
            self.purse.settle(call, None if error.billed else 0)
            return {**failed(error), "attempt": cell.attempt + (not error.billed)}
        except InvalidRecipe:
            self.purse.settle(call, 0)
            raise
        return self._made(library.save(made.image, recipe, made.facts, seconds=made.seconds, job=call, index=0), call)

    def _costs(self, column: Column, words: str, base: Mapping[str, Any]) -> float | None:
        """What a picture of just these words costs at most."""
        offer = self.models[column.model]
        looks = self._looks if "stream" in offer.model.abilities else 0
        return offer.estimate(offer.model.chosen(column.settings), words, len(_given(base)), looks)

    def _backend(self, column: Column, who: Identity, call: str, pause: Callable[[float], bool]) -> OpenAIBackend:
        offer = self.offer(column.model, who)
        return OpenAIBackend(
            offer,
            self.keys.of(who, offer.host_name, offer.host),
            self._studio.inputs,
            settings=column.settings,
            idempotency=call,
            looks=self._looks,
            pause=pause,
        )

    def _made(self, saved: Saved, call: str) -> dict[str, Any]:
        """The fields of a cell with this picture; its file tells what it did cost."""
        facts = png.read_facts(saved.path)
        cost = float(facts["cost_usd"]) if "cost_usd" in facts else None
        self.purse.settle(call, cost)
        told = {"seconds": saved.seconds, "cost_usd": cost, "revised": facts.get("revised prompt", "")}
        return {**seen(saved.path), **told, **CLEAN}


def _show(look: Callable[[bytes], None], event: Event) -> None:
    if isinstance(event, Preview):
        look(event.jpeg)


def _given(base: Mapping[str, Any]) -> dict[str, Any]:
    return {name: base[name] for name in GIVEN if base.get(name)}


def plain(prompt: str, seed: int, studio: Studio, styles: Sequence[str] = ()) -> str:
    """The words of a prompt in these styles for a model that knows no weights: drawn from the seed as for any other."""
    drawn = draw(_styled(prompt, studio, styles), seed, studio.wordbook.wildcards)
    strands = plan(parse(drawn), 1).strands
    return re.sub(r"\s+", " ", ", ".join(strand.stages[-1].text for strand in strands)).strip()


def _styled(prompt: str, studio: Studio, styles: Sequence[str]) -> str:
    for name in styles:
        style = named(name, studio.presets.styles)
        if style is None:
            raise InvalidRecipe("styles", f"There is no style “{name}”.", near(name, list(studio.presets.styles)))
        prompt, _ = style.applied(prompt, "")
    return prompt
