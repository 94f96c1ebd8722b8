"""The base: autoencoder, text encoder and denoiser, and how well their pictures follow captions."""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from starter_factory.first.autoencoder import train_autoencoder
from starter_factory.first.diffusion import train_full, train_small
from starter_factory.first.evaluate import FIRST_SEED, agreement, fresh_renders, full_captions, generate, judge
from starter_factory.first.export import export
from starter_factory.first.family.base import Member, Sitting, Table, by_question, untrained
from starter_factory.first.loop import Team
from starter_factory.first.scene import held_out_scene
from starter_factory.first.text import train_text

# Each stage with its share of the time.
STAGES: tuple[tuple[float, Callable[[float, Team], None]], ...] = (
    (0.24, train_autoencoder),
    (0.09, train_text),
    (0.24, train_small),
    (0.43, train_full),
)


class TextToImage(Member):
    """Judged by the probe, on new captions and on pairs that no training picture ever showed together.

    Wrong captions give what chance would; so do the pictures of a denoiser that was never trained.
    """

    title = "Text to image"
    minutes = 200.0
    files = (
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    )

    def train(self, seconds: float, team: Team, base: Path) -> None:  # noqa: ARG002 - this is the base
        for share, stage in STAGES:
            stage(share * seconds, team)
            team.mean(torch.zeros(1))  # the next stage reads what the first process has now stored

    def export(self, team: Team, base: Path) -> None:
        export(team.work, base)

    def load(self, base: Path) -> StableDiffusionPipeline:
        return StableDiffusionPipeline.from_pretrained(base)

    def measure(self, sitting: Sitting) -> Table:
        probe, usual = sitting.probe(), sitting.scenes()
        strange = [held_out_scene(FIRST_SEED + number) for number in range(sitting.count)]
        rendered, renders = fresh_renders(8 * sitting.count)
        answers = judge(probe, sitting.pictures())
        columns = {
            "fresh renders": agreement(rendered, judge(probe, renders)),
            "generated": agreement(usual, answers),
            "held-out pairs": agreement(strange, judge(probe, generate(sitting.pipeline(), full_captions(strange)))),
            "wrong captions": agreement([*usual[1:], usual[0]], answers),
            "untrained": agreement(usual, judge(probe, generate(_untrained(sitting), sitting.captions()))),
        }
        return by_question(columns)


def _untrained(sitting: Sitting) -> StableDiffusionPipeline:
    """The pipeline with a denoiser whose weights are still random."""
    pipeline = sitting.fresh_pipeline()
    pipeline.unet = untrained(lambda: UNet2DConditionModel.from_config(pipeline.unet.config)).to(pipeline.device)
    return pipeline


MEMBER = TextToImage()
