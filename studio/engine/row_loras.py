"""LoRAs in a step of several requests: each row has its own, at its own weights.

Changes of low rank go through two products for all rows at once, their factors stacked row by row and filled up with
zeros (as in Punica and S-LoRA); any other change is computed for the rows that it is for. A convolution's first product
is that of each place of its kernel with the pixel there, and the places are added up afterwards: what has to be copied
is as many channels as the rank has, and not as the layer has.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import fold

from studio.engine.changes import Change, LowRank
from studio.engine.lora import Added, Hook

# What one request adds to each layer of a network, by the layer's name.
LayerLoras = Mapping[str, Added]
# A change, and the rows that it is for.
Placed = tuple[slice, Change]
Factored = tuple[slice, LowRank]
Factors = tuple[torch.Tensor, torch.Tensor]
# Changes of less rank are filled up to this one, so that nearly all go through the same two products.
RANK = 16


class Stacks:
    """The stacked factors of the last step; while the same requests stand in the same rows, they are used again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[object, Factors]] = {}

    def factors(self, name: str, layer: torch.nn.Module, rank: int, placed: Sequence[Factored], rows: int) -> Factors:
        """Factors of low-rank changes to one layer, as `_added` multiplies them."""
        # Changes are compared by identity: they are made anew only where weights change.
        made_for = (rows, *((place.start, place.stop, change) for place, change in placed))
        kept, factors = self._kept.get((name, rank), (None, None))
        if factors is None or kept != made_for:
            stack = _stacked_channels if isinstance(layer, torch.nn.Conv2d) else _stacked
            factors = stack(rank, placed, rows)
            self._kept[name, rank] = made_for, factors
        return factors


def added_by_row(requests: Sequence[tuple[int, LayerLoras]], rows: int, stacks: Stacks) -> dict[str, Hook]:
    """The hook on each layer that any of the requests changes; they stand one after the other, each in so many rows."""
    parts: dict[str, list[tuple[slice, Added]]] = defaultdict(list)
    start = 0
    for length, loras in requests:
        place = slice(start, start + length)
        for name, added in loras.items():
            parts[name].append((place, added))
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
            whole = _added(layer, given, whole, *self._stacks.factors(self._name, layer, rank, placed, self._rows))
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
        factored = _is_factored(layer)
        for place, added in self._parts:
            for change in added.made(output):
                if factored and isinstance(change, LowRank):
                    stacked[_filled(len(change.down))].append((place, change))
                else:
                    single.append((place, change))
        return stacked, single


def _filled(rank: int) -> int:
    """The rank that this one is filled up to: powers of two, of which there are few."""
    return max(RANK, 1 << (rank - 1).bit_length())


def _stacked(rank: int, placed: Sequence[Factored], rows: int) -> Factors:
    """Factors (rows, inputs, rank) and (rows, rank, outputs) of changes to a linear layer."""
    first = placed[0][1]
    down = first.down.new_zeros(rows, first.down[0].numel(), rank)
    up = first.up.new_zeros(rows, rank, len(first.up))
    for place, change in placed:
        own = len(change.down)
        down[place, :, :own] = change.down.flatten(1).T
        up[place, :own] = change.up.flatten(1).T * change.scale
    return down, up


def _stacked_channels(rank: int, placed: Sequence[Factored], rows: int) -> Factors:
    """Factors (rows, rank x places of the kernel, inputs) and (rows, outputs, rank) of changes to a convolution."""
    first = placed[0][1]
    places = first.down[0, 0].numel()
    down = first.down.new_zeros(rows, rank, places, first.down.shape[1])
    up = first.up.new_zeros(rows, len(first.up), rank)
    for place, change in placed:
        own = len(change.down)
        # A convolution looks from a pixel to its neighbours; here each pixel is given on to them, the other way round.
        down[place, :own] = change.down.flip(2, 3).flatten(2).transpose(1, 2)
        up[place, :, :own] = change.up.flatten(1) * change.scale
    return down.flatten(1, 2), up


def _is_factored(layer: torch.nn.Module) -> bool:
    """Whether changes of low rank to this layer are two products."""
    if isinstance(layer, torch.nn.Conv2d):
        plain = (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")
        return plain and not isinstance(layer.padding, str)
    return isinstance(layer, torch.nn.Linear)


def _added(
    layer: torch.nn.Module, given: torch.Tensor, output: torch.Tensor, down: torch.Tensor, up: torch.Tensor
) -> torch.Tensor:
    """`output` and, row by row, `up` of `down` of what came in."""
    if isinstance(layer, torch.nn.Conv2d):
        inner = _convolved(layer, torch.bmm(down, given.flatten(2)), given.shape[2:])
        whole = torch.baddbmm(output.flatten(2), up, inner.flatten(2))
    else:
        tokens = torch.bmm(given.reshape(len(given), -1, given.shape[-1]), down)
        whole = torch.baddbmm(output.reshape(len(output), -1, output.shape[-1]), tokens, up)
    return whole.view_as(output)


def _convolved(layer: torch.nn.Conv2d, products: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """The sum (rows, rank, height, width) over the kernel's places of products (rows, rank x places, pixels)."""
    kernel, padding = layer.kernel_size, [int(side) for side in layer.padding]
    if kernel == (1, 1) and not any(padding):
        whole = torch.unflatten(products, 2, tuple(size))
    else:
        sides = [side + 2 * pad - length + 1 for side, pad, length in zip(size, padding, kernel, strict=True)]
        beyond = [length - 1 - pad for length, pad in zip(kernel, padding, strict=True)]
        whole = fold(products, tuple(sides), kernel, padding=tuple(beyond))
    strided: torch.Tensor = whole[..., :: layer.stride[0], :: layer.stride[1]]
    return strided
