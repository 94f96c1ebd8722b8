"""LoRAs in a step of several requests: each row has its own, at its own weights.

Changes of low rank to linear layers go through two products for all rows at once, their factors stacked row by row and
filled up with zeros (as in Punica and S-LoRA); any other change is computed for the rows that it is for.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from studio.engine.changes import Change, LowRank
from studio.engine.lora import Added, Hook

# What one request adds to each layer of a network, by the layer's name.
LayerLoras = Mapping[str, Added]
# A change, and the rows that it is for.
Placed = tuple[slice, Change]
Factored = tuple[slice, LowRank]


class Stacks:
    """The stacked factors of the last step; while the same requests stand in the same rows, they are used again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[object, tuple[torch.Tensor, torch.Tensor]]] = {}

    def factors(
        self, layer: str, rank: int, placed: Sequence[Factored], rows: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Factors (rows, inputs, rank) and (rows, rank, outputs) of low-rank changes to one layer."""
        # Changes are compared by identity: they are made anew only where weights change.
        made_for = (rows, *((place.start, place.stop, change) for place, change in placed))
        kept, factors = self._kept.get((layer, rank), (None, None))
        if factors is None or kept != made_for:
            factors = _stacked(rank, placed, rows)
            self._kept[layer, rank] = made_for, factors
        return factors


def added_by_row(requests: Sequence[tuple[int, LayerLoras]], rows: int, stacks: Stacks) -> dict[str, Hook]:
    """The hook on each layer that any of the requests changes; they stand one after the other, each in so many rows."""
    parts: dict[str, list[tuple[slice, Added]]] = defaultdict(list)
    start = 0
    for length, loras in requests:
        for name, added in loras.items():
            parts[name].append((slice(start, start + length), added))
        start += length
    return {name: _ByRow(name, changes, rows, stacks) for name, changes in parts.items()}


class _ByRow:
    """The hook on one layer."""

    def __init__(self, name: str, parts: Sequence[tuple[slice, Added]], rows: int, stacks: Stacks) -> None:
        self._name = name
        self._parts = parts
        self._rows = rows
        self._stacks = stacks

    def __call__(self, layer: torch.nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        given, whole = args[0], output
        stacked, single = self._sorted(layer, output)
        for rank, placed in stacked.items():
            factors = self._stacks.factors(self._name, rank, placed, self._rows)
            whole = whole + _product(layer, given, *factors)
        for place, change in single:
            whole = whole.clone() if whole is output else whole
            # Each is a change of what the bare model gives out.
            whole[place] += change.scale * change.added(layer, given[place], output[place])
        return whole

    def _sorted(self, layer: torch.nn.Module, output: torch.Tensor) -> tuple[dict[int, list[Factored]], list[Placed]]:
        """The changes that are stacked, by the rank that they are filled up to; and those that are not.

        Each rank has a stack of its own, so that what a row is given does not depend on the ranks of its neighbours.
        """
        stacked: dict[int, list[Factored]] = defaultdict(list)
        single: list[Placed] = []
        for place, added in self._parts:
            for change in added.made(output):
                if isinstance(change, LowRank) and _is_linear(layer):
                    stacked[_filled(len(change.down))].append((place, change))
                else:
                    single.append((place, change))
        return stacked, single


def _filled(rank: int) -> int:
    """The rank that this one is filled up to: powers of two, of which there are few."""
    return 1 << (rank - 1).bit_length()


def _stacked(rank: int, placed: Sequence[Factored], rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    first = placed[0][1]
    down = first.down.new_zeros(rows, first.down[0].numel(), rank)
    up = first.up.new_zeros(rows, rank, len(first.up))
    for place, change in placed:
        own = len(change.down)
        down[place, :, :own] = change.down.flatten(1).T
        up[place, :own] = change.up.flatten(1).T * change.scale
    return down, up


def _is_linear(layer: torch.nn.Module) -> bool:
    """Whether a layer mixes channels only, as a convolution of one pixel does."""
    if isinstance(layer, torch.nn.Conv2d):
        return (layer.kernel_size, layer.stride, layer.padding, layer.groups) == ((1, 1), (1, 1), (0, 0), 1)
    return isinstance(layer, torch.nn.Linear)


def _product(layer: torch.nn.Module, given: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """`up` of `down` of what came in, row by row, in the shape of what the layer gives out."""
    if isinstance(layer, torch.nn.Conv2d):
        pixels = given.flatten(2).transpose(1, 2)
        return torch.bmm(torch.bmm(pixels, down), up).transpose(1, 2).reshape(len(given), -1, *given.shape[2:])
    tokens = given.reshape(len(given), -1, given.shape[-1])
    return torch.bmm(torch.bmm(tokens, down), up).reshape(*given.shape[:-1], -1)
