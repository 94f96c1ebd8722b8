"""Recipes of hosted models: resolved by what the service takes, which is words, a size, and a picture with its mask."""

import math
import re
import secrets
from collections.abc import Collection, Sequence

from studio.catalogue.prompt_assets import PromptAssets
from studio.errors import InvalidPrompt, InvalidRecipe, ModelError
from studio.hosted.models import Hosted, HostedEndpoint, joined, parted
from studio.inputs import InputStore
from studio.presets.reading import Presets, named
from studio.prompts.language import literal
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.prompts.variants import draw
from studio.prompts.ways import longest
from studio.prompts.wildcards import Wildcards
from studio.recipe import SEEDS, HostedRecipe, Recipe, setting_specs
from studio.resolve.applicability import check_used
from studio.resolve.sizes import stored_size
from studio.suggestions import near

# What a recipe of a hosted model may say; the seed draws its words, and is no seed of the service.
TAKEN = frozenset({"prompt", "styles", "model", "width", "height", "seed", "count", "init_image", "mask_image"})
IMPOSSIBLE = {"edit": "change a picture", "mask": "paint into a picture"}
INSTEAD = "Leave it out, or choose another model."


def resolve_hosted(
    recipe: Recipe, hosted: Hosted, presets: Presets, inputs: InputStore, prompt_assets: PromptAssets
) -> tuple[HostedRecipe, ...]:
    """One recipe for each image, in the words that the service is told; the names of the settings as in `resolve`.

    InvalidRecipe names the field that cannot be; it is `model` where there is no such model, or it takes no pictures.
    """
    endpoint, own = _offer(recipe, hosted)
    check_used(recipe)
    _check_taken(recipe, endpoint)
    _check_pictures(recipe, endpoint, inputs)
    if not recipe.prompt.strip():
        raise InvalidRecipe("prompt", "The prompt is empty.", "Say in a few words what the picture shows.")
    width, height = _size(recipe, endpoint, own, inputs)
    seed = secrets.randbelow(SEEDS) if recipe.seed is None else recipe.seed
    whole = recipe.changed(model=joined(endpoint.name, own), width=width, height=height, count=1, styles=())
    seeds = [(seed + k) % SEEDS for k in range(recipe.count)]
    singles = (whole.changed(seed=one, **_words(recipe, one, endpoint, presets, prompt_assets)) for one in seeds)
    return tuple(map(HostedRecipe.of, singles))


def dearest(
    recipe: Recipe,
    hosted: Hosted,
    presets: Presets,
    inputs: InputStore,
    prompt_assets: PromptAssets,
    *,
    looks: int = 0,
    pictures: int = 0,
) -> float | None:
    """What an image of this recipe costs at most, whatever is drawn of its prompt; None where nobody knows.

    `looks` are partial images, where the model has them, and `pictures` those that will be sent at least.
    InvalidRecipe where it cannot be.
    """
    endpoint, own = _offer(recipe, hosted)
    sent = endpoint.model.chosen(endpoint.sized(own, *_size(recipe, endpoint, own, inputs)))
    try:
        words = longest(in_styles(recipe.prompt, presets, recipe.styles), prompt_assets.wildcards)
    except InvalidPrompt:
        return None
    sent_pictures = max(pictures, len(recipe.pictures))
    return endpoint.estimate(sent, words, sent_pictures, looks if "stream" in endpoint.model.abilities else 0)


def without_local(recipe: Recipe, hosted: Hosted, but: Collection[str] = ()) -> Recipe:
    """The recipe without what its hosted model does not take, `but` for these fields."""
    endpoint, _ = _offer(recipe, hosted)
    kept = {*TAKEN, *endpoint.model.takes, *but}
    return Recipe.make(**{name: value for name, value in recipe.given().items() if name in kept})


def plain(prompt: str, seed: int, presets: Presets, wildcards: Wildcards, styles: Sequence[str] = ()) -> str:
    """The words of a prompt in these styles for a model that knows no weights: drawn from the seed as for any other."""
    return spoken(draw(in_styles(prompt, presets, styles), seed, wildcards))


