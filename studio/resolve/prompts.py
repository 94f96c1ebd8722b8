"""What a recipe's prompts say: drawn from its seed, read, and checked against its model before anything is queued."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from studio.catalogue.models import Catalogue, Model
from studio.catalogue.prompt_assets import PromptAssets
from studio.errors import IncompatibleModel, InvalidPrompt, InvalidRecipe, ModelError
from studio.prompts.language import Field, Prompt
from studio.prompts.language import Lora as Mention
from studio.prompts.mentions import calling, mentions
from studio.prompts.parser import parse
from studio.prompts.schedule import Chunks, Plan, plan
from studio.prompts.source import NUMBER
from studio.prompts.variants import draw
from studio.prompts.view import CHUNK
from studio.prompts.ways import every
from studio.prompts.wildcards import Wildcards
from studio.recipe import Lora, PaintedRecipe, Recipe

FIELDS: tuple[Field, Field] = ("prompt", "negative_prompt")
# What encoders without weights leave out of a prompt, and what would be another prompt without it.
IGNORED = {"weight": "weights", "break": "BREAK"}
CHANGING = {"edit": "words that change", "alternate": "words in turn", "and": "AND"}
MOST = 10.0
# A prompt of as many characters as a recipe takes has 17 chunks; embeddings, AND and words in turn make more of it.
MOST_CHUNKS, MOST_READ = 64, 256
# How a LoRA is listed that a name calls.
Named = Callable[[str], str]


def worded(recipe: PaintedRecipe, model: Model, catalogue: Catalogue, prompt_assets: PromptAssets) -> PaintedRecipe:
    """The recipe of one picture with its prompts drawn and all LoRAs that they mention in its list.

    A LoRA that is in the list and in the prompt has the prompt's weights. Raises InvalidRecipe, an InvalidPrompt where
    a place in the text is at fault.
    """
    drawn = {
        name: draw(recipe.get(name), recipe.seed, prompt_assets.wildcards, negative=name != "prompt") for name in FIELDS
    }
    whole = recipe.changed(**drawn)
    prompts = check_words(whole, model, catalogue, prompt_assets)
    stack = _stack(whole, prompts, prompt_assets.loras.named)
    for lora in stack:
        _check_lora(lora, whole, model, prompt_assets)
    return whole.changed(loras=stack)


def check_words(
    recipe: PaintedRecipe, model: Model, catalogue: Catalogue, prompt_assets: PromptAssets
) -> tuple[Prompt, Prompt]:
    """The drawn prompts, read; InvalidRecipe where the model cannot follow what they say."""
    prompts, plans = read(recipe, model, prompt_assets)
    for prompt, planned in zip(prompts, plans, strict=True):
        _check_means(prompt, recipe, model)
        _check_embeddings(prompt, planned, model, prompt_assets.with_loras(_on(recipe, prompts[0])))
        if model.family_facts().weighs_words:
            check_work(prompt.recipe_field, planned, _fewest)
        else:
            _check_tokens(prompt, planned, model, catalogue)
    return prompts


def without_embeddings(recipe: Recipe, model: Model, prompt_assets: PromptAssets) -> tuple[dict[str, str], list[str]]:
    """The drawn prompts, by field, without the embeddings written as such that the model does not know; their names."""
    prompt_assets = prompt_assets.with_loras(_on(recipe, parse(recipe.prompt)))
    words, gone = dict[str, str](), list[str]()
    for name in FIELDS:
        prompt = parse(recipe.get(name), negative=name != "prompt", embeddings=tuple(prompt_assets.embeddings))
        kept, end = "", 0
        for span in prompt.spans:
            called = prompt.source[span.start : span.end].partition(":")[2]
            if span.kind == "embedding" and not _knows(called, model, prompt_assets):
                kept, end = kept + prompt.source[end : span.start], span.end
                gone.append(called)
        words[name] = kept + prompt.source[end:]
    return words, list(dict.fromkeys(gone))


def _knows(embedding: str, model: Model, prompt_assets: PromptAssets) -> bool:
    with suppress(ModelError):
        prompt_assets.embeddings.for_model(embedding, model)
        return True
    return False


def read(
    recipe: PaintedRecipe, model: Model, prompt_assets: PromptAssets, steps: int | None = None, done: int = 0
) -> tuple[tuple[Prompt, Prompt], tuple[Plan, Plan]]:
    """Prompt and negative prompt of a drawn recipe, and what each says at each step.

    `steps` (default: the recipe's) and `done` as in `plan`.
    """
    prompt_assets = prompt_assets.with_loras(_on(recipe, parse(recipe.prompt)))
    known = tuple(prompt_assets.embeddings)
    prompt = parse(recipe.prompt, embeddings=known)
    negative = parse(recipe.negative_prompt, negative=True, embeddings=known)
    names = prompt_assets.embeddings.fitting(model.family) if model.family_facts().weighs_words else ()
    every = recipe.steps if steps is None else steps
    return (prompt, negative), tuple(  # type: ignore[return-value]
        plan(one, every, done=done, embeddings=names) for one in (prompt, negative)
    )


def unknown_words(planned: Plan, model: Model, catalogue: Catalogue) -> list[str]:
    """The prompt's words that a model with a small vocabulary does not know."""
    try:
        vocabulary = catalogue.vocabulary(model)
    except ModelError:
        return []
    segments = (s for strand in planned.strands for stage in strand.stages for chunk in stage.chunks for s in chunk)
    words = dict.fromkeys(segment.text for segment in segments if segment.kind == "text")
    return list(vocabulary.unknown(" ".join(words))) if vocabulary else []


def check_work(name: str, plan: Plan, chunks_of: Callable[[Chunks], int]) -> None:
    """InvalidRecipe where too much is read at one step, in all parts of an AND, or once for all steps.

    `chunks_of` counts the chunks of tokens that what stands between BREAKs takes.
    """
    sizes = {stage.chunks: chunks_of(stage.chunks) for strand in plan.strands for stage in strand.stages}
    at_once = sum(max(sizes[stage.chunks] for stage in strand.stages) for strand in plan.strands)
    if at_once > MOST_CHUNKS or sum(sizes.values()) > MOST_READ:
        raise InvalidRecipe(
            name,
            f"The text takes {at_once} chunks of {CHUNK} tokens at once and {sum(sizes.values())} in all; "
            f"the limits are {MOST_CHUNKS} and {MOST_READ}.",
            "Shorten it, or leave out some of its parts.",
        )


def _fewest(chunks: Chunks) -> int:
    """As many as there are at least, without a tokenizer: each word is a token or more, and each part has a chunk."""
    words = [sum(len(segment.text.split()) for segment in chunk) for chunk in chunks]
    return sum(max(1, -(-number // CHUNK)) for number in words)


def _on(recipe: Recipe, prompt: Prompt) -> list[str]:
    """The LoRAs that are on, in the list or by the prompt."""
    return [*(lora.name for lora in recipe.loras), *(mention.name for mention in prompt.loras)]


def ignored(recipe: Recipe, model: Model) -> str:
    """What of the recipe's prompts the model's text encoders do not take, in a sentence; empty where there is none."""
    if model.family_facts().weighs_words:
        return ""
    kinds = parse(recipe.prompt).kinds | parse(recipe.negative_prompt, negative=True).kinds
    words = [name for kind, name in IGNORED.items() if kind in kinds]
    return f"{model.name} takes no {' and no '.join(words)} in a prompt: the words are read without." if words else ""


def unheard(recipe: PaintedRecipe, model: Model) -> str:
    """That nothing is kept out of the picture where guidance does not say how far from it; empty where it does."""
    if not recipe.negative_prompt or "negative_prompt" not in model.default("abilities"):
        return ""
    if recipe.guided or recipe.guidance_scale is None:
        return ""
    return f"The negative prompt does nothing at guidance {recipe.guidance_scale:g}: it needs a guidance above 1."


def mentioned(prompt: str, named: Named = str) -> dict[str, Lora]:
    """The LoRAs that a prompt mentions, as it says them, by name; InvalidPrompt where it cannot be read.

    `named` says how the one is listed that a name calls.
    """
    read_as = parse(prompt), parse("", negative=True)
    return {lora.name: lora for lora in _stack(Recipe.make(prompt=prompt), read_as, named)}


def drawable(prompt: str, wildcards: Wildcards, named: Named = str) -> dict[str, tuple[float, ...]]:
    """The LoRAs that some drawing of a prompt mentions, by name, and the weights that it may give them, in order.

    InvalidPrompt where it cannot be drawn.
    """
    weights: dict[str, set[float]] = {}
    for text in every(prompt, wildcards):
        with suppress(InvalidPrompt):  # a text in a thousand may be at fault, and is refused when it is drawn
            for mention in parse(text).loras if "<" in text else ():
                weights.setdefault(named(mention.name), set()).add(mention.unet_weight)
    return {name: tuple(sorted(given)) for name, given in weights.items()}


def replaced(given: Recipe, resolved: Recipe) -> list[str]:
    """A sentence for each LoRA of the list for which the prompt gives other weights."""
    counts = {lora.name: lora for lora in resolved.loras}
    pairs = [(lora, counts[name]) for lora in given.loras if (name := calling(lora.name, counts)) is not None]
    return [
        f"The prompt gives {lora.name} the weight {counted.weight:g}, which is used; the list says {lora.weight:g}."
        for lora, counted in pairs
        if lora.weights != counted.weights
    ]


def _stack(recipe: Recipe, prompts: Sequence[Prompt], named: Named) -> tuple[Lora, ...]:
    """The list, and what the prompt mentions; each once, under the name that it is listed by."""
    stack: dict[str, Lora] = {}
    for place, lora in enumerate(recipe.loras):
        name = named(lora.name)
        if name in stack:
            raise InvalidRecipe("loras", f"{lora.name} is in the list twice.", "Leave one of them out.", place)
        stack[name] = lora.changed(name=name)
    prompt, negative = prompts
    for mention in negative.loras:
        fault = "A negative prompt cannot use a LoRA."
        raise _at(negative, mention, fault, "Put it into the prompt, with a weight below 0 for its opposite.")
    mentioned_first: dict[str, Mention] = {}
    for mention in prompt.loras:
        name = named(mention.name)
        _check_mention(prompt, mention, mentioned_first.setdefault(name, mention))
        text, unet = mention.text_weight, mention.unet_weight
        weights: dict[str, Any] = {"weight": unet, "text_weight": None if text == unet else text}
        if mention.extras:
            weights["blocks"] = _blocks(prompt, mention)
        stack[name] = stack.get(name, Lora(name=name)).changed(**weights)
    return tuple(stack.values())


def _check_mention(prompt: Prompt, mention: Mention, first: Mention) -> None:
    if not all(-MOST <= weight <= MOST for weight in (mention.text_weight, mention.unet_weight)):
        raise _at(prompt, mention, f"A LoRA's weight goes from {-MOST:g} to {MOST:g}.", "Give a smaller one.")
    if replace(mention, name=first.name) != first:
        raise _at(prompt, mention, f"The LoRA {mention.name} is given two weights.", "Leave one of them out.")


def _blocks(prompt: Prompt, mention: Mention) -> tuple[float, ...]:
    """The block weights of a mention, written `lbw=1,0.5,...`."""
    found = re.fullmatch(rf"lbw=({NUMBER.pattern}(?:,{NUMBER.pattern})*)", mention.extras[0].replace(" ", ""))
    if not found or mention.extras[1:]:
        fault = f"Of the LoRA {mention.name}, “{mention.extras[found is not None]}” is not understood."
        hint = f"Write <lora:{mention.name}:{mention.unet_weight:g}>, or a number for each block: lbw=1,0.5,..."
        raise _at(prompt, mention, fault, hint)
    blocks = tuple(float(number) for number in found[1].split(","))
    if not all(-MOST <= share <= MOST for share in blocks):
        raise _at(prompt, mention, f"A block's weight goes from {-MOST:g} to {MOST:g}.", "Give a smaller one.")
    return blocks


def _check_lora(lora: Lora, recipe: Recipe, model: Model, prompt_assets: PromptAssets) -> None:
    """InvalidRecipe where there is no such LoRA, or none that can be put on this model."""
    named = prompt_assets.loras.named
    place = next((k for k, one in enumerate(recipe.loras) if named(one.name) == lora.name), None)
    try:
        prompt_assets.loras.for_model(lora.name, model)
        check_blocks(lora, model)
    except ModelError as error:
        if place is not None:
            raise InvalidRecipe("loras", error.message, error.hint, place) from error
        prompt = parse(recipe.prompt)
        mention = next(one for one in prompt.loras if named(one.name) == lora.name)
        raise _at(prompt, mention, error.message, error.hint) from error


def check_blocks(lora: Lora, model: Model) -> None:
    """ModelError where block weights are not as many as the model's blocks."""
    orders = model.family_facts().lora_blocks
    if not lora.blocks or len(lora.blocks) in map(len, orders):
        return
    if not orders:
        raise IncompatibleModel(
            f"{model.name} has no blocks that LoRAs are weighed by.", f"Give {lora.name} one weight."
        )
    takes = " or ".join(str(len(order)) for order in orders)
    raise IncompatibleModel(
        f"{lora.name} has {len(lora.blocks)} block weights; {model.name} takes {takes}.",
        f"Give one for each of {', '.join(orders[0])}; or one weight for all.",
    )


def _check_means(prompt: Prompt, recipe: PaintedRecipe, model: Model) -> None:
    """InvalidRecipe for what would be left out of the prompt, and for what there is no guidance for."""
    family = model.family_facts()
    for kind, words in CHANGING.items():
        if kind in prompt.kinds and not family.weighs_words:
            raise InvalidRecipe(
                prompt.recipe_field,
                f"{model.name} cannot follow {words} in a prompt: {family.name} reads it once, as plain words.",
                "Write plain words, or choose a model that reads with CLIP alone, such as Stable Diffusion XL.",
            )
    guided = "negative_prompt" in model.default("abilities") and recipe.guided
    mixes = len(prompt.parts) > 1 or prompt.parts[0].weight != 1
    if mixes and (not guided or "image_guidance" in model.default("abilities")):
        raise InvalidRecipe(
            prompt.recipe_field,
            "Prompts are mixed, and weighed as a whole, by guidance, and there is none here.",
            "Set the guidance above 1, or leave AND and the weight at the end out; not every model can do it.",
        )


def _check_embeddings(prompt: Prompt, planned: Plan, model: Model, prompt_assets: PromptAssets) -> None:
    for name in dict.fromkeys((*prompt.embeddings, *planned.embeddings)):
        try:
            prompt_assets.embeddings.for_model(name, model)
        except ModelError as error:
            raise _at_word(prompt, f"embedding:{name}", error.message, error.hint) from error


def _check_tokens(prompt: Prompt, planned: Plan, model: Model, catalogue: Catalogue) -> None:
    most = int(model.default("prompt_tokens"))
    tokens = catalogue.count_tokens(model, planned.strands[0].stages[0].text)
    if tokens is not None and tokens > most:
        raise InvalidRecipe(
            prompt.recipe_field,
            f"The text is {tokens} tokens long; {model.name} reads {most}.",
            "Shorten it: a token is a short word or a part of a long one.",
        )


def _at(prompt: Prompt, mention: Mention, fault: str, hint: str) -> InvalidPrompt:
    start = next((start for start, _, name in mentions(prompt.source) if name == mention.name), 0)
    return InvalidPrompt(prompt.recipe_field, prompt.source, start, fault, hint)


def _at_word(prompt: Prompt, word: str, fault: str, hint: str) -> InvalidPrompt:
    return InvalidPrompt(prompt.recipe_field, prompt.source, max(0, prompt.source.find(word)), fault, hint)
