"""The recipe: one frozen value that says how to make an image, and what is said beside each of its fields."""

from studio.recipe.facts import field_of, hard_range, in_group, infotext_of, setting_specs
from studio.recipe.faults import PROMPT_CHARACTERS
from studio.recipe.flat import ADDRESSES, all_fields, flat_name
from studio.recipe.masks import Mask, OutpaintPadding
from studio.recipe.parts import LANCZOS, LATENT, Hires, Upscale, Variation
from studio.recipe.recipe import Recipe, Task, upgrade
from studio.recipe.resolved import (
    HostedRecipe,
    ImagePrompt,
    ImageToImageRecipe,
    InpaintRecipe,
    MappedUnit,
    PaintedRecipe,
    ResolvedRecipe,
    ResolvedUnit,
    TextToImageRecipe,
    TiledUpscaleRecipe,
    TwoPassRecipe,
    UpscaleRecipe,
    as_resolved,
    resolved_unit,
)
from studio.recipe.setting import Ability, ChangeCost, Group, Infotext, Panel, Rule, Setting
from studio.recipe.units import IMAGE_PROMPT, ControlUnit, Lora
from studio.recipe.values import INPUT_ID, SEEDS

__all__ = [
    "ADDRESSES",
    "IMAGE_PROMPT",
    "INPUT_ID",
    "LANCZOS",
    "LATENT",
    "PROMPT_CHARACTERS",
    "SEEDS",
    "Ability",
    "ChangeCost",
    "ControlUnit",
    "Group",
    "Hires",
    "HostedRecipe",
    "ImagePrompt",
    "ImageToImageRecipe",
    "Infotext",
    "InpaintRecipe",
    "Lora",
    "MappedUnit",
    "Mask",
    "OutpaintPadding",
    "PaintedRecipe",
    "Panel",
    "Recipe",
    "ResolvedRecipe",
    "ResolvedUnit",
    "Rule",
    "Setting",
    "Task",
    "TextToImageRecipe",
    "TiledUpscaleRecipe",
    "TwoPassRecipe",
    "Upscale",
    "UpscaleRecipe",
    "Variation",
    "all_fields",
    "as_resolved",
    "field_of",
    "flat_name",
    "hard_range",
    "in_group",
    "infotext_of",
    "resolved_unit",
    "setting_specs",
    "upgrade",
]
