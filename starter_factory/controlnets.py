"""ControlNets: how they are built, how they learn on a frozen base, and how pictures are painted by them."""

import random
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import torch
from diffusers import (
    ControlNetModel,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image as Picture
from torch import Tensor, nn
from torch.nn.functional import silu
from torch.nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations
from torch.utils.data import IterableDataset, get_worker_info
from transformers import CLIPTextModel, CLIPTokenizer

from starter_factory.base import CAPTIONS, SHAPE_WEIGHTS, WHOLE, build_scheduler
from starter_factory.canvas import Image
from starter_factory.captions import SAID, describe
from starter_factory.draw import SHAPES, Drawing, draw
from starter_factory.sampling import GUIDANCE, STEPS
from starter_factory.scene import Scene
from starter_factory.text import to_ids
from starter_factory.training import Batch, Session, autocast
from starter_factory.vae import FACTOR

# At latents of an eighth of the side, the map is halved three times on its way to them.
HINT_CHANNELS = (16, 16, 32, 96)
HINT_SIZE = 0.5
EAGERNESS = 4.0
# What a map shows, captions hardly say: a map has to win where both meet. Some say nothing at all.
LAYOUT_UNSAID: Mapping[str, float] = {
    **SAID,
    "position": 0.06,
    "order": 0.3,
    "small": 0.08,
    "large": 0.08,
    "pose": 0.1,
    "place": 0.5,
}
CAPTION_DROP = 0.15
# How often a map is all black, so that the prompt alone is followed there.
MAP_DROP = 0.1
# Where a picture is nearly all noise, its layout is decided; below 1 there are more of such times than of late ones.
TIME_POWER = 0.6
HIGHEST_SNR = 5.0
STRESS = 4.0


def build_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """An untrained network on a copy of the UNet's encoder; what it adds to the UNet is zero."""
    network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=HINT_CHANNELS)
    return network.requires_grad_(requires_grad=True).to(memory_format=torch.channels_last)


def listen(network: ControlNetModel, hints: Tensor) -> None:
    """Scale the map encoder so that its layers answer these maps (count, 3, h, w) with numbers around 1, the last half.

    The class starts it so faint that a map is not heard for thousands of steps, and silent at its end, although the
    layers from the network to the UNet start at zero as well.
    """
    encoder = network.controlnet_cond_embedding
    nn.init.kaiming_normal_(encoder.conv_out.weight)
    with torch.no_grad():
        for layer in (encoder.conv_in, *encoder.blocks, encoder.conv_out):
            layer.bias.zero_()
            answer = layer(hints)
            layer.weight /= answer[answer != 0].std()
            hints = silu(layer(hints))
        encoder.conv_out.weight *= HINT_SIZE


class Eager(nn.Module):
    """A weight that a step of the optimizer moves further: the optimizer holds a fraction of it."""

    def forward(self, held: Tensor) -> Tensor:
        return EAGERNESS * held

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight / EAGERNESS


def make_eager(network: ControlNetModel) -> None:
    """Let the layers that start from nothing learn faster than the copy of the UNet between them."""
    for part in (network.controlnet_cond_embedding, network.controlnet_down_blocks, network.controlnet_mid_block):
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d):
                register_parametrization(layer, "weight", Eager())


def make_plain(network: ControlNetModel) -> None:
    """Turn eager layers into stock ones of the same weights."""
    for layer in list(network.modules()):
        if is_parametrized(layer):
            remove_parametrizations(layer, "weight")


def strengthen(network: ControlNetModel, factor: float) -> None:
    """Multiply all that a network of plain layers adds to the UNet."""
    with torch.no_grad():
        for part in (network.controlnet_down_blocks, network.controlnet_mid_block):
            for parameter in part.parameters():
                parameter.mul_(factor)


