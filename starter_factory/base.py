"""The denoiser: learns to paint latents from captions; each picture is encoded once and used several times."""

import random
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.captions import EVERYTHING, SAID, describe
from starter_factory.draw import SHAPES, SIDE, draw
from starter_factory.samples import Ring, Youth
from starter_factory.scene import Scene, crowded_scene
from starter_factory.semantics import SHRINK, Telling, semantic_map, telling_loss
from starter_factory.store import Stored
from starter_factory.text import WIDTH, to_ids
from starter_factory.training import Batch, Run, Session, autocast, fit, load_average, samples_of
from starter_factory.vae import FACTOR, to_tensors

CHANNELS = (40, 80, 128, 144)
ATTENDING = 2
HEADS = 4
LEARNING_RATE = 8e-4
BATCH = 16
# On a GPU one step takes so many times the pictures of a step on a processor core.
GPU_FACTOR = 24
SHAPE_WEIGHTS = (8, 1, 1)
# Sides that all levels of the denoiser halve evenly.
WHOLE = FACTOR * 2 ** (len(CHANNELS) - 1)
CAPTION_DROP = 0.1
# Words are learned from captions that say all there is: what is left out of others is noise to what they do say.
WHOLE_CAPTIONS = 0.35
# Grounds are learned soon; things take all that there is to learn.
SUBJECT_WEIGHT = 4.0
HIGHEST_SNR_WEIGHT = 5.0
# What little noise hides is learned soon, what a picture shows is decided in much: the quarter of times with the least
# is met in a sixth of the steps, that with the most in a third. Shapes were learned with 0.55; it left them soft.
TIMES_POWER = 0.75
TELLING_WEIGHT = 0.05
# Each picture is used so many times on average, each time with one of its captions; so many are kept.
USES = 16
CAPTIONS = 6
KEPT = 12_000
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


class Renders(IterableDataset[Batch]):
    """Batches of new renders of one shape each, without end, as the session has them. Workers share the seeds."""

    def __init__(self, tokenizer: CLIPTokenizer, first: int, batch: int, session: Session) -> None:
        self.tokenizer, self.first, self.batch, self.session = tokenizer, first, batch, session

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        seed = self.first + number * self.batch
        while True:
            width, height = random.Random(seed).choices(SHAPES, weights=SHAPE_WEIGHTS)[0]
            yield _rendered(self.tokenizer, range(seed, seed + self.batch), (width, height), self.session)
            seed += workers * self.batch


