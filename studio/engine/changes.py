"""What a file changes a layer by: each kind of change as what the layer gives out more, never multiplied out.

ΔW is what the published weight W would become more: an added output is ΔW applied to what the layer was given, or to
what it gave out, whichever takes less memory. The formulas are those of LyCORIS, for DoRA those of A1111: a weight
other than 1 goes part of the way from W to what the file makes of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import prod
from typing import Any, Self, cast

import torch
from torch.nn.functional import conv2d, embedding, group_norm, layer_norm, linear

from studio.engine.layer_names import Place

Roles = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False, kw_only=True)
class Change(ABC):
    """What a layer gives out more, times `scale`."""

    scale: float = 1.0

    @abstractmethod
    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """What the layer gives out more for what it was `given`, where it gave out `output`; without `scale`."""

    def weight(self, shape: Sequence[int]) -> torch.Tensor:
        """ΔW in the shape of the layer's weight, without `scale`."""
        raise NotImplementedError(f"{type(self).__name__} changes no weight")

    def stretched(self, factor: torch.Tensor, shape: Sequence[int]) -> "Change":
        """The same change with each output times its factor."""
        return Full(by_row(factor, len(shape)) * self.weight(shape), scale=self.scale)

    def to(self, like: torch.Tensor) -> Self:
        """The same where `like` is, in its numbers.

        Each tensor is contiguous: products of one that is a view of another, transposed, differ in their last bits from
        those of the same numbers read from a file.
        """
        moved: Any = {name: tensor.to(like).contiguous() for name, tensor in self._tensors()}
        return replace(self, **moved)

    @property
    def bytes(self) -> int:
        """What its tensors take."""
        return sum(tensor.nbytes for _, tensor in self._tensors())

    def _tensors(self) -> list[tuple[str, torch.Tensor]]:
        held = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, value) for name, value in held if isinstance(value, torch.Tensor)]


@dataclass(frozen=True, eq=False)
class LowRank(Change):
    """`up` of `down` of what comes in (LoRA, LoCon)."""

    down: torch.Tensor
    up: torch.Tensor

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del output
        if isinstance(layer, torch.nn.Conv2d):
            return conv2d(_applied(layer, self.down, given), self.up)
        return linear(linear(given, self.down), self.up)

    def weight(self, shape: Sequence[int]) -> torch.Tensor:
        return (self.up.flatten(1) @ self.down.flatten(1)).reshape(*shape)

    def stretched(self, factor: torch.Tensor, shape: Sequence[int]) -> Change:
        del shape
        return replace(self, up=by_row(factor, self.up.dim()) * self.up)


@dataclass(frozen=True, eq=False)
class Hadamard(Change):
    """A product, number by number, of two changes of low rank (LoHa); it is a weight for the moment of a call only."""

    first_up: torch.Tensor
    first_down: torch.Tensor
    second_up: torch.Tensor
    second_down: torch.Tensor

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del output
        return _applied(layer, self.weight(layer.weight.shape), given)

    def weight(self, shape: Sequence[int]) -> torch.Tensor:
        product = (self.first_up @ self.first_down).mul_(self.second_up @ self.second_down)
        return product.reshape(*shape)

    def stretched(self, factor: torch.Tensor, shape: Sequence[int]) -> Change:
        del shape
        return replace(self, first_up=factor[:, None] * self.first_up)


@dataclass(frozen=True, eq=False)
class Kronecker(Change):
    """A Kronecker product (LoKr): `inner` on each part of what comes in, then `outer` across the parts."""

    outer: torch.Tensor
    inner: torch.Tensor

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del output
        parts = self.outer.shape[1]
        if isinstance(layer, torch.nn.Conv2d):
            inside = _applied(layer, self.inner, torch.unflatten(given, 1, (parts, -1)).flatten(0, 1))
            return torch.einsum("bmkhw,lm->blkhw", torch.unflatten(inside, 0, (-1, parts)), self.outer).flatten(1, 2)
        inside = linear(torch.unflatten(given, -1, (parts, -1)), self.inner)
        return torch.einsum("...mk,lm->...lk", inside, self.outer).flatten(-2)

    def weight(self, shape: Sequence[int]) -> torch.Tensor:
        outer = self.outer.reshape(*self.outer.shape, *(1 for _ in self.inner.shape[2:]))
        return torch.kron(outer, self.inner).reshape(*shape)


