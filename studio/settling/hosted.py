"""Recipes of hosted models: settled by what the service takes, which is words, a size, and a picture with its mask."""

import math
import re
import secrets
from collections.abc import Collection, Sequence

from studio.catalogue.wordbook import Wordbook
from studio.errors import InvalidPrompt, InvalidRecipe, ModelError
from studio.hosted.models import Hosted, Offer, joined, parted
from studio.inputs import Inputs
from studio.presets.reading import Presets, named, near
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.prompts.variants import draw
from studio.prompts.ways import longest
from studio.prompts.wildcards import Wildcards
from studio.recipe import SEEDS, Recipe, settings
from studio.settling.frame import stored_size
from studio.settling.uses import check_used

# What a recipe of a hosted model may say; the seed draws its words, and is no seed of the service.
TAKEN = frozenset({"prompt", "styles", "model", "width", "height", "seed", "count", "init_image", "mask_image"})
IMPOSSIBLE = {"edit": "change a picture", "mask": "paint into a picture"}
INSTEAD = "Leave it out, or choose another model."


def settle_hosted(
    recipe: Recipe, hosted: Hosted, presets: Presets, inputs: Inputs, book: Wordbook
) -> tuple[Recipe, ...]:
    """One recipe for each image, in the words that the service is told; the names of the settings as in `settle`.

    InvalidRecipe names the field that cannot be; it is `model` where there is no such model, or it takes no pictures.
    """
    offer, own = _offer(recipe, hosted)
    check_used(recipe)
    _check_taken(recipe, offer)
    _check_pictures(recipe, offer, inputs)
    if not recipe.prompt.strip():
        raise InvalidRecipe("prompt", "The prompt is empty.", "Say in a few words what the picture shows.")
    width, height = _size(recipe, offer, own, inputs)
    seed = secrets.randbelow(SEEDS) if recipe.seed is None else recipe.seed
    whole = recipe.replace(model=joined(offer.name, own), width=width, height=height, count=1, styles=())
    seeds = [(seed + k) % SEEDS for k in range(recipe.count)]
    return tuple(whole.replace(seed=one, **_words(recipe, one, offer, presets, book)) for one in seeds)


def dearest(
    recipe: Recipe, hosted: Hosted, presets: Presets, inputs: Inputs, book: Wordbook, looks: int = 0
) -> float | None:
    """What a picture of this recipe costs at most, whatever is drawn of its prompt; None where nobody knows.

    `looks` are partial images, where the model has them. InvalidRecipe where it cannot be.
    """
    offer, own = _offer(recipe, hosted)
    sent = offer.model.chosen(offer.sized(own, *_size(recipe, offer, own, inputs)))
    try:
        words = longest(in_styles(recipe.prompt, presets, recipe.styles), book.wildcards)
    except InvalidPrompt:
        return None
    return offer.estimate(sent, words, len(recipe.pictures), looks if "stream" in offer.model.abilities else 0)


def without_local(recipe: Recipe, hosted: Hosted, but: Collection[str] = ()) -> Recipe:
    """The recipe without what its hosted model does not take, `but` for these fields."""
    offer, _ = _offer(recipe, hosted)
    kept = {*TAKEN, *offer.model.takes, *but}
    return Recipe.make(**{name: value for name, value in recipe.model_dump().items() if name in kept})


def plain(prompt: str, seed: int, presets: Presets, wildcards: Wildcards, styles: Sequence[str] = ()) -> str:
    """The words of a prompt in these styles for a model that knows no weights: drawn from the seed as for any other."""
    drawn = draw(in_styles(prompt, presets, styles), seed, wildcards)
    strands = plan(parse(drawn), 1).strands
    return re.sub(r"\s+", " ", ", ".join(strand.stages[-1].text for strand in strands)).strip()


def in_styles(prompt: str, presets: Presets, styles: Sequence[str]) -> str:
    """The prompt with the words of these styles; what they keep out of a picture is left out."""
    return _styled(prompt, "", presets, styles)[0]


