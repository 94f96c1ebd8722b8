"""Convolutions of many pixels and few kernels in a step: rows that have a LoRA go through kernels of their own.

There two products more cost a large part of what the convolution itself costs; one of groups, of which each row is one,
costs what that of all rows by the same kernels does.
"""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import conv2d

from studio.engine.changes import LowRank
from studio.engine.lora import Hook

# A product of one row goes another way than one of several, which are all the same to a row.
FEWEST = 2
# Kernels of more numbers than these take longer to be read than they save.
MOST_NUMBERS = 100_000
# They pay where for each kernel there are so many pixels.
PIXELS = 8
# Kernels that were made, by the change; each again as long as it is there.
Kernels = MutableMapping[LowRank, torch.Tensor]


@dataclass(frozen=True, eq=False)
class OwnKernels:
    """Stands in for a convolution. `own` are changes of rows that have no other; `added` adds these and all others to
    what the layer gives out, `others` the others alone.
    """

    added: Hook
    others: Hook
    own: Sequence[tuple[slice, LowRank]]
    known: Kernels
    _runs: dict[int, torch.Tensor] = field(default_factory=dict)

    def __call__(self, layer: Any, given: torch.Tensor) -> torch.Tensor:
        """What the layer gives out, and what is added."""
        if given.shape[2] * given.shape[3] < PIXELS * layer.out_channels:
            return self.added(layer, (given,), _bare(layer, given))
        parts, row, rows = list[torch.Tensor](), 0, len(given)
        for place, run in runs(self.own):
            if row < place.start:
                parts.append(_plain(layer, given, slice(row, place.start)))
            parts.append(self._by_own(layer, given, place, run))
            row = place.stop
        if row < rows:
            parts.append(_plain(layer, given, slice(row, rows)))
        return self.others(layer, (given,), parts[0] if len(parts) == 1 else torch.cat(parts))

    def _by_own(
        self, layer: Any, given: torch.Tensor, place: slice, run: Sequence[tuple[slice, LowRank]]
    ) -> torch.Tensor:
        wide = widened(place, len(given))
        if place.start not in self._runs:
            self._runs[place.start] = torch.cat(list(self._kernels(layer, wide, place, run)))
        kernels, taken = self._runs[place.start], given[wide]
        bias = None if layer.bias is None else layer.bias.repeat(len(taken))
        beside = taken.reshape(1, -1, *taken.shape[2:])
        made = conv2d(beside, kernels, bias, layer.stride, layer.padding, groups=len(taken))
        return _within(made.view(len(taken), -1, *made.shape[2:]), place, wide)

    def _kernels(
        self, layer: Any, wide: slice, place: slice, run: Sequence[tuple[slice, LowRank]]
    ) -> Sequence[torch.Tensor]:
        """The kernels of each row; the layer's own for one that is there for company."""
        own = list[torch.Tensor]()
        for rows, change in run:
            if change not in self.known:
                self.known[change] = layer.weight + change.scale * change.weight(layer.weight.shape)
            own += [self.known[change]] * (rows.stop - rows.start)
        return [*[layer.weight] * (place.start - wide.start), *own, *[layer.weight] * (wide.stop - place.stop)]


def runs(placed: Sequence[tuple[slice, Any]]) -> list[tuple[slice, list[tuple[slice, Any]]]]:
    """The same in runs of rows that stand beside one another."""
    made: list[tuple[slice, list[tuple[slice, Any]]]] = []
    for one in placed:
        if made and made[-1][0].stop == one[0].start:
            before, run = made.pop()
            made.append((slice(before.start, one[0].stop), [*run, one]))
        else:
            made.append((one[0], [one]))
    return made


def widened(place: slice, rows: int) -> slice:
    """With a neighbour, where it is one row of several."""
    if place.stop - place.start >= min(FEWEST, rows):
        return place
    return slice(place.start, place.stop + 1) if place.stop < rows else slice(place.start - 1, place.stop)


def _plain(layer: Any, given: torch.Tensor, place: slice) -> torch.Tensor:
    wide = widened(place, len(given))
    return _within(_bare(layer, given[wide]), place, wide)


def _bare(layer: Any, given: torch.Tensor) -> torch.Tensor:
    made: torch.Tensor = type(layer).forward(layer, given)
    return made


def _within(made: torch.Tensor, place: slice, wide: slice) -> torch.Tensor:
    return made[place.start - wide.start : place.stop - wide.start]