class ControlledRenders(IterableDataset[Batch]):
    """Batches of new renders of one shape each, without end, with their maps and token ids of several captions."""

    def __init__(self, control: "Control", tokenizer: CLIPTokenizer, first: int, batch: int, shrink: float) -> None:
        self.control, self.tokenizer, self.first, self.batch = control, tokenizer, first, batch
        self.shrink = shrink

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        seed = self.first + number * self.batch
        while True:
            width, height = random.Random(seed).choices(SHAPES, weights=SHAPE_WEIGHTS)[0]
            size = (WHOLE * round(width / self.shrink / WHOLE), WHOLE * round(height / self.shrink / WHOLE))
            rows = [self._row(each, size) for each in range(seed, seed + self.batch)]
            yield {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
            seed += workers * self.batch

    def _row(self, seed: int, size: tuple[int, int]) -> Batch:
        """A picture and its map as bytes, where they matter most (at latents' size), and ids."""
        rng, scene = random.Random(seed), self.control.scene_of(seed)
        drawing = draw(scene, *size)
        hint = self.control.hint_of(scene, drawing)
        stressed = (self.control.stressed(hint, drawing) > 0).astype(np.float32)
        latents = (size[0] // FACTOR, size[1] // FACTOR)
        ids = [to_ids(self.tokenizer, _caption(scene, rng)) for _ in range(CAPTIONS)]
        return {
            "images": torch.from_numpy(drawing.image),
            "hints": torch.tensor(hint),
            "stressed": torch.from_numpy(cv2.resize(stressed, latents, interpolation=cv2.INTER_AREA)).half(),
            "ids": torch.stack(ids).short(),
        }


def _caption(scene: Scene, rng: random.Random) -> str:
    return "" if rng.random() < CAPTION_DROP else describe(scene, rng, LAYOUT_UNSAID).text


class Control:
    """What a ControlNet learns from, and what its map is."""

    @abstractmethod
    def scene_of(self, seed: int) -> Scene:
        """The scene of this seed."""

    @abstractmethod
    def hint_of(self, scene: Scene, drawing: Drawing) -> Image:
        """The map (h, w, 3) of a scene."""

    def stressed(self, hint: Image, drawing: Drawing) -> Image:  # noqa: ARG002 - others look at the map
        """Which pixels (h, w) matter most, above 0."""
        return drawing.labels


class ControlObjective:
    """The loss of one batch: v-prediction by the frozen base with what the ControlNet adds to it."""

    def __init__(
        self, unet: UNet2DConditionModel, encoder: CLIPTextModel, network: ControlNetModel, session: Session
    ) -> None:
        self.network, self.device, self.scheduler = network, session.device, build_scheduler()
        self.unet = unet.to(session.device, memory_format=torch.channels_last)
        self.encoder = encoder.to(session.device)
        if session.device.type != "cuda":
            # The fused kernel's backward pass in bf16 is slow on a CPU.
            for each in (self.unet, network):
                each.set_attn_processor(AttnProcessor())
        snr = self.scheduler.alphas_cumprod / (1 - self.scheduler.alphas_cumprod)
        self.weights = ((snr + 1).clamp(max=HIGHEST_SNR) / (snr + 1)).to(session.device)

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        latents, count, steps = batch["latents"], len(batch["latents"]), len(self.weights)
        with torch.no_grad(), autocast(self.device):
            words = self.encoder(batch["ids"]).last_hidden_state
        heard = torch.rand(count, generator=randomness, device=self.device) >= MAP_DROP
        hints = heard[:, None, None, None] * batch["hints"].permute(0, 3, 1, 2).float() / 255
        # One time in each of as many equal parts: the loss is less noisy than with free times.
        within = torch.rand(count, generator=randomness, device=self.device)
        places = ((torch.arange(count, device=self.device) + within) / count) ** TIME_POWER
        times = (places * steps).long().clamp(max=steps - 1)
        noise = torch.randn(latents.shape, generator=randomness, device=self.device)
        noisy = self.scheduler.add_noise(latents, noise, times).to(memory_format=torch.channels_last)
        target = self.scheduler.get_velocity(latents, noise, times)
        with autocast(self.device):
            below, middle = self.network(noisy, times, words, hints, return_dict=False)
            predicted = self.unet(
                noisy, times, words, down_block_additional_residuals=below, mid_block_additional_residual=middle
            ).sample.float()
        weight = 1 + (STRESS - 1) * heard[:, None, None, None] * batch["stressed"].float()[:, None]
        error = (predicted - target).square() * weight / weight.mean()
        loss: Tensor = (error.mean(dim=(1, 2, 3)) * self.weights[times]).mean()
        return loss


def paint(
    pipeline: StableDiffusionPipeline,
    network: ControlNetModel,
    prompts: Sequence[str],
    hints: Sequence[Image],
    steps: int = STEPS,
) -> list[Image]:
    """One picture for each prompt and map, the k-th from noise of seed k, as without a map."""
    steered = StableDiffusionControlNetPipeline(**pipeline.components, controlnet=network.to(pipeline.device))
    steered.set_progress_bar_config(disable=True)
    pictures: list[Image] = []
    for start in range(0, len(prompts), 8):
        part = range(start, min(start + 8, len(prompts)))
        output = steered(
            [prompts[number] for number in part],
            image=[Picture.fromarray(hints[number]) for number in part],
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator().manual_seed(number) for number in part],
            output_type="np",
        )
        pictures.extend(np.round(output.images * 255).astype(np.uint8))
    return pictures