@dataclass(frozen=True, eq=False)
class Full(Change):
    """A change as large as the layer itself, of whatever sort the layer is."""

    delta: torch.Tensor

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del output
        if isinstance(layer, torch.nn.LayerNorm):
            return layer_norm(given, layer.normalized_shape, self.delta, None, layer.eps)
        if isinstance(layer, torch.nn.GroupNorm):
            return group_norm(given, layer.num_groups, self.delta, None, layer.eps)
        return _applied(layer, self.delta, given)

    def weight(self, shape: Sequence[int]) -> torch.Tensor:
        return self.delta.reshape(*shape)


@dataclass(frozen=True, eq=False)
class Bias(Change):
    """What is added to each output, whatever comes in."""

    delta: torch.Tensor

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del given
        return _by_channel(self.delta, layer, output)


@dataclass(frozen=True, eq=False)
class Stretch(Change):
    """Each output `factor` times more than it is, its bias left out (the part of a DoRA that is not its ΔW)."""

    factor: torch.Tensor
    bias: torch.Tensor

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del given
        return (output - _by_channel(self.bias, layer, output)) * _by_channel(self.factor, layer, output)


@dataclass(frozen=True, eq=False)
class Rotation(Change):
    """Outputs turned in blocks, then stretched (OFT); with several `turns` butterfly-wise (BOFT).

    `turns` (count, blocks, size, size) say what turning adds to each block; `stretch` has one factor for each output.
    """

    turns: torch.Tensor
    stretch: torch.Tensor
    bias: torch.Tensor
    butterfly: bool

    def added(self, layer: Any, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        del given
        plain = output - _by_channel(self.bias, layer, output)
        plain = plain.movedim(1, -1) if isinstance(layer, torch.nn.Conv2d) else plain
        turned = self._turned(plain) * self.stretch - plain
        return turned.movedim(-1, 1) if isinstance(layer, torch.nn.Conv2d) else turned

    def _turned(self, values: torch.Tensor) -> torch.Tensor:
        size = self.turns.shape[-1]
        for number, turn in enumerate(self.turns):
            # Wing by wing, what stands far apart comes into one block: (c g k) -> (c k g) and back.
            wing = 2**number * size // 2
            if self.butterfly:
                values = torch.unflatten(values, -1, (-1, 2, wing)).transpose(-2, -1).flatten(-3)
            blocks = torch.unflatten(values, -1, (-1, size))
            values = (blocks + torch.einsum("bij,...bj->...bi", turn, blocks)).flatten(-2)
            if self.butterfly:
                values = torch.unflatten(values, -1, (-1, wing, 2)).transpose(-2, -1).flatten(-3)
        return values


def changes_of(roles: Roles, layer: Any, place: Place, dtype: torch.dtype, alpha: float | None) -> tuple[Change, ...]:
    """What the tensors of a layer make together; ValueError, LookupError or RuntimeError where they do not fit it."""
    left = _untuckered(dict(roles))
    alpha = float(left.pop("alpha")) if "alpha" in left else alpha
    bias = left.pop("diff_b", None)
    magnitude = left.pop("dora_scale", None)
    if "lora_magnitude_vector" in left:  # of PEFT, which knows no lengths of columns
        magnitude = left.pop("lora_magnitude_vector").flatten()
    made: list[Change] = []
    if "oft_blocks" in left:
        _check(place.rows is None)
        made.append(_rotation(left, layer, alpha))
    elif left:
        made.append(_of_weight(left, tuple(layer.weight.shape), place, alpha))
    if magnitude is not None:
        made = _decomposed(made, layer, magnitude, place)
    if bias is not None:
        made.append(Bias(_rows(bias, place).reshape(len(layer.weight))))
    # What looks up or normalises has no inputs to weigh.
    _check(isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) or all(isinstance(one, Full | Bias) for one in made))
    _check(bool(made) and not left)
    return tuple(change.to(torch.empty(0, dtype=dtype)) for change in made)


