"""LoRAs in a step of several requests: each row has its own, at its own weights.

Changes of low rank go through two products for many rows at once, their factors stacked row by row and filled up with
zeros (as in Punica and S-LoRA); any other change is computed for the rows that it is for. A convolution's first product
is one of groups, of which each row is one.

On a processor each run of rows whose changes have one rank has products of its own, so that nobody computes zeros for
others; on a card a product costs more than the zeros, and all rows share one.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import conv2d

from studio.engine.changes import Change, LowRank
from studio.engine.lora import Added
from studio.engine.own_kernels import FEWEST, MOST_NUMBERS, Kernels, OwnKernels, runs, widened

# What one request adds to each layer of a network, by the layer's name; all at the same weights.
LayerLoras = Mapping[str, Added]
# A change, and the rows that it is for.
Placed = tuple[slice, Change]
Factors = tuple[torch.Tensor, torch.Tensor]
# The factors of one change for each of its rows.
Factored = tuple[slice, Factors]
# Changes of less rank are filled up to these: a processor computes eight numbers at a time, and on a card nearly all go
# through the same two products.
RANK, CARD_RANK = 8, 16


@dataclass(frozen=True, eq=False)
class Stack:
    """Two products for the rows at a place."""

    place: slice
    down: torch.Tensor
    up: torch.Tensor

    @property
    def shape(self) -> Hashable:
        """What it has in common with those whose factors can be copied into its own."""
        return (self.place.start, self.place.stop, self.down.shape, self.up.shape)


@dataclass(frozen=True, eq=False)
class RowLoras:
    """The hook on one layer: each of `stacks` is for a run of rows, what is `single` is for its rows alone.

    Where there is something `instead`, that stands in for the layer.
    """

    stacks: Sequence[Stack]
    single: Sequence[Placed] = ()
    instead: OwnKernels | None = None

    def __call__(self, layer: torch.nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        given = args[0]
        # Each is a change of what the bare model gives out, which is read first; nobody else has the output yet.
        singles = [(place, one.scale * one.added(layer, given[place], output[place])) for place, one in self.single]
        for one in self.stacks:
            _add(layer, given[one.place], output[one.place], one.down, one.up)
        for place, added in singles:
            output[place] += added
        return output


def rank_of(loras: LayerLoras) -> int:
    """What those who are to stand beside one another have in common, as far as one layer tells; 0 without LoRAs."""
    added = next(iter(loras.values()), None)
    return _filled(added.rank, RANK) if added and added.rank else 0


@cache
@torch.no_grad()
def runs_are_alike(threads: int) -> bool:
    """Whether a row's products come out the same in runs of any length, with so many threads; tried on some."""
    del threads  # those that torch has
    for channels, side in ((40, 32), (128, 8), (144, 4)):
        with torch.random.fork_rng([]):
            layer = torch.nn.Conv2d(channels, channels, 3, padding=1)
        given = torch.arange(16.0 * channels * side * side).sin().view(16, channels, side, side)
        down = torch.arange(16.0 * RANK * channels * 9).cos().view(16 * RANK, channels, 3, 3)
        up = torch.arange(16.0 * channels * RANK).sin().view(16, channels, RANK)
        made = [_first_of(layer, given[:rows], down[: rows * RANK], up[:rows]) for rows in (FEWEST, 6, 16)]
        if not all(torch.equal(one, made[0]) for one in made):
            return False
    return True


