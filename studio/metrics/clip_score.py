"""How well the picture fits its prompt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from studio.catalogue.preprocessors import Weights
from studio.controls.base import EstimatorContext
from studio.errors import DamagedModel
from studio.metrics.base import Metric, Sample, Score
from studio.settings import ASSETS

# Any CLIPModel of transformers' that lies in this folder is taken.
CLIP = Weights(
    id="clip",
    name="CLIP ViT-L/14",
    repo="openai/clip-vit-large-patch14",
    files=("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"),
    bytes=1_713_000_000,
    licence="MIT",
    instead="leave this metric out",
)
STARTER = ASSETS / "starter" / "scorer"
BATCH = 16


class ClipScore(Metric):
    """The cosine between what a CLIP sees in the picture and what it reads in the prompt, times 100."""

    label = "CLIP score"
    help = "How well the picture fits the prompt, as CLIP sees it; scores of different prompts cannot be compared."
    cost = "a small network a picture; CLIP ViT-L/14 takes about 2 s each without a GPU"
    fault = "off the prompt"
    maximum = 100.0
    step = 1.0
    usual = 20.0
    weight = 1.0
    networked = True
    embedded = True
    needs = (CLIP,)

    def measure(self, samples: Sequence[Sample], context: EstimatorContext) -> list[Score]:
        folder = STARTER if context.starter else CLIP.here(context.settings)
        prompted = [at for at, sample in enumerate(samples) if sample.recipe and sample.recipe.prompt.strip()]
        scores: list[Score] = [None for _ in samples]
        for start in range(0, len(prompted), BATCH):
            part = prompted[start : start + BATCH]
            prompts = [recipe.prompt for at in part if (recipe := samples[at].recipe)]
            found = _cosines(folder, [samples[at].image for at in part], prompts, context)
            for at, cosine in zip(part, found, strict=True):
                scores[at] = 100 * cosine
        return scores


def clip_at(folder: Path, context: EstimatorContext) -> Any:
    """The CLIP of this folder with its processor, on the context's device; ModelError where it is none."""
    return context.load(f"clip: {folder}", "CLIP", lambda: _load(folder).to(context.device))


def processor_at(folder: Path) -> Any:
    """What brings pictures and words to the CLIP of this folder."""
    from transformers import CLIPProcessor

    return CLIPProcessor.from_pretrained(folder, local_files_only=True)


def _cosines(folder: Path, pictures: list[Image.Image], prompts: list[str], context: EstimatorContext) -> list[float]:
    import torch

    clip, unique = clip_at(folder, context), list(dict.fromkeys(prompts))
    given = processor_at(folder)(text=unique, images=pictures, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        seen = clip(**given.to(context.device))
    table = (seen.image_embeds @ seen.text_embeds.T).float().cpu()
    return [float(table[at, unique.index(prompt)]) for at, prompt in enumerate(prompts)]


def _load(folder: Path) -> Any:
    from transformers import CLIPModel

    cure = "Weights and config do not belong together: delete the folder and get it again."
    try:
        clip, report = CLIPModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        raise DamagedModel(f"{folder} cannot be loaded.", cure) from error
    # Drawn by chance, they would make numbers that mean nothing.
    if report["missing_keys"]:
        raise DamagedModel(f"{folder} cannot be loaded: {len(report['missing_keys'])} weights are missing.", cure)
    return clip.eval()


METRIC = ClipScore()
