"""Costs detail, the more the higher its threshold: where the first block changes little, the others are not asked.

diffusers' own first block cache.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from studio.families.base import Family
from studio.recipe import Recipe
from studio.speedups.base import Speedup, no_transformer

# Transformers whose blocks diffusers can cache.
CACHED = frozenset({"FluxTransformer2DModel"})


class FirstBlockCache(Speedup):
    """Steps in which the transformer's first block says nearly the same as before take over the rest of it."""

    label = "First block cache"
    cost = "Detail is lost: the higher the threshold, the more."
    gain = "A sixth of the steps' time at 0.06, half at 0.12, by what others measured of Flux.1."
    offered: ClassVar[Mapping[str, str]] = {"0.06": "careful (0.06)", "0.08": "0.08", "0.12": "quick (0.12)"}

    def read(self, value: str) -> float:
        try:
            threshold = float(value)
        except ValueError:
            threshold = 0.0
        if not 0 < threshold <= 1:
            raise self.refused(value, "Say its threshold, above 0 and up to 1, such as 0.08.")
        return threshold

    def why_not(self, family: Family, recipe: Recipe) -> str:
        del recipe
        if family.signature.denoiser in CACHED:
            return ""
        return no_transformer(family) or f"The blocks of {family.name} cannot be cached."

    @contextmanager
    def applied(self, pipe: Any, value: float, rows: int) -> Iterator[None]:
        from diffusers.hooks import FirstBlockCacheConfig

        del rows
        pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=value))
        try:
            yield
        finally:
            pipe.transformer.disable_cache()


SPEEDUP = FirstBlockCache()