def spoken(prompt: str) -> str:
    """The words alone of a prompt in which nothing is to be drawn any more, without weights and escapes."""
    strands = plan(parse(prompt), 1).strands
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


def _offer(recipe: Recipe, hosted: Hosted) -> tuple[HostedEndpoint, dict[str, str]]:
    """The model, and its own settings but for the size; InvalidRecipe on `model` where either cannot be."""
    name, own = parted(recipe.model or "")
    try:
        endpoint = hosted[name]
        endpoint.model.chosen(own)
    except ModelError as error:
        raise InvalidRecipe("model", error.message, error.hint) from error
    return endpoint, own


def _check_taken(recipe: Recipe, endpoint: HostedEndpoint) -> None:
    for name in recipe.given():
        if name not in TAKEN | endpoint.model.takes:
            raise InvalidRecipe(name, f"{endpoint.model.name} takes no {setting_specs()[name].label.lower()}.", INSTEAD)


def _check_pictures(recipe: Recipe, endpoint: HostedEndpoint, inputs: InputStore) -> None:
    if recipe.init_image is None:
        return
    needed = "mask" if recipe.mask.image else "edit"
    if needed not in endpoint.model.abilities:
        cure = "Leave the picture out, or choose another model."
        raise InvalidRecipe("model", f"{endpoint.model.name} cannot {IMPOSSIBLE[needed]}.", cure)
    stored_size("init_image", recipe.init_image, inputs)
    if recipe.mask.image:
        stored_size("mask_image", recipe.mask.image, inputs)


def _size(
    recipe: Recipe, endpoint: HostedEndpoint, own: dict[str, str], inputs: InputStore
) -> tuple[int | None, int | None]:
    """The size that is asked for: of those that it makes, and with a picture the one of the nearest shape.

    A `size` among its own settings (which leaves them) is as good as width and height. None where the service decides.
    """
    stated = own.pop("size", "").partition("x")
    wanted = (recipe.width or _pixels(stated[0]), recipe.height or _pixels(stated[2]))
    if not endpoint.sizes or wanted in endpoint.sizes:
        return wanted
    if wanted == (None, None):
        return (
            nearest(endpoint.sizes, stored_size("init_image", recipe.init_image, inputs))
            if recipe.init_image
            else (endpoint.sizes[0])
        )
    found = [
        size for size in endpoint.sizes if all(one in (None, side) for one, side in zip(wanted, size, strict=True))
    ]
    if not found:
        field = "height" if any(wanted[0] in (None, size[0]) for size in endpoint.sizes) else "width"
        sizes = ", ".join(f"{width}x{height}" for width, height in endpoint.sizes)
        wanted_size = f"{wanted[0] or 'any'}x{wanted[1] or 'any'}"
        raise InvalidRecipe(field, f"{endpoint.model.name} makes no pictures of {wanted_size}.", f"It makes {sizes}.")
    return found[0]


def nearest(sizes: Sequence[tuple[int, int]], picture: tuple[int, int]) -> tuple[int, int]:
    """Of the sizes whose shape is nearest to the picture's, the first: the usual ones of a service come first."""
    shape = math.log(picture[0] / picture[1])
    return min(sizes, key=lambda size: round(abs(math.log(size[0] / size[1]) - shape), 2))


def _pixels(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _words(
    recipe: Recipe, seed: int, endpoint: HostedEndpoint, presets: Presets, prompt_assets: PromptAssets
) -> dict[str, str]:
    """What the service is told, by field and as prompts; InvalidRecipe where a LoRA is mentioned, which it lacks."""
    prompt, negative = _styled(recipe.prompt, recipe.negative_prompt or "", presets, recipe.styles)
    if parse(draw(prompt, seed, prompt_assets.wildcards)).loras:
        raise InvalidRecipe("prompt", f"{endpoint.model.name} takes no LoRAs.", "Leave <lora:…> out of the prompt.")
    words = {"prompt": literal(plain(prompt, seed, presets, prompt_assets.wildcards))}
    if negative.strip() and "negative_prompt" in endpoint.model.takes:
        words["negative_prompt"] = literal(plain(negative, seed, presets, prompt_assets.wildcards))
    return words
