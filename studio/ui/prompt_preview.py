"""What a prompt says, below its field while it is written: its tokens, how it is understood, what is wrong with it.

`prompt_preview.js` asks for it whenever the words have rested; nothing of it is kept.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import NotRequired

from typing_extensions import TypedDict

from studio.catalogue.models import Model
from studio.catalogue.prompt_assets import PromptAssets
from studio.errors import InvalidPrompt, InvalidRecipe, StudioError
from studio.gate.identity import Identity
from studio.prompts.language import DRAWN, Field
from studio.prompts.parser import parse
from studio.prompts.schedule import Plan, plan
from studio.prompts.variants import draw
from studio.prompts.view import Seen, count, explain
from studio.recipe import PaintedRecipe, Recipe
from studio.resolve.prompts import FIELDS, ignored, unknown_words, worded
from studio.resolve.styles import styled
from studio.studio import Studio
from studio.ui import fields
from studio.ui.events import Name, Number, Whole, Words, served
from studio.ui.island import Island
from studio.ui.schemas.prompts import Placed, PromptFault, PromptView, Stretch

# What of the form it depends on, by the recipe's names.
INPUTS = ("prompt", "negative_prompt", "styles", "negative_presets", "model", "steps", "guidance_scale", "seed")
# What more steps than these would say is not worth the time that it takes while somebody types.
MOST_STEPS = 60
# What is marked as the place of a fault, from its first character on.
PLACE = re.compile(r"<[^<>\n]*>?|__[\w/*\-]+__|embedding:[\w.\-]+|\S|")
# How many characters are shown before and behind that.
AROUND = 28


class Written(TypedDict):
    """What the form says, as far as a prompt depends on it; the recipe checks it."""

    prompt: NotRequired[Words | None]
    negative_prompt: NotRequired[Words | None]
    styles: NotRequired[list[Name] | None]
    negative_presets: NotRequired[list[Name] | None]
    model: NotRequired[Name | None]
    steps: NotRequired[Number | None]
    guidance_scale: NotRequired[Number | None]
    seed: NotRequired[Name | Whole | None]


def place(studio: Studio, field: Field) -> None:
    """Put the view of this prompt at this place of the layout."""

    def preview(event: Written, who: Identity) -> PromptView:
        given = {name: fields.cleaned(name, event.get(name)) for name in INPUTS}
        try:
            recipe = Recipe.make(**{name: value for name, value in given.items() if value not in (None, "", [])})
            return view(studio.of(who), recipe, field)
        except StudioError:
            # What is wrong elsewhere on the form is told there.
            return {}

    Island(
        f"words-{field}",
        '<div class="words"></div>',
        module="prompt_preview",
        data={"field": field, "asked": INPUTS},
        acts=served({"told": preview}, looks=["told"]),
    )


def view(studio: Studio, recipe: Recipe, field: Field) -> PromptView:
    """What is to be told of one of the recipe's prompts: `tokens`, `seen`, `unknown`, `ignored`, and its `fault`.

    ModelError where the recipe's model is none.
    """
    if not recipe.get(field).strip():
        return {}
    model = studio.catalogue[recipe.model or studio.settings.model]
    other = next(name for name in FIELDS if name != field)
    alone = recipe.changed(**{other: ""})
    painted = _painted(alone, model)
    answer: PromptView = {"fault": _fault(studio, painted, model, field)}
    try:
        seen = _explained(studio, alone, field)
        own = _planned(studio, painted, model, field)
    except InvalidPrompt:
        return answer
    return {
        **answer,
        "seen": [_seen(part) for part in seen] if _is_more_than_words(seen) else [],
        "tokens": _tokens(studio, alone, model, field),
        "unknown": unknown_words(own, model, studio.catalogue),
        "ignored": ignored(alone, model),
    }


def _painted(recipe: Recipe, model: Model) -> PaintedRecipe:
    """The recipe with what its words depend on."""
    guidance = model.default("guidance_scale") if recipe.guidance_scale is None else recipe.guidance_scale
    return PaintedRecipe(
        prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        model=model.id,
        scheduler=str(model.default("scheduler")),
        steps=min(recipe.steps or model.default("steps"), MOST_STEPS),
        guidance_scale=guidance,
        seed=0 if recipe.seed is None else recipe.seed,
        loras=recipe.loras,
    )


def _explained(studio: Studio, recipe: Recipe, field: Field) -> tuple[Seen, ...]:
    """How the field is understood, with the embeddings that may be called by any name."""
    prompt_assets = _prompt_assets(studio, recipe)
    return explain(
        recipe.get(field),
        prompt_assets.wildcards,
        negative=field != "prompt",
        embeddings=tuple(prompt_assets.embeddings),
    )


def _fault(studio: Studio, alone: PaintedRecipe, model: Model, field: Field) -> PromptFault | None:
    """What would be refused of it, with its place where it has one."""
    try:
        _explained(studio, alone, field)
        worded(alone, model, studio.catalogue, studio.prompt_assets)
    except InvalidPrompt as error:
        return {"message": error.fault, "hint": error.hint, **_place(error, getattr(alone, field))}
    except InvalidRecipe as error:
        return {"message": error.message, "hint": error.hint}
    return None


def _place(error: InvalidPrompt, text: str) -> Placed:
    """The words at fault, those around them, and where they begin; nothing where the text as it is written lacks them.

    What is drawn of it may have them elsewhere.
    """
    marked = PLACE.match(error.text, error.position)
    at = marked[0] if marked else ""
    position = error.position if error.text == text else text.find(at)
    if position < 0:
        return {}
    end = position + len(at)
    before, after = text[:position].rpartition("\n")[2], text[end:].partition("\n")[0]
    return {"before": before[-AROUND:], "at": at, "after": after[:AROUND], "position": position}


def _seen(part: Seen) -> Stretch:
    return {"text": part.text, "weight": part.weight, "kind": part.kind}


def _is_more_than_words(seen: tuple[Seen, ...]) -> bool:
    return any(part.kind != "text" or part.weight != 1 for part in seen)


def _planned(studio: Studio, recipe: PaintedRecipe, model: Model, field: Field) -> Plan:
    """What the field says at each step, drawn as for the recipe's seed."""
    negative = field != "prompt"
    prompt_assets = _prompt_assets(studio, recipe)
    names = prompt_assets.embeddings.fitting(model.family) if model.family_facts().weighs_words else ()
    drawn = draw(recipe.get(field), recipe.seed, prompt_assets.wildcards, negative=negative)
    prompt = parse(drawn, negative=negative, embeddings=tuple(prompt_assets.embeddings))
    return plan(prompt, recipe.steps, embeddings=names)


