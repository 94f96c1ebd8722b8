"""A second pass by another model: what of a recipe is for it too, and what counts in the first pass only."""

from collections.abc import Collection
from dataclasses import dataclass

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.prompt_assets import PromptAssets
from studio.catalogue.vaes import Vaes
from studio.errors import InvalidRecipe, ModelError
from studio.recipe import Lora, ResolvedUnit, TwoPassRecipe, field_of, setting_specs
from studio.resolve.applicability import lacked, unused
from studio.resolve.prompts import check_blocks, check_words, read, without_embeddings


@dataclass(frozen=True)
class SecondPass:
    """The recipe as the second model paints it, and a sentence for each thing that it does otherwise than the first."""

    recipe: TwoPassRecipe
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Assets:
    """Where what stands beside a model is looked up."""

    catalogue: Catalogue
    controlnets: ControlNets
    prompt_assets: PromptAssets
    vaes: Vaes


def second_pass(recipe: TwoPassRecipe, first: Model, second: Model, assets: Assets) -> SecondPass:
    """What a resolved recipe is for the model that paints its second pass; InvalidRecipe on `hires_model`.

    What was the first model's own scheduler, guidance or VAE is the second's own here; what is not for the second
    model is left out.
    """
    try:
        whole, notes = recipe.changed(model=second.id), list[str]()
        whole = _sampling(whole, first, second, notes)
        whole = _able(whole, second, notes)
        whole = whole.changed(vae=_vae(recipe, first, second, assets.vaes, notes))
        whole = whole.changed(
            controls=tuple(unit for unit in whole.controls if _suits(unit, second, assets, notes)),
            loras=tuple(lora for lora in whole.loras if _fits(lora, second, assets.prompt_assets, notes)),
        )
        whole = _words(whole, first, second, assets.prompt_assets, notes)
        check_words(whole, second, assets.catalogue, assets.prompt_assets)
    except (ModelError, InvalidRecipe) as error:
        raise InvalidRecipe("hires_model", f"In the second pass: {error.message}", error.hint) from error
    return SecondPass(whole, tuple(notes))


def _sampling(recipe: TwoPassRecipe, first: Model, second: Model, notes: list[str]) -> TwoPassRecipe:
    scheduler, guidance = recipe.scheduler, recipe.guidance_scale
    if scheduler == first.default("scheduler") or scheduler not in second.schedulers():
        scheduler = str(second.default("scheduler"))
    embeds = [model.family_facts().embeds_guidance for model in (first, second)]
    if guidance in (None, float(first.default("guidance_scale"))) or embeds[0] != embeds[1]:
        guidance = float(second.default("guidance_scale"))
    if scheduler != recipe.scheduler:
        notes.append(f"The scheduler of the second pass is {scheduler}.")
    if guidance != recipe.guidance_scale and "guidance" in second.default("abilities"):
        notes.append(f"The guidance of the second pass is {guidance:g}.")
    return recipe.changed(scheduler=scheduler, guidance_scale=guidance)


def _able(recipe: TwoPassRecipe, second: Model, notes: list[str]) -> TwoPassRecipe:
    """The recipe without the settings that the second model, or its scheduler, cannot take."""
    recipe = _without(recipe, lacked(second.default("abilities")), second, notes)
    return _without(recipe, unused(recipe), second, notes)


def _without(recipe: TwoPassRecipe, names: Collection[str], second: Model, notes: list[str]) -> TwoPassRecipe:
    given = [name for name in recipe.given() if name in names]
    # Of guidance the first model's own number stands in the recipe, which nobody asked for.
    labels = [setting_specs()[name].label for name in given if name != "guidance_scale"]
    if labels:
        one = len(labels) == 1
        notes.append(
            f"{second.name} takes no {' and no '.join(labels)}: {'it applies' if one else 'they apply'} "
            "to the first pass only."
        )
    for name in given:
        recipe = recipe.with_flat(name, field_of(name).default)
    return recipe


def _vae(recipe: TwoPassRecipe, first: Model, second: Model, vaes: Vaes, notes: list[str]) -> str | None:
    if recipe.vae is not None and recipe.vae != first.vae:
        fault = vaes[recipe.vae].why_not(second)
        if fault is None:
            return recipe.vae
        notes.append(f"{fault.message} The first pass alone has it.")
    if second.vae is not None and (fault := vaes[second.vae].why_not(second)):
        raise fault
    return second.vae


def _suits(unit: ResolvedUnit, second: Model, assets: Assets, notes: list[str]) -> bool:
    """Whether the second model can take the unit's map or image prompt."""
    facts, controlnet = second.family_facts(), assets.controlnets[unit.model]
    try:
        assets.controlnets.check_fit(controlnet, second, assets.catalogue.location(second))
    except InvalidRecipe as error:
        notes.append(f"{error.message} It applies to the first pass only.")
        return False
    can = unit.is_prompt or ("img2img" in facts.control_pipelines and (facts.weighs_maps or unit.mode == "balanced"))
    if not can:
        notes.append(
            f"{second.name} cannot follow {controlnet.name} while it paints over a picture: it applies to the "
            "first pass only."
        )
    return can


def _fits(lora: Lora, second: Model, prompt_assets: PromptAssets, notes: list[str]) -> bool:
    try:
        prompt_assets.loras.for_model(lora.name, second)
        check_blocks(lora, second)
    except ModelError as error:
        notes.append(f"{error.message} It applies to the first pass only.")
        return False
    return True


def _words(
    recipe: TwoPassRecipe, first: Model, second: Model, prompt_assets: PromptAssets, notes: list[str]
) -> TwoPassRecipe:
    """The recipe without the embeddings that the second model does not know; bare names of them stay as words."""
    words, gone = without_embeddings(recipe, second, prompt_assets)
    known = [
        {name for plan in read(recipe, model, prompt_assets)[1] for name in plan.embeddings}
        for model in (first, second)
    ]
    if bare := sorted(known[0] - known[1] - {*gone}):
        notes.append(f"{second.name} does not know the embeddings {', '.join(bare)}: it reads their names as words.")
    if gone:
        notes.append(
            f"{second.name} does not know the embeddings {', '.join(gone)}: they apply to the first pass only."
        )
    return recipe.changed(**words)