def _first_of(layer: Any, given: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """What a convolution gives out for the first of some rows, with what is added, and by kernels of its own."""
    bare = layer(given)
    output = bare.clone()
    _add(layer, given, output, down, up)
    kernels = layer.weight.repeat(len(given), 1, 1, 1)
    own = conv2d(given.reshape(1, -1, *given.shape[2:]), kernels, None, 1, 1, groups=len(given))
    return torch.cat([bare[0], output[0], own[0, : layer.out_channels]])


class RowHooks(dict[str, RowLoras]):
    """The hooks of one step, by the names of their layers; the same object for as long as they stay the same."""

    @cached_property
    def is_stacked(self) -> bool:
        """Whether all that they add is in stacks."""
        return not any(hook.single or hook.instead for hook in self.values())

    @cached_property
    def shape(self) -> Hashable:
        """What hooks have in common whose factors can be copied into one another's."""
        return tuple((name, tuple(one.shape for one in hook.stacks)) for name, hook in sorted(self.items()))

    def copied(self) -> "RowHooks":
        """The same, whose stacks are in memory of their own."""
        return RowHooks(
            (name, RowLoras([Stack(one.place, one.down.clone(), one.up.clone()) for one in hook.stacks]))
            for name, hook in self.items()
        )

    def take(self, other: "RowHooks") -> None:
        """Have the stacks of others of the same shape."""
        for name, hook in self.items():
            for mine, new in zip(hook.stacks, other[name].stacks, strict=True):
                mine.down.copy_(new.down)
                mine.up.copy_(new.up)


class Known:
    """What was made of changes, each again for as long as that change is there."""

    def __init__(self) -> None:
        self.factors: MutableMapping[LowRank, Factors] = WeakKeyDictionary()
        self.kernels: Kernels = WeakKeyDictionary()


class Stacks:
    """The hooks of the last step with LoRAs; while the same requests stand in the same rows, they are used again."""

    def __init__(self) -> None:
        self._made_for: tuple[Any, ...] = ()
        self._hooks = RowHooks()
        self._known = Known()

    def hooks(self, network: torch.nn.Module, requests: Sequence[tuple[int, LayerLoras]], rows: int) -> RowHooks:
        """The hook on each layer that any of the requests changes; they stand one after the other, each in so many of
        the rows.
        """
        if not any(loras for _, loras in requests):
            return RowHooks()
        # What is added is compared by identity, its weights by value: some LoRAs are for a part of the steps.
        made_for = (network, rows, [(length, loras, _weights(loras)) for length, loras in requests])
        if self._made_for != made_for:
            found = {
                name: _hook(network.get_submodule(name), on, rows, self._known)
                for name, on in _by_layer(requests).items()
            }
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


def _hook(layer: Any, parts: Sequence[tuple[slice, Added]], rows: int, known: Known) -> RowLoras:
    """What is added to one layer."""
    low: list[tuple[slice, LowRank]] = []
    single: list[Placed] = []
    # Those whose rows have no other change.
    own: list[tuple[slice, LowRank]] = []
    factored = _is_factored(layer)
    for place, added in parts:
        changes = added.made(layer.weight)
        ours = [(place, one) for one in changes if factored and isinstance(one, LowRank)]
        low += ours
        single += [(place, one) for one in changes if not (factored and isinstance(one, LowRank))]
        own += ours if len(ours) == len(changes) == 1 else []
    in_runs = layer.weight.device.type == "cpu" and runs_are_alike(torch.get_num_threads())
    stacks = _stacks(layer, low, rows, known, in_runs=in_runs)
    if not (in_runs and own and _sees_neighbours(layer) and layer.weight.numel() <= MOST_NUMBERS):
        return RowLoras(stacks, single)
    rest = _stacks(layer, [one for one in low if one not in own], rows, known, in_runs=True)
    return RowLoras(stacks, single, OwnKernels(RowLoras(stacks, single), RowLoras(rest, single), own, known.kernels))


def _stacks(
    layer: Any, placed: Sequence[tuple[slice, LowRank]], rows: int, known: Known, *, in_runs: bool
) -> list[Stack]:
    """The stacks of changes to a layer.

    Each rank has a stack of its own, so that what a row is given does not depend on the ranks of its neighbours.
    """
    stacked: dict[int, list[Factored]] = defaultdict(list)
    factors = _factors_for(layer)
    for place, change in placed:
        rank = _filled(len(change.down), RANK if in_runs else CARD_RANK)
        if change not in known.factors:
            known.factors[change] = factors(change, rank)
        stacked[rank].append((place, known.factors[change]))
    if not in_runs:
        return [_stack(slice(0, rows), each, layer) for each in stacked.values()]
    found = [run for each in stacked.values() for run in runs(each)]
    return [_stack(widened(place, rows), each, layer) for place, each in found]


def _filled(rank: int, least: int) -> int:
    """The rank that this one is filled up to: powers of two, of which there are few."""
    return max(least, 1 << (rank - 1).bit_length())


def _stack(place: slice, placed: Sequence[Factored], layer: Any) -> Stack:
    """The factors of each row at a place; zeros for those that have none."""
    downs, ups, row = list[torch.Tensor](), list[torch.Tensor](), place.start
    first_down, first_up = placed[0][1]
    for own, (down, up) in placed:
        if row < own.start:
            downs.append(down.new_zeros(own.start - row, *down.shape))
            ups.append(up.new_zeros(own.start - row, *up.shape))
        downs.append(down.expand(own.stop - own.start, *down.shape))
        ups.append(up.expand(own.stop - own.start, *up.shape))
        row = own.stop
    if row < place.stop:
        downs.append(first_down.new_zeros(place.stop - row, *first_down.shape))
        ups.append(first_up.new_zeros(place.stop - row, *first_up.shape))
    down, up = torch.cat(downs), torch.cat(ups)
    return Stack(place, down.flatten(0, 1) if _sees_neighbours(layer) else down, up)


def _factors_for(layer: Any) -> Callable[[LowRank, int], Factors]:
    """How a change to a layer is one row's two factors of a rank."""
    if not isinstance(layer, torch.nn.Conv2d):
        return _of_linear
    return _of_kernels if _sees_neighbours(layer) else _of_pixels


def _sees_neighbours(layer: Any) -> bool:
    """Whether it is a convolution of more than one pixel at a time, or of some of the pixels."""
    if not isinstance(layer, torch.nn.Conv2d):
        return False
    return not (layer.kernel_size == layer.stride == (1, 1) and layer.padding in ((0, 0), "valid"))


def _of_linear(change: LowRank, rank: int) -> Factors:
    """Factors (inputs, rank) and (rank, outputs) of a change to a linear layer."""
    own = len(change.down)
    down = change.down.new_zeros(change.down[0].numel(), rank)
    up = change.up.new_zeros(rank, len(change.up))
    down[:, :own] = change.down.flatten(1).T
    up[:own] = change.up.flatten(1).T * change.scale
    return down, up


def _of_kernels(change: LowRank, rank: int) -> Factors:
    """Factors (rank, inputs, height, width) and (outputs, rank) of a change to a convolution."""
    own = len(change.down)
    down = change.down.new_zeros(rank, *change.down.shape[1:])
    up = change.up.new_zeros(len(change.up), rank)
    down[:own] = change.down
    up[:, :own] = change.up.flatten(1) * change.scale
    return down, up


def _of_pixels(change: LowRank, rank: int) -> Factors:
    """Factors (rank, inputs) and (outputs, rank) of a change to a convolution that sees one pixel each."""
    down, up = _of_kernels(change, rank)
    return down.flatten(1), up


def _is_factored(layer: torch.nn.Module) -> bool:
    """Whether changes of low rank to this layer are two products."""
    if isinstance(layer, torch.nn.Conv2d):
        return (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")
    return isinstance(layer, torch.nn.Linear)


def _add(layer: Any, given: torch.Tensor, output: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> None:
    """Add to `output`, row by row, `up` of `down` of what came in."""
    if not isinstance(layer, torch.nn.Conv2d):
        flat = output.reshape(len(output), -1, output.shape[-1])
        flat.baddbmm_(torch.bmm(given.reshape(len(given), -1, given.shape[-1]), down), up)
    else:
        flat = output.flatten(2).baddbmm_(up, _inner(layer, given, down, up.shape[2]))
    if flat.data_ptr() != output.data_ptr():  # channels last, or otherwise strewn
        output.copy_(flat.view_as(output))


def _inner(layer: torch.nn.Conv2d, given: torch.Tensor, down: torch.Tensor, rank: int) -> torch.Tensor:
    """(rows, rank, pixels): the first product of a convolution."""
    if down.dim() == 3:
        return torch.bmm(down, given.flatten(2))
    # Each row is a group of one convolution, with kernels of its own.
    beside = given.reshape(1, -1, *given.shape[2:])
    inner = conv2d(beside, down, None, layer.stride, layer.padding, groups=len(given))
    return inner.view(len(given), rank, -1)
