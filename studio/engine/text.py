"""Prompts: checks their length, encodes them, and caches the embeddings for the next image."""

import inspect
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from studio.catalogue.embeddings import EmbeddingFile
from studio.catalogue.models import Model
from studio.catalogue.named_files import stamp_of
from studio.catalogue.prompt_assets import PromptAssets
from studio.engine.chunks import TextEmbeds, encoders, filled, layers_back, read
from studio.engine.conditioning import Conditioning, Encoded, ScheduledEmbeds
from studio.engine.loading import FOREIGN
from studio.errors import DamagedModel, InvalidRecipe
from studio.prompts.schedule import Chunks, Plan, Strand
from studio.recipe import PaintedRecipe
from studio.resolve.prompts import check_work
from studio.resolve.prompts import read as read_prompts

T = TypeVar("T")
KEPT = 64
# The names of what `encode_prompt` returns, by the number of values.
NAMES = {
    2: ("prompt_embeds", "negative_prompt_embeds"),
    3: ("prompt_embeds", "pooled_prompt_embeds", "text_ids"),
    4: ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"),
}


@dataclass(frozen=True)
class How:
    """What the embeddings of a prompt depend on besides its text: LoRAs on the text encoders, and skipped layers.

    `loras` are the applied ones by name: embeddings bundled with them can be called.
    """

    changed: Hashable
    skipped: int
    loras: tuple[str, ...] = field(default=(), compare=False)


class Prompts:
    """The latest `KEPT` encoded prompts of one loaded model: another seed needs no encoder call."""

    def __init__(self, model: Model, prompt_assets: PromptAssets) -> None:
        self._model = model
        self._prompt_assets = prompt_assets
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def conditioning(
        self, pipe: Any, recipe: PaintedRecipe, steps: int, done: int = 0, changed: Hashable = ()
    ) -> Conditioning:
        """The text conditioning of the recipe for `steps` steps after `done` others.

        `changed` is the key of LoRAs on the text encoders. Plain prompts are encoded by the pipeline itself.
        """
        _, plans = read_prompts(recipe, self._model, self._prompt_assets, steps, done)
        guided = recipe.guided
        how = How(changed, _skipped(recipe, self._model), tuple(lora.name for lora in recipe.loras))
        # With the layers of today's CLIP, the clip_skip of diffusers' own way fails in Stable Diffusion 1.5.
        plain = not how.skipped and all(_is_plain(pipe, plan) for plan in plans)
        if plain or not self._model.family_facts().weighs_words:
            prompt, negative = (plan.strands[0].stages[0].text for plan in plans)
            key = (prompt, negative, guided, how)
            return Conditioning(self._once(key, lambda: _encode(pipe, prompt, negative, guided, self._length)))
        return self._written(pipe, plans, how, guided=guided)

    @property
    def _length(self) -> int:
        """The number of T5 tokens that the model takes, the end token included."""
        return int(self._model.default("prompt_tokens")) + 1

    def _written(self, pipe: Any, plans: tuple[Plan, Plan], how: How, *, guided: bool) -> Conditioning:
        """The conditioning of prompts with weights, more than one window, changes or mixes."""
        lines = [self._line(pipe, strand, how) for strand in plans[0].strands]
        negative = self._line(pipe, plans[1].strands[0], how)
        # SDXL was trained with zeros for no negative prompt.
        if not any(map(any, plans[1].strands[0].at(1))) and pipe.config.get("force_zeros_for_empty_prompt"):
            negative = ScheduledEmbeds(((1, lines[0].at(1).zeros()),))
        lengths = {read.embeds.shape[1] for line in (*lines, negative) for _, read in line.reads}
        longest = max(lengths)
        uneven = any(longest % length for length in lengths)
        empty = self._read(pipe, ((),), how) if uneven else lines[0].at(1)
        lines, against = [line.stretched(longest, empty) for line in lines], negative.stretched(longest, empty)
        words, others = lines[0].at(1), against.at(1)
        offered = {
            "prompt_embeds": words.embeds,
            "negative_prompt_embeds": others.embeds if guided else None,
            "pooled_prompt_embeds": words.pooled,
            "negative_pooled_prompt_embeds": others.pooled if guided else None,
        }
        call = inspect.signature(type(pipe).__call__).parameters
        arguments = {name: value for name, value in offered.items() if name in call}
        return Conditioning(arguments, lines, against if guided else None)

    def _line(self, pipe: Any, strand: Strand, how: How) -> ScheduledEmbeds:
        return ScheduledEmbeds(
            tuple((stage.until, self._read(pipe, stage.chunks, how)) for stage in strand.stages), strand.weight
        )

    def _read(self, pipe: Any, chunks: Chunks, how: How) -> TextEmbeds:
        names = {segment.text for chunk in chunks for segment in chunk if segment.kind == "embedding"}
        prompt_assets = self._prompt_assets.with_loras(how.loras)
        files = [prompt_assets.embeddings[name] for name in sorted(names)]
        stamps = tuple(stamp_of(file.path) for file in files)
        return self._once(
            (chunks, how, stamps),
            lambda: read(pipe, chunks, {file.name: _vectors(file) for file in files}, how.skipped),
        )

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        made: T = self._kept[key]
        return made


