"""Prompts: that they fit, and what the text encoders make of them, kept for the next image."""

import inspect
from collections import OrderedDict
from functools import partial
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from studio.errors import RecipeError
from studio.models import Model
from studio.recipe import Recipe

Encoded = dict[str, torch.Tensor | None]

KEPT = 64
# What `encode_prompt` returns, by how many values there are.
NAMES = {
    2: ("prompt_embeds", "negative_prompt_embeds"),
    3: ("prompt_embeds", "pooled_prompt_embeds", "text_ids"),
    4: ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"),
}


class Prompts:
    """Encoded prompts of one loaded model, the latest `KEPT` of them; a second seed costs no encoder call."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, bool], Encoded] = OrderedDict()

    def encode(self, pipe: Any, recipe: Recipe) -> Encoded:
        """The arguments of the pipeline's call that stand for the recipe's words, one row each."""
        key = (recipe.prompt, recipe.negative_prompt, (recipe.guidance_scale or 0) > 1)
        if key not in self._kept:
            self._kept[key] = _encode(pipe, *key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def repeated(encoded: Encoded, count: int) -> Encoded:
    """The same words for `count` images; not every pipeline repeats what it is given."""
    return {
        name: value if value is None or count == 1 else value.repeat_interleave(count, dim=0)
        for name, value in encoded.items()
    }


def check_length(pipe: Any, model: Model, recipe: Recipe) -> None:
    """RecipeError where the prompt has more tokens than the model reads: the end would be cut without a word."""
    facts = model.family_facts()
    tokenizer = getattr(pipe, facts.tokenizer, None) or pipe.tokenizer
    marks = tokenizer.num_special_tokens_to_add()
    limit = min(int(model.default("prompt_tokens")), tokenizer.model_max_length - marks)
    for field in ("prompt", "negative_prompt"):
        _check_field(tokenizer, field, getattr(recipe, field), limit)


def _check_field(tokenizer: Any, field: str, text: str, limit: int) -> None:
    offsets = tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)[
        "offset_mapping"
    ]
    if len(offsets) <= limit:
        return
    cut = " ".join(text[offsets[limit][0] :].split()[:5])
    raise RecipeError(
        field,
        f"The text is {len(offsets) - limit} tokens longer than the {limit} that the model reads; "
        f'it would be cut before "{cut}".',
        "Shorten it.",
    )


@torch.no_grad()
def _encode(pipe: Any, prompt: str, negative: str, guided: bool) -> Encoded:
    offered = {
        "prompt": prompt,
        "prompt_2": None,
        "prompt_3": None,
        "device": pipe._execution_device,  # noqa: SLF001 (where an offloaded pipeline computes is told nowhere else)
        "num_images_per_prompt": 1,
        "do_classifier_free_guidance": guided,
        # SDXL was trained with zeros for no negative prompt, and takes None as that.
        "negative_prompt": negative or None,
    }
    # InstructPix2Pix has none: what it makes of words for itself, its call does not take.
    encode = getattr(pipe, "encode_prompt", None) or partial(StableDiffusionPipeline.encode_prompt, pipe)
    takes = inspect.signature(encode).parameters
    values = encode(**{name: value for name, value in offered.items() if name in takes})
    call = inspect.signature(type(pipe).__call__).parameters
    return {name: value for name, value in zip(NAMES[len(values)], values, strict=True) if name in call}