def by_row(values: torch.Tensor, dims: int) -> torch.Tensor:
    """One value for each row of a tensor of so many dimensions."""
    return values.reshape(-1, *(1 for _ in range(dims - 1)))


def _of_weight(left: Roles, shape: tuple[int, ...], place: Place, alpha: float | None) -> Change:
    """The change of the weight itself, whose tensors are taken from those that are left."""
    made: Change
    if "hada_w1_a" in left:
        rank = left["hada_w1_a"].shape[1]
        made = _hadamard(left, shape, place)
    elif "lokr_w1" in left or "lokr_w1_a" in left:
        made, rank = _kronecker(left, shape, place)
    elif "diff" in left:
        return Full(_rows(left.pop("diff"), place).reshape(shape))
    else:
        rank = left["up"].shape[1]
        made = _low_rank(left, shape, place)
    # A LoKr of two whole factors has no rank, and what it says of alpha means nothing.
    return replace(made, scale=1.0 if alpha is None or not rank else alpha / rank)


def _low_rank(left: Roles, shape: tuple[int, ...], place: Place) -> LowRank:
    down, up = left.pop("down"), _rows(left.pop("up"), place)
    rank = up.shape[1]
    if "mid" in left:
        down = torch.einsum("mnkl,ni->mikl", left.pop("mid"), down.flatten(1))
    _check(down.shape[:2] == (rank, shape[1]) and up.shape[0] == shape[0])
    # Of a 1x1 convolution and a linear layer, a file may hold the one where the model has the other.
    wide = down.shape[0]
    return LowRank(down.reshape(wide, *shape[1:]), up.reshape(shape[0], wide, *(1 for _ in shape[2:])))


def _hadamard(left: Roles, shape: tuple[int, ...], place: Place) -> Hadamard:
    ups = [_rows(left.pop(f"hada_w{n}_a"), place) for n in (1, 2)]
    downs = [left.pop(f"hada_w{n}_b").flatten(1) for n in (1, 2)]
    for up, down in zip(ups, downs, strict=True):
        _check(up.shape == (shape[0], len(down)) and down.shape[1] == prod(shape[1:]))
    return Hadamard(ups[0], downs[0], ups[1], downs[1])


