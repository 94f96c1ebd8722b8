"""What a script adds to layers for LoRAs: a function for each kind of change, which `engine.changes` has, too.

Each is given the layer, what it was given, what it gave out, and the tensors of the change.
"""

from collections.abc import Iterable

COMMON = '''
def applied(layer, weight, given):
    """What the layer would give out with another weight and no bias."""
    if isinstance(layer, torch.nn.Conv2d):
        how = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return functional.conv2d(given, weight, None, *how)
    return functional.linear(given, weight)


def by_channel(values, layer, output):
    """One value for each channel of what the layer gives out."""
    wide = isinstance(layer, (torch.nn.Conv2d, torch.nn.GroupNorm))
    return values.reshape(-1, *(1 for _ in range(output.dim() - 2))) if wide else values
'''
KINDS = {
    "LowRank": """
def low_rank(layer, given, output, down, up):
    if isinstance(layer, torch.nn.Conv2d):
        return functional.conv2d(applied(layer, down, given), up)
    return functional.linear(functional.linear(given, down), up)
""",
    "Hadamard": """
def hadamard(layer, given, output, first_up, first_down, second_up, second_down):
    product = (first_up @ first_down).mul_(second_up @ second_down)
    return applied(layer, product.reshape(*layer.weight.shape), given)
""",
    "Kronecker": """
def kronecker(layer, given, output, outer, inner):
    parts = outer.shape[1]
    if isinstance(layer, torch.nn.Conv2d):
        inside = torch.unflatten(given, 1, (parts, -1)).flatten(0, 1)
        inside = torch.unflatten(applied(layer, inner, inside), 0, (-1, parts))
        return torch.einsum("bmkhw,lm->blkhw", inside, outer).flatten(1, 2)
    inside = functional.linear(torch.unflatten(given, -1, (parts, -1)), inner)
    return torch.einsum("...mk,lm->...lk", inside, outer).flatten(-2)
""",
    "Full": """
def full(layer, given, output, delta):
    if isinstance(layer, torch.nn.LayerNorm):
        return functional.layer_norm(given, layer.normalized_shape, delta, None, layer.eps)
    if isinstance(layer, torch.nn.GroupNorm):
        return functional.group_norm(given, layer.num_groups, delta, None, layer.eps)
    return applied(layer, delta, given)
""",
    "Bias": """
def bias(layer, given, output, delta):
    return by_channel(delta, layer, output)
""",
    "Stretch": """
def stretch(layer, given, output, factor, bias):
    return (output - by_channel(bias, layer, output)) * by_channel(factor, layer, output)
""",
    "Rotation": """
def rotation(layer, given, output, turns, stretch, bias, butterfly):
    plain = output - by_channel(bias, layer, output)
    plain = plain.movedim(1, -1) if isinstance(layer, torch.nn.Conv2d) else plain
    values, size = plain, turns.shape[-1]
    for number, turn in enumerate(turns):
        wing = 2**number * size // 2
        if butterfly:
            values = torch.unflatten(values, -1, (-1, 2, wing)).transpose(-2, -1).flatten(-3)
        blocks = torch.unflatten(values, -1, (-1, size))
        values = (blocks + torch.einsum("bij,...bj->...bi", turn, blocks)).flatten(-2)
        if butterfly:
            values = torch.unflatten(values, -1, (-1, wing, 2)).transpose(-2, -1).flatten(-3)
    turned = values * stretch - plain
    return turned.movedim(-1, 1) if isinstance(layer, torch.nn.Conv2d) else turned
""",
}
NAMES = {
    "LowRank": "low_rank", "Hadamard": "hadamard", "Kronecker": "kronecker", "Full": "full", "Bias": "bias",
    "Stretch": "stretch", "Rotation": "rotation",
}  # fmt: skip
CHANGES = '''
def added(states):
    """The hook of one layer: in each state, each change is one of what the bare layer gives out."""
    def hook(layer, given, output):
        whole = output
        for change, scale, parts in states.get(active, ()):
            whole = torch.add(whole, change(layer, given[0], output, **parts), alpha=scale)
        return whole
    return hook


def put_on(network, file, kinds):
    """Let a network's layers give out what a file's changes add; `active` says which of them count."""
    layers = {}
    for name, tensor in load_file(HERE / file).items():
        state, layer, number, kind, part = name.rsplit("/", 4)
        changes = layers.setdefault(layer, {}).setdefault(state, {})
        change = changes.setdefault(int(number), [kinds[kind], 1.0, {}])
        if part == "scale":
            change[1] = tensor.item()
        else:
            change[2][part] = tensor.to(network.device)
    for layer, states in layers.items():
        ordered = {state: [change for _, change in sorted(changes.items())] for state, changes in states.items()}
        network.get_submodule(layer).register_forward_hook(added(ordered))
'''


def lora_helpers(kinds: Iterable[str]) -> list[str]:
    """The functions for changes of these kinds."""
    return [COMMON, *(KINDS[kind] for kind in sorted(kinds)), CHANGES]


def lora_code(kinds: Iterable[str], file: str) -> str:
    """The code that adds the changes of a file, which are of these kinds."""
    table = ", ".join(f'"{kind}": {NAMES[kind]}' for kind in sorted(kinds))
    return f'put_on(pipe.unet if hasattr(pipe, "unet") else pipe.transformer, "{file}", {{{table}}})'