def _styled(prompt: str, negative: str, presets: Presets, styles: Sequence[str]) -> tuple[str, str]:
    for name in styles:
        style = named(name, presets.styles)
        if style is None:
            raise InvalidRecipe("styles", f"There is no style “{name}”.", near(name, list(presets.styles)))
        prompt, negative = style.applied(prompt, negative)
    return prompt, negative


def _offer(recipe: Recipe, hosted: Hosted) -> tuple[Offer, dict[str, str]]:
    """The model, and its own settings but for the size; InvalidRecipe on `model` where either cannot be."""
    name, own = parted(str(recipe.model))
    try:
        offer = hosted[name]
        offer.model.chosen(own)
    except ModelError as error:
        raise InvalidRecipe("model", error.message, error.hint) from error
    return offer, own


def _check_taken(recipe: Recipe, offer: Offer) -> None:
    for name, setting in settings().items():
        if name not in TAKEN | offer.model.takes and getattr(recipe, name) not in (None, "", ()):
            raise InvalidRecipe(name, f"{offer.model.name} takes no {setting.label.lower()}.", INSTEAD)


def _check_pictures(recipe: Recipe, offer: Offer, inputs: Inputs) -> None:
    if recipe.init_image is None:
        return
    needed = "mask" if recipe.mask_image else "edit"
    if needed not in offer.model.abilities:
        cure = "Leave the picture out, or choose another model."
        raise InvalidRecipe("model", f"{offer.model.name} cannot {IMPOSSIBLE[needed]}.", cure)
    stored_size("init_image", recipe.init_image, inputs)
    if recipe.mask_image:
        stored_size("mask_image", recipe.mask_image, inputs)


def _size(recipe: Recipe, offer: Offer, own: dict[str, str], inputs: Inputs) -> tuple[int | None, int | None]:
    """The size that is asked for: of those that it makes, and with a picture the one of the nearest shape.

    A `size` among its own settings (which leaves them) is as good as width and height. None where the service decides.
    """
    said = own.pop("size", "").partition("x")
    asked = (recipe.width or _pixels(said[0]), recipe.height or _pixels(said[2]))
    if not offer.sizes or asked in offer.sizes:
        return asked
    if asked == (None, None):
        return (
            nearest(offer.sizes, stored_size("init_image", recipe.init_image, inputs))
            if recipe.init_image
            else (offer.sizes[0])
        )
    found = [size for size in offer.sizes if all(one in (None, side) for one, side in zip(asked, size, strict=True))]
    if not found:
        field = "height" if any(asked[0] in (None, size[0]) for size in offer.sizes) else "width"
        sizes = ", ".join(f"{width}x{height}" for width, height in offer.sizes)
        said_size = f"{asked[0] or 'any'}x{asked[1] or 'any'}"
        raise InvalidRecipe(field, f"{offer.model.name} makes no pictures of {said_size}.", f"It makes {sizes}.")
    return found[0]


def nearest(sizes: Sequence[tuple[int, int]], picture: tuple[int, int]) -> tuple[int, int]:
    """Of the sizes whose shape is nearest to the picture's, the first: the usual ones of a service come first."""
    shape = math.log(picture[0] / picture[1])
    return min(sizes, key=lambda size: round(abs(math.log(size[0] / size[1]) - shape), 2))


def _pixels(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _words(recipe: Recipe, seed: int, offer: Offer, presets: Presets, book: Wordbook) -> dict[str, str]:
    """What the service is told, by field; InvalidRecipe where a LoRA is mentioned, which it cannot put on."""
    prompt, negative = _styled(recipe.prompt, recipe.negative_prompt or "", presets, recipe.styles)
    if parse(draw(prompt, seed, book.wildcards)).loras:
        raise InvalidRecipe("prompt", f"{offer.model.name} takes no LoRAs.", "Leave <lora:…> out of the prompt.")
    words = {"prompt": plain(prompt, seed, presets, book.wildcards)}
    if negative.strip() and "negative_prompt" in offer.model.takes:
        words["negative_prompt"] = plain(negative, seed, presets, book.wildcards)
    return words
