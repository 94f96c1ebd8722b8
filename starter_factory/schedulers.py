"""Which scheduler for how many steps: fidelity, prompt-following and time of each, measured on the starter.

Latents are kept, so that a stopped measure goes on where it was, and a new decoder costs a minute.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from starter_factory.canvas import Image
from starter_factory.sampling import GUIDANCE
from starter_factory.sitting import Features, Sitting, Table
from starter_factory.vae import to_picture, to_tensor
from studio.engine.schedulers import build

BATCH = 16
ROUNDS = 3
# So many renders of each scene are what the model's pictures are held against.
VARIATIONS = 32
WEIGHTS = ("unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a scheduler of the studio, its steps, and the LoRA that it needs."""

    scheduler: str
    steps: int
    guidance: float = GUIDANCE
    lora: str | None = None

    @property
    def name(self) -> str:
        return f"{self.scheduler}, {self.steps}"

    def files(self, folder: Path) -> list[Path]:
        """The weights that its latents depend on."""
        return [folder / name for name in (*WEIGHTS, *([self.lora] if self.lora else []))]


REFERENCE = Row("DDIM", 50)
ROWS = (
    Row("DDPM", 1000),
    REFERENCE,
    Row("DDIM", 100),
    Row("DPM++ 2M", 20),
    Row("DPM++ 2M", 25),
    Row("DPM++ 2M", 50),
    Row("DPM++ 2M Karras", 20),
    Row("PLMS", 25),
    Row("PLMS", 50),
    Row("UniPC", 20),
    Row("Euler", 30),
    Row("Euler", 100),
    Row("LCM", 4, guidance=1.0, lora="loras/few-step.safetensors"),
)


def measure(sitting: Sitting, work: Path, rows: Sequence[Row] = ROWS) -> Table:
    """The table of the rows whose weights are there, the quickest measured first; renders and noise bound it."""
    present = [row for row in rows if all(path.is_file() for path in row.files(sitting.folder))]
    sampled = {row: _sampled(row, sitting, work) for row in sorted(present, key=lambda row: row.steps)}
    judge = _Judge(sitting)
    table = {
        "fresh renders": judge.figures(sitting.drawn(1)),
        "fresh renders through the autoencoder": judge.figures(judge.decoded(judge.encoded(sitting.drawn(1)))),
    }
    for row in present:
        latents, ratio = sampled[row]
        table[row.name] = judge.figures(judge.decoded(latents)) | {"time, DDIM 50 is 1": round(ratio, 2)}
    noise = torch.randn(sitting.count, *_latent_shape(sitting), generator=torch.Generator().manual_seed(0))
    return table | {"noise": judge.figures(judge.decoded(noise))}


def _sampled(row: Row, sitting: Sitting, work: Path) -> tuple[Tensor, float]:
    """The row's latents, the k-th from the k-th caption and noise of seed k, and its time over the reference's."""
    path = work / f"{row.name}-{_fingerprint(row, sitting)}.safetensors"
    kept = load_file(path) if path.is_file() else {"latents": torch.empty(0, *_latent_shape(sitting))}
    pipeline = _pipeline(row, sitting) if len(kept["latents"]) < sitting.count or "ratio" not in kept else None
    while pipeline and len(kept["latents"]) < sitting.count:
        first = len(kept["latents"])
        fresh = _paint(pipeline, row, sitting.captions()[first : first + BATCH], first)
        kept["latents"] = torch.cat([kept["latents"], fresh])
        _keep(kept, path)
    if pipeline and "ratio" not in kept:
        kept["ratio"] = torch.tensor(_time_ratio(pipeline, row, sitting))
        _keep(kept, path)
    return kept["latents"][: sitting.count], float(kept["ratio"])


def _latent_shape(sitting: Sitting) -> tuple[int, int, int]:
    unet = sitting.pipeline().unet.config
    return unet.in_channels, unet.sample_size, unet.sample_size


