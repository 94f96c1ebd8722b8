"""Learning to draw in a few steps what a denoiser draws in many with guidance, from its own pictures in the making."""

import torch
from diffusers import DDIMScheduler, LCMScheduler, UNet2DConditionModel
from torch import Tensor

from starter_factory.sampling import GUIDANCE
from starter_factory.store import Stored
from starter_factory.text import to_ids
from starter_factory.training import Batch, autocast

STEPS = 4
# How many guided evaluations of the base stand against one of the student.
TEACHER_STEPS = 3
# Below this error, in latents' deviations, a difference counts squared, above it by its size.
KNEE = 0.1


class Distillation:
    """The loss of a few whole pictures: each step of the student against several guided steps of the base."""

    def __init__(
        self,
        student: UNet2DConditionModel,
        teacher: UNet2DConditionModel,
        stored: Stored,
        side: int,
        device: torch.device,
    ) -> None:
        self.student, self.teacher, self.side, self.device = student, teacher, side, device
        self.encoder, self.tokenizer = stored.text_encoder().to(device), stored.tokenizer()
        self.scheduler = LCMScheduler.from_pretrained(stored.folder / "scheduler")
        self.scheduler.set_timesteps(STEPS)
        alphas = DDIMScheduler.from_pretrained(stored.folder / "scheduler").alphas_cumprod.to(device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        with torch.no_grad():
            self.empty = self.encoder(to_ids(self.tokenizer, "")[None].to(device)).last_hidden_state

    def __call__(self, batch: Batch, randomness: torch.Generator) -> Tensor:
        with torch.no_grad(), autocast(self.device):
            words = self.encoder(batch["ids"]).last_hidden_state
        count = len(words)
        losses = []
        picture = torch.zeros(count, self.student.config.in_channels, self.side, self.side, device=self.device)
        for number, time in enumerate(self.scheduler.timesteps.tolist()):
            noise = torch.randn(picture.shape, generator=randomness, device=randomness.device).to(self.device)
            noisy = noise if number == 0 else self.signal[time] * picture + self.noise[time] * noise
            target = self._shown(noisy, time, words)
            guess = self._clean(self.student, noisy, time, words)
            losses.append((((guess - target) / KNEE).square() + 1).sqrt().sub(1).mean() * KNEE)
            picture = guess.detach()
        return torch.stack(losses).mean()

    @torch.no_grad()
    def _shown(self, noisy: Tensor, time: int, words: Tensor) -> Tensor:
        """Where the base's guided steps lead: DDIM in even strides, then its last guess."""
        both = torch.cat([self.empty.expand_as(words), words])
        stops = [time * (TEACHER_STEPS - number) // TEACHER_STEPS for number in range(TEACHER_STEPS)]
        for now, then in zip(stops, [*stops[1:], None], strict=True):
            plain, asked = self._clean(self.teacher, torch.cat([noisy, noisy]), now, both).chunk(2)
            clean = plain + GUIDANCE * (asked - plain)
            if then is not None:
                noise = (noisy - self.signal[now] * clean) / self.noise[now]
                noisy = self.signal[then] * clean + self.noise[then] * noise
        return clean

    def _clean(self, unet: UNet2DConditionModel, noisy: Tensor, time: int, words: Tensor) -> Tensor:
        times = torch.full((len(noisy),), time, device=self.device)
        with autocast(self.device):
            velocity = unet(noisy, times, words).sample.float()
        clean: Tensor = self.signal[time] * noisy - self.noise[time] * velocity
        return clean
