"""Every kind of change that a LoRA file makes to a layer, against the weight that the published formulas make of it.

Those of LoHa and LoKr are taken from PEFT, which has them from LyCORIS.
"""

from typing import Any

import pytest
import torch
from peft.tuners.loha import layer as peft_loha
from peft.tuners.lokr import layer as peft_lokr
from torch import nn

from studio.engine.changes import Hadamard, Kronecker, Roles, changes_of
from studio.engine.layer_names import Place

IN, OUT, RANK, ALPHA = 12, 8, 2, 1.0
LAYERS = {
    "linear": lambda: nn.Linear(IN, OUT),
    "linear without bias": lambda: nn.Linear(IN, OUT, bias=False),
    "1x1": lambda: nn.Conv2d(IN, OUT, 1),
    "3x3": lambda: nn.Conv2d(IN, OUT, 3, stride=2, padding=1),
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def given(layer: Any) -> torch.Tensor:
    return torch.randn(2, IN, 6, 6) if isinstance(layer, nn.Conv2d) else torch.randn(2, 5, IN)


def more(layer: Any, roles: Roles, place: Place | None = None, alpha: float | None = None) -> torch.Tensor:
    """What the layer gives out more for some input."""
    torch.manual_seed(1)
    x = given(layer)
    with torch.no_grad():
        out = layer(x)
        changes = changes_of(roles, layer, place or Place("layer"), torch.float32, alpha)
        return sum((one.scale * one.added(layer, x, out) for one in changes), start=torch.zeros(()))


def merged(layer: Any, delta: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """The same where ΔW is added to the layer's weight."""
    torch.manual_seed(1)
    x = given(layer)
    with torch.no_grad():
        before = layer(x)
        layer.weight += delta.reshape(layer.weight.shape)
        if bias is not None:
            layer.bias += bias
        return layer(x) - before


def low_rank(layer: Any) -> tuple[Roles, torch.Tensor]:
    roles = {"down": torch.randn(RANK, *layer.weight.shape[1:]), "up": torch.randn(OUT, RANK), "alpha": torch.tensor(1)}
    return roles, ALPHA / RANK * (roles["up"] @ roles["down"].flatten(1)).reshape(layer.weight.shape)


def loha(layer: Any) -> tuple[Roles, torch.Tensor]:
    wide = layer.weight[0].numel()
    roles = {f"hada_w{n}_a": torch.randn(OUT, RANK) for n in (1, 2)}
    roles |= {f"hada_w{n}_b": torch.randn(RANK, wide) for n in (1, 2)}
    parts = (roles[f"hada_w{n}_{end}"] for n in (1, 2) for end in "ab")
    return {**roles, "alpha": torch.tensor(ALPHA)}, peft_loha.make_weight(*parts, torch.tensor(ALPHA / RANK))


def loha_tucker(layer: Any) -> tuple[Roles, torch.Tensor]:
    sides = layer.weight.shape[2:] or (1, 1)
    roles = {f"hada_t{n}": torch.randn(RANK, RANK, *sides) for n in (1, 2)}
    roles |= {f"hada_w{n}_a": torch.randn(RANK, OUT) for n in (1, 2)}
    roles |= {f"hada_w{n}_b": torch.randn(RANK, IN) for n in (1, 2)}
    parts = (roles[f"hada_{part.format(n)}"] for n in (1, 2) for part in ("t{}", "w{}_a", "w{}_b"))
    return {**roles, "alpha": torch.tensor(ALPHA)}, peft_loha.make_weight_cp(*parts, torch.tensor(ALPHA / RANK))


def lokr(layer: Any) -> tuple[Roles, torch.Tensor]:
    roles = {"lokr_w1": torch.randn(2, 3), "lokr_w2": torch.randn(4, 4, *layer.weight.shape[2:])}
    # Of two whole factors an alpha means nothing.
    return {**roles, "alpha": torch.tensor(9.0)}, peft_lokr.make_kron(roles["lokr_w1"], roles["lokr_w2"], 1.0)


def lokr_low_rank(layer: Any) -> tuple[Roles, torch.Tensor]:
    sides = layer.weight.shape[2:]
    roles = {"lokr_w1_a": torch.randn(2, RANK), "lokr_w1_b": torch.randn(RANK, 3)}
    roles |= {"lokr_w2_a": torch.randn(4, RANK), "lokr_w2_b": torch.randn(RANK, 4 * sides.numel())}
    first, second = (roles[f"lokr_w{n}_a"] @ roles[f"lokr_w{n}_b"] for n in (1, 2))
    whole = peft_lokr.make_kron(first, second.reshape(4, 4, *sides), ALPHA / RANK)
    return {**roles, "alpha": torch.tensor(ALPHA)}, whole


def lokr_tucker(layer: Any) -> tuple[Roles, torch.Tensor]:
    sides = layer.weight.shape[2:] or (1, 1)
    roles = {"lokr_w1": torch.randn(2, 3), "lokr_t2": torch.randn(RANK, RANK, *sides)}
    roles |= {"lokr_w2_a": torch.randn(RANK, 4), "lokr_w2_b": torch.randn(RANK, 4)}
    second = peft_lokr.make_weight_cp(roles["lokr_t2"], roles["lokr_w2_a"], roles["lokr_w2_b"])
    return {**roles, "alpha": torch.tensor(ALPHA)}, peft_lokr.make_kron(roles["lokr_w1"], second, ALPHA / RANK)


def full(layer: Any) -> tuple[Roles, torch.Tensor]:
    delta = torch.randn(layer.weight.shape)
    return {"diff": delta}, delta


def dora(layer: Any, sort: Any = low_rank, axis: int = 0) -> tuple[Roles, torch.Tensor]:
    roles, delta = sort(layer)
    weight = layer.weight.detach()
    whole = weight + delta.reshape(weight.shape)
    lengths = [1] * weight.dim()
    lengths[axis] = weight.shape[axis]
    magnitude = torch.rand(lengths) + 0.5
    norm = whole.transpose(0, axis).flatten(1).norm(dim=1).reshape(lengths)
    return {**roles, "dora_scale": magnitude}, magnitude * whole / norm - weight


def dora_by_column(layer: Any) -> tuple[Roles, torch.Tensor]:
    return dora(layer, axis=1)


def dora_of_peft(layer: Any) -> tuple[Roles, torch.Tensor]:
    roles, delta = dora(layer)
    lengths = roles.pop("dora_scale")
    return {**roles, "lora_magnitude_vector": lengths.transpose(0, 1) if lengths.dim() > 2 else lengths[:, 0]}, delta


def dora_lokr(layer: Any) -> tuple[Roles, torch.Tensor]:
    return dora(layer, lokr)


def dora_loha(layer: Any) -> tuple[Roles, torch.Tensor]:
    return dora(layer, loha)


def turned(blocks: torch.Tensor, most: float = 0.0) -> torch.Tensor:
    skew = blocks - blocks.transpose(-1, -2)
    if 0 < most < float(skew.norm()):
        skew = skew * most / skew.norm()
    one = torch.eye(blocks.shape[-1])
    return (one + skew) @ torch.linalg.inv(one - skew)


def oft(layer: Any, alpha: float = 0.0) -> tuple[Roles, torch.Tensor]:
    blocks, rescale = torch.randn(2, 4, 4), torch.rand(OUT) + 0.5
    weight = layer.weight.detach().flatten(1)
    # What LyCORIS writes as "k n m, k n ... -> k m ..." is the transpose of each block times its rows.
    whole = rescale[:, None] * torch.block_diag(*turned(blocks, alpha * OUT).transpose(1, 2)) @ weight
    shape = (OUT, *(1 for _ in layer.weight.shape[1:]))
    roles = {"oft_blocks": blocks, "rescale": rescale.reshape(shape), "alpha": torch.tensor(alpha)}
    return roles, whole - weight


def oft_bounded(layer: Any) -> tuple[Roles, torch.Tensor]:
    return oft(layer, 0.05)


def boft(layer: Any) -> tuple[Roles, torch.Tensor]:
    blocks = torch.randn(3, 4, 2, 2)
    whole = weight = layer.weight.detach().flatten(1)
    for number, turns in enumerate(turned(blocks)):
        wing = 2**number
        order = torch.arange(OUT).reshape(-1, 2, wing).transpose(1, 2).flatten()
        mixed = torch.block_diag(*turns) @ whole[order]
        whole = mixed[order.argsort()]
    return {"oft_blocks": blocks, "alpha": torch.tensor(0.0)}, whole - weight


SORTS = [low_rank, loha, loha_tucker, lokr, lokr_low_rank, lokr_tucker, full, dora, dora_by_column, dora_lokr]
SORTS += [dora_of_peft, dora_loha, oft, oft_bounded, boft]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("sort", SORTS, ids=lambda sort: sort.__name__)
def test_a_change_is_the_weight_that_its_formula_makes(sort: Any, kind: str) -> None:
    layer = LAYERS[kind]()
    roles, delta = sort(layer)
    ours = more(layer, roles)
    torch.testing.assert_close(ours, merged(layer, delta), rtol=1e-4, atol=1e-4)


def test_a_bias_is_added_beside_a_change_and_alone() -> None:
    for kind in ("linear", "3x3"):
        layer, bias = LAYERS[kind](), torch.randn(OUT)
        roles, delta = low_rank(layer)
        both, alone = more(layer, {**roles, "diff_b": bias}), more(layer, {"diff_b": bias})
        assert torch.equal(alone + torch.zeros_like(both), alone.expand_as(both))
        torch.testing.assert_close(both, merged(layer, delta, bias), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [nn.LayerNorm(IN), nn.GroupNorm(3, IN)], ids=["layer", "group"])
def test_norms_are_changed_too(layer: Any) -> None:
    x = torch.randn(2, IN, 6, 6) if isinstance(layer, nn.GroupNorm) else torch.randn(2, 5, IN)
    roles = {"diff": torch.randn(IN), "diff_b": torch.randn(IN)}
    with torch.no_grad():
        before = layer(x)
        ours = sum(
            one.scale * one.added(layer, x, before) for one in changes_of(roles, layer, Place(""), torch.float32, None)
        )
        layer.weight += roles["diff"]
        layer.bias += roles["diff_b"]
        torch.testing.assert_close(ours, layer(x) - before, rtol=1e-4, atol=1e-5)


def test_a_table_of_words_is_changed_by_a_whole_difference_only() -> None:
    table, ids = nn.Embedding(9, 4), torch.tensor([[1, 8, 1]])
    delta = torch.randn(9, 4)
    (change,) = changes_of({"diff": delta}, table, Place(""), torch.float32, None)
    assert torch.equal(change.added(table, ids, table(ids)), delta[ids])
    with pytest.raises(ValueError, match="another shape"):
        changes_of({"down": torch.randn(2, 4), "up": torch.randn(9, 2)}, table, Place(""), torch.float32, None)


@pytest.mark.parametrize("sort", [low_rank, loha, lokr, full, dora], ids=lambda sort: sort.__name__)
def test_rows_of_a_joined_layer_go_to_the_layers_that_it_is_here(sort: Any) -> None:
    """What is one layer in the first layout of a transformer is several here."""
    joined = nn.Linear(IN, OUT)
    roles, delta = sort(joined)
    roles["diff_b"] = torch.randn(OUT)
    expected = merged(nn.Linear(IN, OUT), delta, roles["diff_b"])
    parts = []
    for rows in ((0, 3), (3, OUT)):
        layer = nn.Linear(IN, rows[1] - rows[0])
        layer.weight.data, layer.bias.data = joined.weight.data[slice(*rows)], joined.bias.data[slice(*rows)]
        parts.append(more(layer, roles, Place("", rows)))
    torch.testing.assert_close(torch.cat(parts, dim=-1), expected, rtol=1e-4, atol=1e-4)


def test_swapped_halves_are_put_right() -> None:
    layer = nn.Linear(IN, OUT)
    roles, delta = low_rank(layer)
    ours = more(layer, roles, Place("", swapped=True))
    torch.testing.assert_close(ours, merged(layer, torch.cat(delta.chunk(2)[::-1])), rtol=1e-4, atol=1e-4)


def test_a_loha_and_a_lokr_take_no_more_memory_than_their_files() -> None:
    layer = nn.Linear(640, 640)
    factors = {"hada_w1_a": (640, 32), "hada_w1_b": (32, 640), "hada_w2_a": (640, 32), "hada_w2_b": (32, 640)}
    kronecker = {"lokr_w1": (8, 8), "lokr_w2": (80, 80)}
    for shapes, kind in ((factors, Hadamard), (kronecker, Kronecker)):
        roles = {role: torch.zeros(shape) for role, shape in shapes.items()}
        (change,) = changes_of(roles, layer, Place(""), torch.float32, None)
        assert isinstance(change, kind)
        assert change.bytes == sum(tensor.nbytes for tensor in roles.values()) < layer.weight.nbytes


@pytest.mark.parametrize(
    "roles",
    [
        {},
        {"alpha": ()},
        {"down": (2, IN)},
        {"down": (2, IN), "up": (OUT, 3)},
        {"down": (2, IN + 1), "up": (OUT, 2)},
        {"down": (2, IN), "up": (OUT + 1, 2)},
        {"hada_w1_a": (OUT, 2), "hada_w1_b": (2, IN), "hada_w2_a": (OUT, 2)},
        {"hada_w1_a": (OUT, 2), "hada_w1_b": (2, IN), "hada_w2_a": (OUT, 2), "hada_w2_b": (2, 5)},
        {"lokr_w1": (2, 3), "lokr_w2": (4, 5)},
        {"lokr_w1": (2, 3), "lokr_w2": (5, 4)},
        {"oft_blocks": (3, 4, 4)},
        {"oft_blocks": (4,)},
        {"diff": (OUT, IN + 1)},
        {"diff_b": (OUT + 1,)},
        {"dora_scale": (OUT, 1)},
        {"down": (2, IN), "up": (OUT, 2), "rescale": (OUT, 1)},
        {"down": (2, IN), "up": (OUT, 2), "dora_scale": (OUT + 1, 1)},
    ],
    ids=lambda roles: " ".join(f"{role}{list(shape)}" for role, shape in roles.items()),
)
def test_what_does_not_fit_a_layer_is_refused(roles: dict[str, tuple[int, ...]]) -> None:
    tensors = {role: torch.zeros(shape) for role, shape in roles.items()}
    with pytest.raises((ValueError, LookupError, RuntimeError)):
        changes_of(tensors, nn.Linear(IN, OUT), Place(""), torch.float32, None)
