"""Noise by seed: each picture draws its own, the same alone, in a batch and on any device; a variation mixes two."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from studio.recipe import SEEDS, ResolvedRecipe

# What mixes the draws of the picture that is made in this context.
MIXING: ContextVar["_Mixing | None"] = ContextVar("mixing", default=None)


@dataclass(frozen=True)
class Noise:
    """What a picture's noise is drawn from: `seed`, turned by `share` (0 to 1) towards that of the seed `other`."""

    seed: int
    other: int = 0
    share: float = 0.0

    @classmethod
    def of(cls, recipe: ResolvedRecipe) -> "Noise":
        """The noise of a recipe's picture."""
        varied = recipe.variation
        if varied.seed is None or varied.strength is None:
            return cls(recipe.seed)
        return cls(recipe.seed, varied.seed, varied.strength)

    def tile(self, number: int) -> "Noise":
        """Noise for a tile of the picture; the first has the picture's own."""
        return replace(self, seed=self.seed + SEEDS * number, other=self.other + SEEDS * number)


@contextmanager
def drawn(noises: Sequence[Noise], device: str = "cpu") -> Iterator[list[torch.Generator]]:
    """Generators on a device, one for each noise; while the block lasts, all that is drawn from them is so mixed."""
    generators = [_generator(noise.other if noise.share == 1 else noise.seed, device) for noise in noises]
    mixed = {
        generator: (_generator(noise.other, device), noise.share)
        for generator, noise in zip(generators, noises, strict=True)
        if 0 < noise.share < 1
    }
    if not mixed:
        yield generators
        return
    mixing = _Mixing(mixed)
    token = MIXING.set(mixing)
    try:
        with mixing:
            yield generators
    finally:
        MIXING.reset(token)


@contextmanager
def unmixed() -> Iterator[None]:
    """While this lasts, others compute in this thread: a mode of torch is of all that a thread does."""
    mixing = MIXING.get()
    if mixing is None:
        yield
        return
    mixing.__exit__(None, None, None)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        mixing.__enter__()  # type: ignore[no-untyped-call]


class _Mixing(TorchFunctionMode):
    """Mixes every draw of a pipeline and its scheduler; they draw in many places, all by `torch.randn`."""

    def __init__(self, mixed: Mapping[torch.Generator, tuple[torch.Generator, float]]) -> None:
        super().__init__()
        self._mixed = mixed

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function is not torch.randn or kwargs.get("generator") not in self._mixed:
            return result
        other, share = self._mixed[kwargs["generator"]]
        return slerp(share, result, function(*args, **{**kwargs, "generator": other}))


def slerp(share: float, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """The tensor at this share (0 to 1) of the way from `start` to `end`, on the arc between their directions.

    On the straight line between two noises lies less noise than in either.
    """
    a, b = start.double().flatten(), end.double().flatten()
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    if angle.sin() < 1e-4:
        return torch.lerp(start, end, share)
    mixed = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)
    return mixed.to(start.dtype).view_as(start)


def _generator(seed: int, device: str) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)