def _prompt_assets(studio: Studio, recipe: Recipe) -> PromptAssets:
    """What may be called while the recipe's LoRAs are on, those that its prompt mentions among them."""
    mentioned: Iterable[str] = ()
    with suppress(InvalidRecipe):
        mentioned = [lora.name for lora in parse(recipe.prompt).loras]
    return studio.prompt_assets.with_loras([*(lora.name for lora in recipe.loras), *mentioned])


def _tokens(studio: Studio, alone: Recipe, model: Model, field: Field) -> str:
    """How many tokens it is with all that is ready-made, of how many; empty where the model cannot tell."""
    with suppress(InvalidRecipe):
        whole = styled(alone, model, studio.presets, studio.prompt_assets.wildcards)
        kinds = parse(getattr(whole, field), negative=field != "prompt").kinds
        words = _counted(
            studio, _planned(studio, _painted(whole, model), model, field), model, _prompt_assets(studio, whole)
        )
        return f"about {words}" if words and kinds & DRAWN else words
    return ""


def _counted(studio: Studio, planned: Plan, model: Model, prompt_assets: PromptAssets) -> str:
    embeddings = prompt_assets.embeddings

    @cache
    def tokens_of(text: str) -> int:
        if text in planned.embeddings:
            return embeddings[text].vectors if text in embeddings else 0
        return studio.catalogue.count_tokens(model, text) or 0

    if studio.catalogue.count_tokens(model, "") is None:
        return ""
    if not model.family_facts().weighs_words:
        return f"{tokens_of(planned.strands[0].stages[0].text)} of {model.default('prompt_tokens')} tokens"
    tokens = count(planned, tokens_of)
    return f"{tokens.used} of {tokens.room} tokens" + (f", {tokens.chunks} chunks" if tokens.chunks > 1 else "")