def _fingerprint(row: Row, sitting: Sitting) -> str:
    """Changes with all that the latents depend on: the weights, the decoder's excepted, and the captions."""
    parts = [*(path.read_bytes() for path in row.files(sitting.folder)), "\n".join(sitting.captions()).encode()]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _keep(kept: dict[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(kept, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def _pipeline(row: Row, sitting: Sitting) -> StableDiffusionPipeline:
    pipeline = sitting.fresh_pipeline()
    pipeline.unet.to(memory_format=torch.channels_last)
    if row.lora:
        pipeline.load_lora_weights(sitting.folder, weight_name=row.lora)
    return pipeline


def _paint(pipeline: StableDiffusionPipeline, row: Row, captions: Sequence[str], first: int) -> Tensor:
    """Latents of the captions, which are the sitting's from number `first` on."""
    pipeline.scheduler = build(row.scheduler, pipeline.scheduler.config)
    noise = [torch.Generator().manual_seed(first + number) for number in range(len(captions))]
    latents: Tensor = pipeline(
        list(captions),
        num_inference_steps=row.steps,
        guidance_scale=row.guidance,
        generator=noise,
        output_type="latent",
    ).images
    return latents.float().cpu()


def _time_ratio(pipeline: StableDiffusionPipeline, row: Row, sitting: Sitting) -> float:
    """Time of one picture over the reference's, the two in turn; processor time, as other work must not count."""

    def seconds(which: Row) -> float:
        started = clock()
        _paint(pipeline, which, sitting.captions()[:1], 0)
        return clock() - started

    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    return median(seconds(row) / seconds(REFERENCE) for _ in range(ROUNDS))


class _Judge:
    """The probe on a sitting's scenes: what it sees in renders of them is what pictures are held against."""

    def __init__(self, sitting: Sitting) -> None:
        self.sitting = sitting
        self.scale = 1.0
        self.reference = np.concatenate([self._features(sitting.drawn(number)) for number in range(2, 2 + VARIATIONS)])
        # So that the figures do not depend on how large the probe's numbers happen to be.
        self.scale = float(np.sqrt(np.square(self.reference).mean()))
        self.reference /= self.scale

    def figures(self, pictures: Sequence[Image]) -> dict[str, float]:
        """Of pictures, the k-th of the k-th scene."""
        features = self._features(pictures)
        kid, error = kernel_distance(features, self.reference)
        return {
            "FID": round(frechet_distance(features, self.reference), 2),
            "KID x 1000": round(1000 * kid, 1),
            "its error": round(1000 * error, 1),
            "prompt-following, %": round(self.sitting.following(pictures), 1),
        }

    def encoded(self, pictures: Sequence[Image]) -> Tensor:
        autoencoder = self.sitting.pipeline().vae
        images = torch.stack([to_tensor(picture) for picture in pictures])
        with torch.no_grad():
            parts = [
                autoencoder.encode(part.to(autoencoder.device)).latent_dist.mean.cpu()
                for part in torch.split(images, BATCH)
            ]
        return torch.cat(parts) * float(autoencoder.config.scaling_factor)

    def decoded(self, latents: Tensor) -> list[Image]:
        autoencoder = self.sitting.pipeline().vae
        with torch.no_grad():
            parts = [
                autoencoder.decode(part.to(autoencoder.device) / autoencoder.config.scaling_factor).sample.cpu()
                for part in torch.split(latents, BATCH)
            ]
        return [to_picture(image) for image in torch.cat(parts)]

    def _features(self, pictures: Sequence[Image]) -> Features:
        return self.sitting.features(pictures) / self.scale


def frechet_distance(one: Features, other: Features) -> float:
    """FID of two sets of features (count, width), each taken for a normal distribution."""
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    apart = np.square(one.mean(axis=0) - other.mean(axis=0)).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * shared)


def kernel_distance(one: Features, other: Features) -> tuple[float, float]:
    """KID of two sets of features and its standard error: unbiased, so that few pictures suffice; it can be below 0.

    Both sets go through the same scenes in the same order, `other` several times. As they are no independent draws,
    two pictures of one scene are never compared.
    """
    count, width = one.shape

    def kernel(left: Features, right: Features) -> Features:
        """The mean (count, count) over all repetitions of the scenes."""
        values = (left @ right.T / width + 1) ** 3
        return np.asarray(values.reshape(-1, count, len(right) // count, count).mean(axis=(0, 2)))

    across = kernel(one, other)
    apart = kernel(one, one) + kernel(other, other) - across - across.T
    np.fill_diagonal(apart, 0)
    means = apart.sum(axis=1) / (count - 1)
    return float(means.mean()), float(2 * means.std(ddof=1) / np.sqrt(count))
