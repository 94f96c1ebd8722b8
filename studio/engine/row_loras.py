"""LoRAs in a step of several requests: each row has its own, at its own weights.

Changes of low rank go through two products for all rows at once, their factors stacked row by row and filled up with
zeros (as in Punica and S-LoRA); any other change is computed for the rows that it is for. A convolution's first product
is one of groups, of which each row is one.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn.functional import conv2d

from studio.engine.changes import Change, LowRank
from studio.engine.lora import Added

# What one request adds to each layer of a network, by the layer's name; all at the same weights.
LayerLoras = Mapping[str, Added]
# A change, and the rows that it is for.
Placed = tuple[slice, Change]
Factored = tuple[slice, LowRank]
Factors = tuple[torch.Tensor, torch.Tensor]
# Changes of less rank are filled up to this one, so that nearly all go through the same two products.
RANK = 16


@dataclass(frozen=True, eq=False)
class RowLoras:
    """The hook on one layer: each of `stacks` is two products for all rows, what is `single` is for its rows alone."""

    stacks: Sequence[Factors]
    single: Sequence[Placed] = ()

    def __call__(self, layer: torch.nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        given = args[0]
        # Each is a change of what the bare model gives out, which is read first; nobody else has the output yet.
        singles = [(place, one.scale * one.added(layer, given[place], output[place])) for place, one in self.single]
        for down, up in self.stacks:
            output = _added(layer, given, output, down, up)
        for place, added in singles:
            output[place] += added
        return output


class RowHooks(dict[str, RowLoras]):
    """The hooks of one step, by the names of their layers; the same object for as long as they stay the same."""

    @cached_property
    def is_stacked(self) -> bool:
        """Whether all that they add is in stacks."""
        return not any(hook.single for hook in self.values())

    @cached_property
    def shape(self) -> Hashable:
        """What hooks have in common whose factors can be copied into one another's."""
        return tuple(
            (name, tuple((down.shape, up.shape) for down, up in hook.stacks)) for name, hook in sorted(self.items())
        )

    def copied(self) -> "RowHooks":
        """The same, whose stacks are in memory of their own."""
        return RowHooks(
            (name, RowLoras([(down.clone(), up.clone()) for down, up in hook.stacks])) for name, hook in self.items()
        )

    def take(self, other: "RowHooks") -> None:
        """Have the stacks of others of the same shape."""
        for name, hook in self.items():
            for mine, new in zip(hook.stacks, other[name].stacks, strict=True):
                for factor, wanted in zip(mine, new, strict=True):
                    factor.copy_(wanted)


class Stacks:
    """The hooks of the last step with LoRAs; while the same requests stand in the same rows, they are used again."""

    def __init__(self) -> None:
        self._made_for: tuple[Any, ...] = ()
        self._hooks = RowHooks()

    def hooks(self, network: torch.nn.Module, requests: Sequence[tuple[int, LayerLoras]], rows: int) -> RowHooks:
        """The hook on each layer that any of the requests changes; they stand one after the other, each in so many of
        the rows.
        """
        if not any(loras for _, loras in requests):
            return RowHooks()
        # What is added is compared by identity, its weights by value: some LoRAs are for a part of the steps.
        made_for = (network, rows, [(length, loras, _weights(loras)) for length, loras in requests])
        if self._made_for != made_for:
            found = {name: _hook(network.get_submodule(name), on, rows) for name, on in _by_layer(requests).items()}
            self._hooks = RowHooks((name, hook) for name, hook in found.items() if hook.stacks or hook.single)
            self._made_for = made_for
        return self._hooks


def _weights(loras: LayerLoras) -> tuple[float, ...]:
    return next((added.weights for added in loras.values()), ())


def _by_layer(requests: Sequence[tuple[int, LayerLoras]]) -> dict[str, list[tuple[slice, Added]]]:
    parts: dict[str, list[tuple[slice, Added]]] = defaultdict(list)
    start = 0
    for length, loras in requests:
        for name, added in loras.items():
            parts[name].append((slice(start, start + length), added))
        start += length
    return parts


def _hook(layer: Any, parts: Sequence[tuple[slice, Added]], rows: int) -> RowLoras:
    """What is added to one layer.

    Each rank has a stack of its own, so that what a row is given does not depend on the ranks of its neighbours.
    """
    stacked: dict[int, list[Factored]] = defaultdict(list)
    single: list[Placed] = []
    factored, stack = _is_factored(layer), _stacking(layer)
    for place, added in parts:
        for change in added.made(layer.weight):
            if factored and isinstance(change, LowRank):
                stacked[_filled(len(change.down))].append((place, change))
            else:
                single.append((place, change))
    return RowLoras([stack(rank, placed, rows) for rank, placed in stacked.items()], single)


def _filled(rank: int) -> int:
    """The rank that this one is filled up to: powers of two, of which there are few."""
    return max(RANK, 1 << (rank - 1).bit_length())


def _stacking(layer: Any) -> Callable[[int, Sequence[Factored], int], Factors]:
    """How factors are stacked for a layer."""
    if not isinstance(layer, torch.nn.Conv2d):
        return _stacked
    single = layer.kernel_size == layer.stride == (1, 1) and layer.padding in ((0, 0), "valid")
    return _stacked_pixels if single else _stacked_kernels


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


def _stacked_kernels(rank: int, placed: Sequence[Factored], rows: int) -> Factors:
    """Factors (rows x rank, inputs, height, width) and (rows, outputs, rank) of changes to a convolution."""
    first = placed[0][1]
    down = first.down.new_zeros(rows, rank, *first.down.shape[1:])
    up = first.up.new_zeros(rows, len(first.up), rank)
    for place, change in placed:
        own = len(change.down)
        down[place, :own] = change.down
        up[place, :, :own] = change.up.flatten(1) * change.scale
    return down.flatten(0, 1), up


def _stacked_pixels(rank: int, placed: Sequence[Factored], rows: int) -> Factors:
    """Factors (rows, rank, inputs) and (rows, outputs, rank) of changes to a convolution that sees one pixel each."""
    down, up = _stacked_kernels(rank, placed, rows)
    return down.view(rows, rank, -1), up


def _is_factored(layer: torch.nn.Module) -> bool:
    """Whether changes of low rank to this layer are two products."""
    if isinstance(layer, torch.nn.Conv2d):
        return (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")
    return isinstance(layer, torch.nn.Linear)


def _added(
    layer: torch.nn.Module, given: torch.Tensor, output: torch.Tensor, down: torch.Tensor, up: torch.Tensor
) -> torch.Tensor:
    """`output` and, row by row, `up` of `down` of what came in; it is added in place where that can be."""
    if not isinstance(layer, torch.nn.Conv2d):
        tokens = torch.bmm(given.reshape(len(given), -1, given.shape[-1]), down)
        return output.reshape(len(output), -1, output.shape[-1]).baddbmm_(tokens, up).view_as(output)
    if down.dim() == 3:
        inner = torch.bmm(down, given.flatten(2))
    else:  # each row is a group of one convolution, with kernels of its own
        beside = given.reshape(1, -1, *given.shape[2:])
        inner = conv2d(beside, down, None, layer.stride, layer.padding, groups=len(given))
        inner = inner.view(len(given), up.shape[2], -1)
    return output.flatten(2).baddbmm_(up, inner).view_as(output)