def repeated(encoded: Encoded, count: int) -> Encoded:
    """Repeat the embeddings for `count` images; not every pipeline does that itself."""
    return {
        name: value if value is None or count == 1 else value.repeat_interleave(count, dim=0)
        for name, value in encoded.items()
    }


def check_length(pipe: Any, model: Model, recipe: PaintedRecipe, prompt_assets: PromptAssets) -> None:
    """Raise InvalidRecipe where a prompt has more tokens than the model takes, which would be cut silently; for models
    that encode in several windows, where encoding would take hours.
    """
    facts = model.family_facts()
    prompts, plans = read_prompts(recipe, model, prompt_assets)
    if facts.weighs_words:
        _check_layers(pipe, model, recipe)
        for prompt, plan in zip(prompts, plans, strict=True):
            _check_work(pipe, prompt.recipe_field, plan, prompt_assets.with_loras(lora.name for lora in recipe.loras))
        return
    tokenizer = getattr(pipe, facts.tokenizer, None) or pipe.tokenizer
    marks = tokenizer.num_special_tokens_to_add()
    limit = min(int(model.default("prompt_tokens")), tokenizer.model_max_length - marks)
    for prompt, plan in zip(prompts, plans, strict=True):
        _check_field(tokenizer, prompt.recipe_field, plan.strands[0].stages[0].text, limit)


def _skipped(recipe: PaintedRecipe, model: Model) -> int:
    """How many layers before the family's own one the hidden states are taken from (CLIP skip)."""
    return max(0, recipe.clip_skip - model.family_facts().clip_skip)


def _check_layers(pipe: Any, model: Model, recipe: PaintedRecipe) -> None:
    """InvalidRecipe where a text encoder has no layer that far back."""
    skipped, read = _skipped(recipe, model), layers_back(pipe)
    layers = min(int(encoder.config.num_hidden_layers) for _, encoder in encoders(pipe))
    if skipped and skipped + read > layers:
        most = model.family_facts().clip_skip + layers - read
        raise InvalidRecipe(
            "clip_skip", f"{recipe.clip_skip} is more layers than {model.name} has.", f"Give at most {most}."
        )


def _check_work(pipe: Any, name: str, plan: Plan, prompt_assets: PromptAssets) -> None:
    """The check of `resolve.prompts`, by the model's own tokenizer."""
    counts = {called: prompt_assets.embeddings[called].vectors for called in plan.embeddings}
    tokenizer, _ = encoders(pipe)[0]
    check_work(name, plan, lambda chunks: len(filled(chunks, tokenizer, counts)))


def _check_field(tokenizer: Any, name: str, text: str, limit: int) -> None:
    offsets = tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)[
        "offset_mapping"
    ]
    if len(offsets) <= limit:
        return
    cut = " ".join(text[offsets[limit][0] :].split()[:5])
    raise InvalidRecipe(
        name,
        f"The text is {len(offsets) - limit} tokens longer than the {limit} that the model reads; "
        f'it would be cut before "{cut}".',
        "Shorten it.",
    )


def _is_plain(pipe: Any, plan: Plan) -> bool:
    """Whether the pipeline's own encoding does: one chunk, no weights, no embeddings, no changes."""
    (weight, stages), *others = [(strand.weight, strand.stages) for strand in plan.strands]
    (chunk, *chunks), *changes = [stage.chunks for stage in stages]
    if others or chunks or changes or weight != 1 or any(s.weight != 1 or s.kind != "text" for s in chunk):
        return False
    return all(len(filled((chunk,), tokenizer, {})) == 1 for tokenizer, _ in encoders(pipe))


def _vectors(file: EmbeddingFile) -> list[torch.Tensor]:
    """An embedding's vectors (count, width) for each text encoder; ModelError where they cannot be read."""
    try:
        tensors = load_file(file.path)
        return [tensors[name].reshape(file.vectors, -1) for name in file.tensors]
    except FOREIGN as error:
        raise DamagedModel(
            f"{file.path.name} cannot be read.", "The copy was interrupted: get the file again."
        ) from error


@torch.no_grad()
def _encode(pipe: Any, prompt: str, negative: str, guided: bool, length: int) -> Encoded:
    offered = {
        "prompt": prompt,
        "prompt_2": None,
        "prompt_3": None,
        "device": pipe._execution_device,  # noqa: SLF001 (where an offloaded pipeline computes is told nowhere else)
        "num_images_per_prompt": 1,
        "do_classifier_free_guidance": guided,
        # SDXL was trained with zeros for no negative prompt, and takes None as that.
        "negative_prompt": negative or None,
        # T5 pads prompts to the length that the model was trained with: another length changes the picture.
        "max_sequence_length": length,
    }
    # InstructPix2Pix has none: what it makes of words for itself, its call does not take.
    encode = getattr(pipe, "encode_prompt", None) or partial(StableDiffusionPipeline.encode_prompt, pipe)
    takes = inspect.signature(encode).parameters
    values = encode(**{name: value for name, value in offered.items() if name in takes})
    call = inspect.signature(type(pipe).__call__).parameters
    return {name: value for name, value in zip(NAMES[len(values)], values, strict=True) if name in call}