def _kronecker(left: Roles, shape: tuple[int, ...], place: Place) -> tuple[Change, int]:
    """The product, and its rank; 0 where both factors are whole."""
    (outer, first), (inner, second) = (_factor(left, f"lokr_w{n}") for n in (1, 2))
    rows = len(outer) * len(inner)
    _check(outer.dim() == 2 and (place.rows is not None or rows == shape[0]))
    made = Kronecker(outer, inner.reshape(len(inner), shape[1] // outer.shape[1], *shape[2:]))
    if place.rows is None and not place.swapped:
        return made, first or second
    return Full(_rows(made.weight((rows, *shape[1:])), place).reshape(shape)), first or second


def _factor(left: Roles, name: str) -> tuple[torch.Tensor, int]:
    """A factor, which may be given as two of low rank, and that rank."""
    if name in left:
        return left.pop(name), 0
    up, down = left.pop(f"{name}_a"), left.pop(f"{name}_b")
    return (up @ down.flatten(1)).reshape(len(up), *down.shape[1:]), up.shape[1]


def _untuckered(roles: Roles) -> Roles:
    """The same with the core of a Tucker decomposition put into the second of its two factors."""
    for core, first, second in (("hada_t1", "hada_w1_a", "hada_w1_b"), ("hada_t2", "hada_w2_a", "hada_w2_b")):
        if core in roles:
            roles[second] = torch.einsum("ij...,jr->ir...", roles.pop(core), roles[second])
            roles[first] = roles[first].T
    if "lokr_t2" in roles:
        roles["lokr_w2_b"] = torch.einsum("ij...,jr->ir...", roles.pop("lokr_t2"), roles["lokr_w2_b"])
        roles["lokr_w2_a"] = roles["lokr_w2_a"].T
    return roles


def _decomposed(made: Sequence[Change], layer: Any, magnitude: torch.Tensor, place: Place) -> list[Change]:
    """A change of a weight whose rows, or columns in older files, are brought to given lengths (DoRA)."""
    (change,) = made
    weight = layer.weight.detach().to("cpu", torch.float32)
    whole = weight + change.scale * change.weight(weight.shape).float()
    if magnitude.dim() > 1 and magnitude.shape[0] == 1 != len(weight):
        lengths = whole.transpose(0, 1).flatten(1).norm(dim=1)
        factor = magnitude.flatten().float() / lengths.clamp_min(torch.finfo(torch.float32).eps)
        return [Full(whole * factor.reshape(1, -1, *(1 for _ in weight.shape[2:])) - weight)]
    lengths = whole.flatten(1).norm(dim=1).clamp_min(torch.finfo(torch.float32).eps)
    factor = _rows(magnitude.flatten().float(), place) / lengths
    return [Stretch(factor - 1, _bias(layer)), change.stretched(factor, weight.shape)]


def _rotation(left: Roles, layer: Any, alpha: float | None) -> Rotation:
    blocks, outputs = left.pop("oft_blocks").float(), len(layer.weight)
    skew = blocks - blocks.transpose(-1, -2)
    # Alpha bounds how far it turns.
    most, far = (alpha or 0.0) * outputs, float(skew.norm()) + 1e-8
    if 0 < most < far:
        skew = skew * (most / far)
    whole = torch.eye(blocks.shape[-1])
    turns = (whole + skew) @ torch.linalg.inv(whole - skew) - whole
    butterfly = blocks.dim() == 4
    turns = turns if butterfly else turns.transpose(-1, -2)[None]
    _check(turns.dim() == 4 and turns.shape[1] * turns.shape[2] == outputs)
    stretch = left.pop("rescale").flatten().float() if "rescale" in left else torch.ones(outputs)
    return Rotation(turns, stretch.reshape(outputs), _bias(layer), butterfly)


def _bias(layer: Any) -> torch.Tensor:
    if layer.bias is None:
        return torch.zeros(len(layer.weight))
    return cast(torch.Tensor, layer.bias.detach().to("cpu", torch.float32, copy=True))


def _rows(values: torch.Tensor, place: Place) -> torch.Tensor:
    """What of the values is for the place, in its order."""
    if place.rows is not None:
        _check(len(values) >= place.rows[1])
        values = values[slice(*place.rows)]
    return torch.cat(values.chunk(2)[::-1]) if place.swapped else values


def _by_channel(values: torch.Tensor, layer: Any, output: torch.Tensor) -> torch.Tensor:
    """One value for each channel of what a layer gives out; that of convolutions and groups has two sides behind."""
    wide = isinstance(layer, torch.nn.Conv2d | torch.nn.GroupNorm)
    return by_row(values, output.dim() - 1) if wide else values


def _applied(layer: Any, weight: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """What the layer would give out with another weight and no bias."""
    if isinstance(layer, torch.nn.Conv2d):
        return conv2d(given, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    return embedding(given, weight) if isinstance(layer, torch.nn.Embedding) else linear(given, weight)


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError("of another shape")
