"""The text conditioning of each step: prompts that change while denoising, and prompts that are mixed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from studio.engine.chunks import TextEmbeds

Encoded = dict[str, torch.Tensor | None]


@dataclass(frozen=True)
class ScheduledEmbeds:
    """One prompt: each of its `reads` holds up to a step, counted from 1; `weight` is its share in a mix."""

    reads: tuple[tuple[int, TextEmbeds], ...]
    weight: float = 1.0

    def at(self, step: int) -> TextEmbeds:
        """The embeddings of a step; after the last one, the last."""
        return next((read for until, read in self.reads if step <= until), self.reads[-1][1])

    def stretched(self, tokens: int, empty: TextEmbeds) -> "ScheduledEmbeds":
        """Pad each of its embeddings to `tokens` tokens; `empty` are the embeddings of an empty prompt."""
        return replace(self, reads=tuple((until, read.stretched(tokens, empty)) for until, read in self.reads))


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The `arguments` of the pipeline's call for its prompts, one row each, and what replaces them at later steps.

    `lines` are mixed, against `negative`; both are empty where the arguments do for all steps.
    """

    arguments: Encoded
    lines: Sequence[ScheduledEmbeds] = ()
    negative: ScheduledEmbeds | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the pipeline's own arguments suffice: nothing changes and nothing is mixed."""
        changes = any(len(line.reads) > 1 for line in (*self.lines, *([self.negative] if self.negative else [])))
        return not (changes or self._mixes)

    @property
    def _mixes(self) -> bool:
        return [line.weight for line in self.lines] not in ([], [1.0])

    @contextmanager
    def applied(self, pipe: Any, count: int, steps: int) -> Iterator[None]:
        """Hook the pipeline's UNet and ControlNet, for `count` pictures in `steps` steps, while the context lasts."""
        if self.is_plain:
            yield
            return
        calls = 0

        def step() -> int:
            """Second-order schedulers (Heun, DPM2) call the denoiser twice a step."""
            return int(calls / pipe.num_timesteps * steps + 1e-6) + 1

        def reword(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            nonlocal calls
            if self._mixes:
                args, kwargs = (_rows(given, self._order(count)) for given in (args, kwargs))
            kwargs = self._reworded(kwargs, step(), count, self.lines)
            calls += 1
            return args, kwargs

        def seen(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            return args, self._reworded(kwargs, step(), count, self.lines[:1])

        def mixed(_: Any, args: Any, output: Any) -> Any:
            del args
            return (self._mixed(output[0], count), *output[1:])

        handles = [pipe.unet.register_forward_pre_hook(reword, with_kwargs=True)]
        if self._mixes:
            handles.append(pipe.unet.register_forward_hook(mixed))
        if getattr(pipe, "controlnet", None) is not None:  # it is asked before the UNet
            handles.append(pipe.controlnet.register_forward_pre_hook(seen, with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _order(self, count: int) -> torch.Tensor:
        """The rows of the batch for all lines: those without the prompt once, those with it once a line."""
        plain, prompted = torch.arange(count), torch.arange(count, 2 * count)
        return torch.cat([plain, *[prompted] * len(self.lines)])

    def _reworded(
        self, kwargs: dict[str, Any], step: int, count: int, lines: Sequence[ScheduledEmbeds]
    ) -> dict[str, Any]:
        """The network's arguments with the embeddings of this step."""
        embeds = kwargs["encoder_hidden_states"]
        reads = [line.at(step) for line in lines]
        halves = len(embeds) // count
        if halves > len(lines) and self.negative is not None:
            negative = self.negative.at(step)
            # InstructPix2Pix has two guidances and three rows a picture: the prompt first, then twice no prompt.
            reads = [*reads, negative, negative] if halves == 3 and len(lines) == 1 else [negative, *reads]
        made = kwargs | {"encoder_hidden_states": _stacked([read.embeds for read in reads], count, embeds)}
        added = kwargs.get("added_cond_kwargs") or {}
        pooled = [read.pooled for read in reads if read.pooled is not None]
        if "text_embeds" in added and pooled:
            made["added_cond_kwargs"] = added | {"text_embeds": _stacked(pooled, count, added["text_embeds"])}
        return made

    def _mixed(self, output: torch.Tensor, count: int) -> torch.Tensor:
        """Combine the predictions for all lines into one: `uncond + sum(weight * (cond - uncond))`.

        This is composable diffusion (Liu et al., 2022), as A1111's `AND` does it.
        """
        without, *answers = torch.split(output, count)
        mix = without + sum(
            (line.weight * (answer - without) for line, answer in zip(self.lines, answers, strict=True)),
            start=torch.zeros_like(without),
        )
        return torch.cat([without, mix])


def _stacked(tensors: Sequence[torch.Tensor], count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.cat([tensor.repeat_interleave(count, dim=0) for tensor in tensors]).to(like)


def _rows(given: Any, order: torch.Tensor) -> Any:
    """Reorder the rows of every tensor whose length is the whole batch, with and without the prompt."""
    match given:
        case torch.Tensor() if given.dim() and len(given) == int(order.max()) + 1:
            return given[order.to(given.device)]
        case tuple() | list():
            return type(given)(_rows(each, order) for each in given)
        case dict():
            return {name: _rows(each, order) for name, each in given.items()}
        case _:
            return given
