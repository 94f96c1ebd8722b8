"""From what was asked to what is made: a recipe with nothing left open, checked against model and studio."""

import secrets
from collections.abc import Collection
from typing import TypeVar

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.prompt_assets import PromptAssets
from studio.catalogue.upscalers import Upscalers
from studio.catalogue.vaes import Vaes, share_latents
from studio.errors import InvalidRecipe, ModelError
from studio.inputs import InputStore
from studio.presets.reading import Presets
from studio.recipe import LANCZOS, LATENT, SEEDS, PaintedRecipe, Recipe, ResolvedRecipe, TwoPassRecipe, as_resolved
from studio.resolve.applicability import check_able, check_used, standards
from studio.resolve.controls import resolve_controls
from studio.resolve.prompts import worded
from studio.resolve.second_pass import Assets, second_pass
from studio.resolve.sizes import check_sizes, open_size, stored_size
from studio.resolve.speedups import check_speedups
from studio.resolve.styles import styled
from studio.resolve.tasks import check_second, check_task
from studio.schedulers import SCHEDULERS
from studio.settings import Settings
from studio.suggestions import near

T = TypeVar("T")


def resolve(
    recipe: Recipe,
    settings: Settings,
    catalogue: Catalogue,
    presets: Presets,
    inputs: InputStore,
    controlnets: ControlNets,
    prompt_assets: PromptAssets,
) -> tuple[ResolvedRecipe, ...]:
    """One recipe for each image, each with its own noise, its own words and every value filled in that its task uses.

    InvalidRecipe names the field that cannot be; it is `model` where the model is unknown, missing or damaged.
    """
    check_used(recipe)
    if recipe.denoises:
        _check_prompt(recipe)
    model = _model("model", _given(recipe.model, settings.model), catalogue)
    second = _second(recipe, model, catalogue)
    whole = recipe.changed(model=model.id, hires=recipe.hires.changed(model=second.id if second else None))
    check_task(whole, model)
    check_able(whole, model.default("abilities"), model.name)
    check_count(recipe, settings)
    whole = _edit(_seeded(whole), model, second, settings, inputs)
    whole = whole.changed(controls=resolve_controls(whole, model, catalogue, controlnets, inputs))
    if recipe.denoises:
        whole = whole.changed(vae=_vae(recipe, model, settings))
        whole = styled(whole, model, presets, prompt_assets.wildcards)
        whole = _sampling(whole, model, second)
        check_speedups(whole, [model, *([second] if second else [])])
        check_used(whole)  # with the model's own scheduler and guidance, some of what was asked may mean nothing
    singles = [as_resolved(_next(whole, number)) for number in range(recipe.count)]
    check_sizes(singles[0], model, inputs, second)
    resolved = [
        worded(one, model, catalogue, prompt_assets) if isinstance(one, PaintedRecipe) else one for one in singles
    ]
    if second:
        assets = Assets(catalogue, controlnets, prompt_assets, Vaes(settings))
        for one in resolved:
            if isinstance(one, TwoPassRecipe):
                second_pass(one, model, second, assets)
    return tuple(resolved)


def _seeded(recipe: Recipe) -> Recipe:
    """The recipe of the first image, with seeds where none are given."""
    variation = recipe.variation
    if variation.strength is not None:
        variation = variation.changed(seed=_given(variation.seed, secrets.randbelow(SEEDS)))
    return recipe.changed(seed=_given(recipe.seed, secrets.randbelow(SEEDS)), variation=variation, count=1)


def _next(recipe: Recipe, number: int) -> Recipe:
    """The recipe of a further image: it has the next noise."""
    name = "variation_seed" if recipe.variation.strength else "seed"
    return recipe.with_flat(name, (recipe.get(name) + number) % SEEDS)


def _second(recipe: Recipe, first: Model, catalogue: Catalogue) -> Model | None:
    """The model that paints the second pass, where that is not the first; InvalidRecipe where it cannot."""
    if recipe.hires.model is None:
        return None
    second = _model("hires_model", recipe.hires.model, catalogue)
    if second.id == first.id:
        return None
    check_second(second)
    if recipe.hires.upscaler == LATENT and not share_latents(first, second):
        raise InvalidRecipe(
            "hires_upscaler",
            f"The latents of {first.name} mean nothing to {second.name}: it takes over finished pictures.",
            "Choose Lanczos or an upscaler with weights.",
        )
    return second


