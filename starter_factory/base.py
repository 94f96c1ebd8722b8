"""The denoiser: learns to paint latents from captions; each picture is encoded once and used several times."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.captions import describe
from starter_factory.draw import SHAPES, SIDE, draw
from starter_factory.scene import training_scene
from starter_factory.store import Stored
from starter_factory.text import WIDTH, to_ids
from starter_factory.training import Batch, Run, Session, autocast, fit, samples_of
from starter_factory.vae import FACTOR, to_tensor

CHANNELS = (32, 64, 112, 160)
ATTENDING = 2
HEADS = 4
LEARNING_RATE = 8e-4
BATCH = 16
# On a GPU one step takes so many times the pictures of a step on a processor core.
GPU_FACTOR = 24
SHAPE_WEIGHTS = (8, 1, 1)
CAPTION_DROP = 0.1
SUBJECT_WEIGHT = 2.0
HIGHEST_SNR_WEIGHT = 5.0
# A new picture takes the place of the oldest in memory; each is used so many times on average.
USES = 4
KEPT = 12_000
# Batches of smaller pictures are twice as large.
FULL_LATENTS = 3000
FIRST_SEED = 2**34


def build_unet(channels: tuple[int, ...] = CHANNELS, side: int = SIDE // FACTOR) -> UNet2DConditionModel:
    """An untrained network that attends to the words on its lower levels only: higher up it is too dear."""
    plain = len(channels) - ATTENDING
    return UNet2DConditionModel(
        sample_size=side,
        down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",) * ATTENDING,
        up_block_types=("CrossAttnUpBlock2D",) * ATTENDING + ("UpBlock2D",) * plain,
        block_out_channels=channels,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=HEADS,  # in this class the number of heads
        norm_num_groups=8,
    ).to(memory_format=torch.channels_last)


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise, made a little stronger at its end.

    With 0.012 there, a fifteenth of a picture's mean shows through the last noise: what no word settles (night or
    day, a dark ground or a light one) would always come out at medium brightness.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.016,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


@dataclass(frozen=True, slots=True)
class Latent:
    """One encoded picture: its scene's seed, latents (4, h, w), and the share of each that shows a subject."""

    seed: int
    latents: Tensor
    shown: Tensor


