"""One forward of a network for several requests: their rows side by side, and each gets its own rows of the answer.

Nothing in a UNet crosses rows: its norms and attentions see one sample at a time. So requests may differ in all that is
said for each row (noise, timestep, words, size conditions, maps), and have to share only what `Call.key` names.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch

from studio.engine.lora import Hook, hooked
from studio.engine.row_loras import LayerLoras, Stacks
from studio.speedups.deep_cache import Deep, noted, repeated

# What ControlNets add. Rows without any are given zeros, which change nothing.
RESIDUALS = ("down_block_additional_residuals", "mid_block_additional_residual")


@dataclass(frozen=True, eq=False)
class Call:
    """A call of `network` that somebody waits for, as a pipeline made it: `sample` (rows, channels, height, width).

    `given` are its other arguments, `loras` what is added to its layers for these rows. With `deep`, what its deep
    blocks answer is kept there, or said again where it `repeats` that.
    """

    network: Any
    sample: torch.Tensor
    timestep: Any
    given: Mapping[str, Any] = field(default_factory=dict)
    loras: LayerLoras = field(default_factory=dict)
    deep: Deep | None = None
    repeats: bool = False

    @property
    def rows(self) -> int:
        """How many rows it has: two for each picture with guidance."""
        return len(self.sample)

    @cached_property
    def key(self) -> Hashable:
        """What calls have in common that are answered together: weights, numbers, sizes, kinds of conditions."""
        return (id(self.network), self.repeats, self.shapes)

    @cached_property
    def shapes(self) -> Hashable:
        """The same without the weights."""
        alike = {name: value for name, value in self.given.items() if name not in RESIDUALS}
        return (shape_of(self.sample, self.rows), shape_of(alike, self.rows))


class Runner(Protocol):
    """Computes one forward: what `network` answers with these `hooks` on its layers."""

    def __call__(
        self,
        network: Any,
        sample: torch.Tensor,
        timestep: Any,
        given: Mapping[str, Any],
        hooks: Mapping[str, Hook],
        /,
    ) -> Any: ...


def eager(
    network: Any, sample: torch.Tensor, timestep: Any, given: Mapping[str, Any], hooks: Mapping[str, Hook]
) -> Any:
    """A forward as torch makes it, one operation after the other."""
    with hooked(network, hooks):
        return network(sample, timestep, **given)


def forward(calls: Sequence[Call], rows: int, stacks: Stacks, *, exact: bool = False, run: Runner = eager) -> list[Any]:
    """The answer to each of `calls`, which share a key, from one forward of at least as many rows as theirs.

    A call that fills it by itself is made as its pipeline made it; an `exact` one as it would be beside others.
    """
    first = calls[0]
    # Deep blocks that are noted or repeated have hooks and forwards of their own.
    run = eager if any(call.deep for call in calls) else run
    if len(calls) == 1 and first.rows == rows and not exact:
        with _deep(calls, 0):
            return [run(first.network, first.sample, first.timestep, first.given, first.loras)]
    lengths = [call.rows for call in calls]
    padding = rows - sum(lengths)
    given = _beside([call.given for call in _with_residuals(calls)], padding)
    sample = _beside([call.sample for call in calls], padding)
    hooks = stacks.hooks(first.network, [(call.rows, call.loras) for call in calls], rows)
    with _deep(calls, padding):
        answer = run(first.network, sample, _timesteps(calls, padding), given, hooks)
    return _parted(answer, lengths)


@contextmanager
def _deep(calls: Sequence[Call], padding: int) -> Iterator[None]:
    """While this lasts, the deep blocks repeat what they said of these rows, or what they say of them is kept."""
    network = calls[0].network
    if calls[0].repeats:
        known = [call.deep.answers for call in calls if call.deep]
        with repeated(network, [_as_tuples(_beside(each, padding)) for each in zip(*known, strict=True)]):
            yield
        return
    if not any(call.deep for call in calls):
        yield
        return
    with noted(network) as answers:
        yield
    parts = [_parted(answer, [call.rows for call in calls]) for answer in answers]
    for place, call in enumerate(calls):
        if call.deep:
            call.deep.answers = [part[place] for part in parts]


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _timesteps(calls: Sequence[Call], padding: int) -> torch.Tensor:
    """One timestep a row; UNets compute with float32 of whatever they are given."""
    values = [torch.as_tensor(call.timestep).float().expand(call.rows) for call in calls]
    device = calls[0].sample.device
    if device.type == "cuda" and all(value.device.type == "cpu" for value in values):
        # From pinned memory the copy does not wait for the device.
        return torch.cat([*values, torch.zeros(padding)]).pin_memory().to(device, non_blocking=True)
    return torch.cat([*(value.to(device) for value in values), torch.zeros(padding, device=device)])


def _with_residuals(calls: Sequence[Call]) -> list[Call]:
    """The same calls, all with residuals where one has some."""
    leader = next((call for call in calls if call.given.get(RESIDUALS[0]) is not None), None)
    if leader is None:
        return list(calls)
    model = {name: leader.given[name] for name in RESIDUALS}
    return [
        call
        if call.given.get(RESIDUALS[0]) is not None
        else Call(call.network, call.sample, call.timestep, {**call.given, **_zeros(model, call.rows)})
        for call in calls
    ]


def _zeros(model: Any, rows: int) -> Any:
    """Zeros for so many rows in the shape of `model`."""
    match model:
        case torch.Tensor():
            return model.new_zeros(rows, *model.shape[1:])
        case dict():
            return {name: _zeros(value, rows) for name, value in model.items()}
        case _:
            return [_zeros(value, rows) for value in model]


def _beside(values: Sequence[Any], padding: int) -> Any:
    """Values of one shape with their rows side by side, and rows of zeros at the end."""
    first = values[0]
    match first:
        case torch.Tensor():
            return torch.cat([*values, first.new_zeros(padding, *first.shape[1:])])
        case dict():
            return {name: _beside([value[name] for value in values], padding) for name in first}
        case list() | tuple():
            return [_beside(parts, padding) for parts in zip(*values, strict=True)]
        case _:
            return first


def _parted(answer: Any, lengths: Sequence[int]) -> list[Any]:
    """What of an answer is for each of so many rows."""
    if isinstance(answer, torch.Tensor):
        return list(torch.split(answer[: sum(lengths)], list(lengths)))
    parts = [_parted(part, lengths) for part in answer]
    return [tuple(part[place] for part in parts) for place in range(len(lengths))]


def shape_of(value: Any, rows: int) -> Hashable:
    """What of a value has to be the same for rows to stand side by side; itself where it has none."""
    match value:
        case torch.Tensor() if value.dim() and len(value) == rows:
            return (tuple(value.shape[1:]), value.dtype, value.device)
        case dict():
            return tuple((name, shape_of(value[name], rows)) for name in sorted(value))
        case list() | tuple():
            return tuple(shape_of(part, rows) for part in value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return id(value)
