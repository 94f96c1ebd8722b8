"""Writes the trained networks as a stock diffusers folder."""

import json
import tempfile
from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.first.autoencoder import trained_autoencoder
from starter_factory.first.captions import vocabulary, word_groups
from starter_factory.first.diffusion import build_scheduler, trained_unet
from starter_factory.first.loop import Team
from starter_factory.first.text import trained_reader
from starter_factory.first.tokenizer import build_tokenizer, save_tokenizer


def export(work: Path, folder: Path) -> None:
    """Write the model of this work folder, each file whole: `folder` may be in use."""
    team = Team(work)
    tokenizer = build_tokenizer()
    reader = trained_reader(tokenizer, team).encoder
    write_folder(assemble(tokenizer, trained_autoencoder(team), reader, trained_unet(team)), folder)


def assemble(
    tokenizer: CLIPTokenizer, vae: AutoencoderKL, text_encoder: CLIPTextModel, unet: UNet2DConditionModel
) -> StableDiffusionPipeline:
    """The networks as the stock pipeline that they are made for."""
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_folder(pipeline: StableDiffusionPipeline, folder: Path) -> None:
    """Save a pipeline in half precision with the words that it knows."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        fresh = Path(name)
        for network in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
            network.half()
        pipeline.save_pretrained(fresh)
        save_tokenizer(pipeline.tokenizer, fresh / "tokenizer")
        # Without this, transformers loads the text encoder in fp16 beside networks in fp32.
        amend(fresh / "text_encoder" / "config.json", dtype="float32")
        for config in fresh.glob("*/config.json"):
            amend(config, _name_or_path=None)
        _write_json(fresh / "vocabulary.json", {"words": vocabulary(), "groups": word_groups()})
        for path in sorted(fresh.rglob("*")):
            target = folder / path.relative_to(fresh)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                path.chmod(0o644)
                path.replace(target)


def amend(path: Path, **changes: str | None) -> None:
    """Set keys of a JSON file; None removes one (paths of the machine that trained)."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            settings.pop(key, None)
        else:
            settings[key] = value
    _write_json(path, settings)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