def _edit(recipe: Recipe, model: Model, second: Model | None, settings: Settings, inputs: InputStore) -> Recipe:
    """Sizes and everything about the picture that the recipe starts from."""
    _check_upscalers(recipe, Upscalers(settings))
    if recipe.init_image:
        stored_size("init_image", recipe.init_image, inputs)
    if recipe.mask.image:
        stored_size("mask_image", recipe.mask.image, inputs)
    if recipe.mask.sketch:
        stored_size("mask_sketch", recipe.mask.sketch, inputs)
    usual = dict(standards(recipe, model.default("abilities")))
    if recipe.hires.scale == 1 and share_latents(model, second or model):
        usual["hires_upscaler"] = LATENT  # nothing is enlarged, and nothing is lost on the way through pixels
    if "upscaler" in usual:
        usual["upscaler"] = Upscalers(settings).best(starter=model.family_facts().embedded)
    for name, value in usual.items():
        if recipe.get(name) is None:
            recipe = recipe.with_flat(name, value)
    width, height = open_size(recipe, model, inputs)
    return recipe.changed(width=width, height=height)


def _sampling(recipe: Recipe, model: Model, second: Model | None) -> Recipe:
    steps = _given(recipe.steps, int(model.default("steps")))
    hires = recipe.hires
    if hires.scale is not None:
        hires = hires.changed(steps=_given(hires.steps, int(second.default("steps")) if second else steps))
    return recipe.changed(
        scheduler=_scheduler(recipe, model, model.schedulers()),
        steps=steps,
        guidance_scale=_guidance(recipe, model),
        hires=hires,
    )


def _check_upscalers(recipe: Recipe, upscalers: Upscalers) -> None:
    """Those that need weights have them."""
    for field, name, plain in (
        ("upscaler", recipe.upscale.upscaler, (LANCZOS,)),
        ("hires_upscaler", recipe.hires.upscaler, (LANCZOS, LATENT)),
    ):
        if name is None or name in plain:
            continue
        try:
            upscalers[name]
        except ModelError as error:
            raise InvalidRecipe(field, error.message, error.hint) from error


def _vae(recipe: Recipe, model: Model, settings: Settings) -> str | None:
    """The VAE that stands in for the model's own; InvalidRecipe where it is not there, or for another model."""
    name = recipe.vae or model.vae
    if name is None:
        return None
    try:
        vae = Vaes(settings)[name]
        if fault := vae.why_not(model):
            raise fault
    except ModelError as error:
        raise InvalidRecipe("vae", error.message, error.hint) from error
    return name


def _given(value: T | None, default: T) -> T:
    return default if value is None else value


def _model(field: str, name: str, catalogue: Catalogue) -> Model:
    try:
        model = catalogue[name]
        if fault := catalogue.why_not(model):
            raise fault
    except ModelError as error:
        raise InvalidRecipe(field, error.message, error.hint) from error
    return model


def _check_prompt(recipe: Recipe) -> None:
    if not recipe.prompt.strip():
        raise InvalidRecipe("prompt", "The prompt is empty.", "Say in a few words what the picture shows.")


def check_count(recipe: Recipe, settings: Settings) -> None:
    """InvalidRecipe where it asks for more images than one job may make."""
    if recipe.count > settings.max_images:
        raise InvalidRecipe(
            "count",
            f"{recipe.count} images are more than one job may make.",
            f"Ask for at most {settings.max_images}, or start the studio with STUDIO_MAX_IMAGES set higher.",
        )


def _scheduler(recipe: Recipe, model: Model, usable: Collection[str]) -> str:
    wanted = _given(recipe.scheduler, str(model.default("scheduler")))
    known = {name.casefold(): name for name in SCHEDULERS}.get(wanted.casefold())
    if known is None:
        raise InvalidRecipe("scheduler", f"There is no scheduler “{wanted}”.", near(wanted, usable))
    if known not in usable:
        raise InvalidRecipe("scheduler", f"{known} cannot sample {model.name}.", f"Choose one of: {', '.join(usable)}.")
    return known


def _guidance(recipe: Recipe, model: Model) -> float | None:
    if "guidance" not in model.default("abilities"):
        return None
    return _given(recipe.guidance_scale, float(model.default("guidance_scale")))