class Renders(IterableDataset[Batch]):
    """Batches of new renders of one shape each, without end; a share at half the side. Workers share the seeds."""

    def __init__(self, first: int, batch: int, half: float) -> None:
        self.first, self.batch, self.half = first, batch, half

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        seed = self.first + number * self.batch
        while True:
            rng = random.Random(seed)
            width, height = rng.choices(SHAPES, weights=SHAPE_WEIGHTS)[0]
            scale = 2 if rng.random() < self.half else 1
            yield _rendered(range(seed, seed + self.batch), width // scale, height // scale)
            seed += workers * self.batch


def _rendered(seeds: range, width: int, height: int) -> Batch:
    images, shown = [], []
    for seed in seeds:
        drawing = draw(training_scene(seed), width, height)
        size = (width // FACTOR, height // FACTOR)
        share = cv2.resize((drawing.labels > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        images.append(to_tensor(drawing.image))
        shown.append(torch.from_numpy(share))
    return {"seeds": torch.tensor(list(seeds)), "images": torch.stack(images), "shown": torch.stack(shown)}


@dataclass
class Memory:
    """The last encoded pictures, by shape; a batch takes some that are new and draws the rest from here."""

    vae: AutoencoderKL
    session: Session
    kept: dict[tuple[int, ...], list[Latent]] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        with torch.no_grad(), autocast(self.session.device):
            images = batch["images"].to(self.session.device, memory_format=torch.channels_last)
            latents = self.vae.encode(images).latent_dist.mean.half()
        shape = (latents.shape[-2], latents.shape[-1])
        kept = self.kept.setdefault(shape, [])
        rows = zip(batch["seeds"].tolist(), latents, batch["shown"].to(latents), strict=True)
        kept.extend(Latent(seed, latent, shown) for seed, latent, shown in rows)
        del kept[: max(0, len(kept) - KEPT * (GPU_FACTOR if self.session.device.type == "cuda" else 1))]

    def draw(self, count: int, rng: random.Random, shape: tuple[int, ...] | None = None) -> list[Latent]:
        """Pictures of one shape, which is chosen by how many of it there are if none is named."""
        shapes = list(self.kept)
        chosen = shape or rng.choices(shapes, weights=[len(self.kept[shape]) for shape in shapes])[0]
        return rng.choices(self.kept[chosen], k=count)


def batches(vae: AutoencoderKL, tokenizer: CLIPTokenizer, session: Session, first: int, batch: int) -> Iterator[Batch]:
    """Latents, ids of a new caption each, and where subjects are."""
    memory, rng = Memory(vae, session), random.Random(first)
    renders = Renders(FIRST_SEED + first, max(1, batch // USES), session.half)
    loader = DataLoader(renders, batch_size=None, num_workers=session.workers)
    for rendered in loader:
        memory.add(rendered)
        drawn = memory.draw(batch, rng)
        if drawn[0].shown.numel() < FULL_LATENTS:
            drawn += memory.draw(batch, rng, drawn[0].shown.shape)
        yield {
            "latents": torch.stack([latent.latents for latent in drawn]).float(),
            "shown": torch.stack([latent.shown for latent in drawn]).float(),
            "ids": torch.stack([to_ids(tokenizer, _caption(latent.seed, rng)) for latent in drawn]),
        }


def _caption(seed: int, rng: random.Random) -> str:
    return "" if rng.random() < CAPTION_DROP else describe(training_scene(seed), rng).text


def train_base(session: Session, stored: Stored) -> Run:
    """Train on the stored autoencoder and text encoder; begins from the stored denoiser if there is no checkpoint."""
    vae, tokenizer, encoder = stored.vae(), stored.tokenizer(), stored.text_encoder()
    vae, encoder = vae.to(session.device), encoder.to(session.device)
    unet = stored.unet() if stored.has("unet") else build_unet()
    unet = unet.requires_grad_(requires_grad=True).train().to(memory_format=torch.channels_last)
    batch = BATCH * (GPU_FACTOR if session.device.type == "cuda" else 1)
    first = samples_of("base", session)
    objective = Objective(unet, encoder, session)
    return fit("base", unet, batches(vae, tokenizer, session, first, batch), objective, session, LEARNING_RATE)


class Objective:
    """The loss of one batch: v-prediction, less where little noise is left, more where the picture shows a subject."""

    def __init__(self, unet: UNet2DConditionModel, encoder: CLIPTextModel, session: Session) -> None:
        self.encoder, self.session, self.scheduler = encoder, session, build_scheduler()
        cuda = session.device.type == "cuda"
        self.unet = torch.compile(unet) if cuda else unet
        snr = self.scheduler.alphas_cumprod / (1 - self.scheduler.alphas_cumprod)
        self.weights = (HIGHEST_SNR_WEIGHT / (snr + 1)).clamp(max=1).to(session.device)

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        device, latents = self.session.device, batch["latents"]
        with torch.no_grad(), autocast(device):
            words = self.encoder(batch["ids"]).last_hidden_state
        steps = len(self.weights)
        # One time in each of as many equal parts: the loss is less noisy than with free times.
        places = (torch.arange(len(latents)) + torch.rand(len(latents), generator=randomness)) / len(latents)
        times = (places * steps).long().clamp(max=steps - 1).to(device)
        noise = torch.randn(latents.shape, generator=randomness).to(latents)
        noisy = self.scheduler.add_noise(latents, noise, times).to(memory_format=torch.channels_last)
        target = self.scheduler.get_velocity(latents, noise, times)
        with autocast(device):
            predicted = self.unet(noisy, times, words).sample.float()
        places = 1 + (SUBJECT_WEIGHT - 1) * batch["shown"][:, None]
        error = (predicted - target).square() * places / places.mean()
        loss: Tensor = (error.mean(dim=(1, 2, 3)) * self.weights[times]).mean()
        return loss