def _rendered(tokenizer: CLIPTokenizer, seeds: range, shape: tuple[int, int], session: Session) -> Batch:
    """Pictures as bytes, where they show subjects (at latents' size) and which, and token ids of several captions each.

    Smaller ones are drawn at twice their size, so that lines and blocks shrink with them.
    """
    width, height = (WHOLE * round(side / session.shrink / WHOLE) for side in shape)
    finer = 2 if session.shrink > 1 else 1
    images, shown, maps, ids = [], [], [], []
    for seed in seeds:
        rng = random.Random(seed)
        scene = crowded_scene(seed)
        drawing = draw(scene, finer * width, finer * height)
        image = cv2.resize(drawing.image, (width, height), interpolation=cv2.INTER_AREA)
        size = (width // FACTOR, height // FACTOR)
        share = cv2.resize((drawing.labels > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        images.append(torch.from_numpy(image))
        shown.append(torch.from_numpy(share))
        maps.append(semantic_map(scene, drawing.labels, size[0] // SHRINK, size[1] // SHRINK))
        ids.append(torch.stack([to_ids(tokenizer, _caption(scene, rng)) for _ in range(CAPTIONS)]))
    return {
        "images": torch.stack(images),
        "shown": torch.stack(shown).half(),
        "maps": torch.stack(maps),
        "ids": torch.stack(ids).short(),
    }


def _caption(scene: Scene, rng: random.Random) -> str:
    """What the scene shows, or some of it, or nothing."""
    chance = rng.random()
    if chance < CAPTION_DROP:
        return ""
    return describe(scene, rng, EVERYTHING if chance > 1 - WHOLE_CAPTIONS else SAID).text


def batches(vae: AutoencoderKL, tokenizer: CLIPTokenizer, session: Session, first: int, batch: int) -> Iterator[Batch]:
    """Latents of one shape, ids of one of their captions, where subjects are, and what is where."""
    renders = Renders(tokenizer, FIRST_SEED + first, max(1, batch // USES), session)
    for drawn in pooled(vae, renders, session, first, batch):
        yield drawn | {"shown": drawn["shown"].float()}


def pooled(
    vae: AutoencoderKL, renders: IterableDataset[Batch], session: Session, first: int, batch: int, kept: int = KEPT
) -> Iterator[Batch]:
    """Rows of one shape with latents and the ids of one of their captions.

    Some pictures are new, and all are drawn from the last that were encoded; `kept` for each step of BATCH pictures.
    """
    rings: dict[tuple[int, ...], Ring] = {}
    randomness, room = torch.Generator().manual_seed(first), kept * batch // BATCH
    youth = Youth(batch)
    for rendered in DataLoader(renders, batch_size=None, num_workers=session.workers):
        encoded = _encoded(vae, rendered, session.device)
        rings.setdefault(tuple(encoded["latents"].shape[-2:]), Ring(room)).add(encoded)
        if not youth.suffices(len(encoded["latents"])):
            continue
        counts = torch.tensor([float(ring.count) for ring in rings.values()])
        ring = list(rings.values())[int(torch.multinomial(counts, 1, generator=randomness))]
        drawn = ring.draw(batch, randomness)
        which = torch.randint(0, CAPTIONS, (batch,), generator=randomness)
        ids = drawn["ids"][torch.arange(batch), which.to(drawn["ids"].device)].long()
        yield drawn | {"latents": drawn["latents"].float(), "ids": ids}


def _encoded(vae: AutoencoderKL, rendered: Batch, device: torch.device) -> Batch:
    """The rows with latents in the place of images."""
    rows = {key: value.to(device) for key, value in rendered.items()}
    images = to_tensors(rows.pop("images"))
    with torch.no_grad(), autocast(device):
        latents = vae.encode(images.to(memory_format=torch.channels_last)).latent_dist.mean.half()
    return {"latents": latents} | rows


def train_base(session: Session, stored: Stored) -> Run:
    """Train on the stored autoencoder and text encoder; begins from the stored denoiser if there is no checkpoint."""
    vae, tokenizer, encoder = stored.vae(), stored.tokenizer(), stored.text_encoder()
    vae, encoder = vae.to(session.device), encoder.to(session.device)
    unet = stored.unet() if stored.has("unet") else build_unet()
    telling = Telling(unet.requires_grad_(requires_grad=True).train()).to(memory_format=torch.channels_last)
    batch = BATCH * max(1, int(session.shrink / 2)) * (GPU_FACTOR if session.device.type == "cuda" else 1)
    first = samples_of("base", session)
    objective = Objective(telling, encoder, session)
    return fit("base", telling, batches(vae, tokenizer, session, first, batch), objective, session, LEARNING_RATE)


def trained_unet(session: Session) -> UNet2DConditionModel:
    """The averaged denoiser of the last checkpoint, frozen. Raises FileNotFoundError where it never ran."""
    telling = Telling(build_unet())
    load_average("base", telling, session.work)
    return telling.unet


class Objective:
    """The loss of one batch: v-prediction, less where little noise is left, more where the picture shows a subject.

    A little of it is what the denoiser's features fail to tell of what is where.
    """

    def __init__(self, telling: Telling, encoder: CLIPTextModel, session: Session) -> None:
        self.telling, self.encoder, self.session, self.scheduler = telling, encoder, session, build_scheduler()
        unet = telling.unet
        cuda = session.device.type == "cuda"
        if not cuda:
            # The fused kernel's backward pass in bf16 is slow on a CPU.
            unet.set_attn_processor(AttnProcessor())
        self.unet = torch.compile(unet) if cuda else unet
        snr = self.scheduler.alphas_cumprod / (1 - self.scheduler.alphas_cumprod)
        self.weights = (HIGHEST_SNR_WEIGHT / (snr + 1)).clamp(max=1).to(session.device)

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        device, latents = self.session.device, batch["latents"]
        with torch.no_grad(), autocast(device):
            words = self.encoder(batch["ids"]).last_hidden_state
        steps = len(self.weights)
        # One time in each of as many parts: the loss is less noisy than with free times.
        within = torch.rand(len(latents), generator=randomness, device=device)
        parts = (torch.arange(len(latents), device=device) + within) / len(latents)
        times = (parts**TIMES_POWER * steps).long().clamp(max=steps - 1)
        noise = torch.randn(latents.shape, generator=randomness, device=device)
        noisy = self.scheduler.add_noise(latents, noise, times).to(memory_format=torch.channels_last)
        target = self.scheduler.get_velocity(latents, noise, times)
        with autocast(device):
            predicted = self.unet(noisy, times, words).sample.float()
            told = self.telling.told()
        places = 1 + (SUBJECT_WEIGHT - 1) * batch["shown"][:, None]
        error = (predicted - target).square() * places / places.mean()
        missed = TELLING_WEIGHT * times / steps * telling_loss(told, batch["maps"], batch["shown"])
        loss: Tensor = (error.mean(dim=(1, 2, 3)) * self.weights[times] + missed).mean()
        return loss
