"""What the layers of a pipeline's networks are called in the files of LoRAs."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from studio.catalogue.lora_names import DENOISER, T5
from studio.families import FAMILIES
from studio.families.base import Family

# What a file may change, by class.
Layer = torch.nn.Linear | torch.nn.Conv2d | torch.nn.LayerNorm | torch.nn.GroupNorm | torch.nn.Embedding
# Parts of a UNet as they were first published.
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
# The order in which layers stand in the one that they were first published as.
ORDER = re.compile(r"(_q)|(_k)|(_v)|(proj_mlp)")


@dataclass(frozen=True)
class Place:
    """A layer, and which rows of a change of this name are for it; None: all of them.

    `swapped`: its two halves stand in the other order in the first layout.
    """

    layer: str
    rows: tuple[int, int] | None = None
    swapped: bool = False


def component_of(pipe: Any, component: str) -> Any:
    """The network of a pipeline that goes by this name; None where it has none."""
    if component == DENOISER:
        component = "unet" if hasattr(pipe, "unet") else "transformer"
    elif component == T5:
        component = "text_encoder_3" if hasattr(pipe, "text_encoder_3") else "text_encoder_2"
    return getattr(pipe, component, None)


def places_by_name(network: Any) -> Mapping[str, tuple[Place, ...]]:
    """Where changes to a network belong, by all that its layers are called in files, with underscores for points."""
    if network is None:
        return {}
    layers = _layers(network)
    names: dict[str, tuple[Place, ...]] = {}
    for name in layers:
        # CLIP once had its encoder one level deeper.
        first = _original(name, network, layers)
        for called in (name, f"text_model.{name}", name.removeprefix("text_model."), first):
            names.setdefault(called.replace(".", "_"), (Place(name),))
    for called, places in _first_published(network, layers):
        names.setdefault(called.replace(".", "_"), places)
    return names


def blocks_by_layer(unet: Any) -> Mapping[str, str]:
    """The block that each layer of a UNet is in, as block weights call it (IN00, MID, OUT03), where it is in one."""
    layers = _layers(unet)
    return {name: block for name in layers if (block := _block(_original(name, unet, layers)))}


def _layers(network: Any) -> list[str]:
    modules = network.named_modules()
    return [name for name, layer in modules if isinstance(layer, Layer) and layer.weight is not None]


def _block(called: str) -> str:
    place = re.match(r"(input|middle|output)_block(?:s\.(\d+))?\.", called)
    if place is None:
        return ""
    return "MID" if place[1] == "middle" else f"{'IN' if place[1] == 'input' else 'OUT'}{int(place[2]):02}"


def _first_published(network: Any, layers: Sequence[str]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """The layers of a transformer by what they were first called, with the rows of those that were one layer."""
    family = _family_of(network)
    if family is None:
        return
    joined: dict[str, list[str]] = defaultdict(list)
    for pattern, called in family.first_names:
        for name in layers:
            if found := re.fullmatch(pattern, name):
                joined[found.expand(called)].append(name)
    for called, names in joined.items():
        names.sort(key=_order)
        if len(names) == 1:
            yield called, (Place(names[0], swapped=_is_swapped(names[0], family, network)),)
            continue
        places, start = [], 0
        for name in names:
            stop = start + int(network.get_submodule(name).out_features)
            places.append(Place(name, (start, stop)))
            start = stop
        yield called, tuple(places)


def _order(name: str) -> int:
    found = ORDER.search(name.rpartition("attn")[2])
    return int(found.lastindex or 0) if found else 0


def _is_swapped(name: str, family: Family, network: Any) -> bool:
    return name in {layer.format(last=len(network.transformer_blocks) - 1) for layer in family.swapped}


def _family_of(network: Any) -> Family | None:
    """The family whose layers had other names when they were first published, where the network is one of it."""
    kind = type(network).__name__
    return next((one for one in FAMILIES.values() if one.first_names and one.signature.denoiser == kind), None)


def _original(name: str, unet: Any, layers: Sequence[str]) -> str:
    """What a layer of a UNet was called where it was first published, as most LoRAs for SDXL call it."""
    place = re.match(
        r"(down|mid|up)_blocks?\.(?:(\d+)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", name
    )
    if place is None:
        return ENDS.get(name, name)
    where, what, rest = place[1], place[3], place[5]
    block, index, each = int(place[2] or 0), int(place[4]), int(getattr(unet.config, "layers_per_block", 1)) + 1
    attentive = int(what == "attentions")
    if what == "upsamplers":
        attentive = 1 + any(other.startswith(f"up_blocks.{block}.attentions.") for other in layers)
        index = each - 1
    rest = RESNET.get(rest, rest) if what == "resnets" else rest
    if where == "mid":
        return f"middle_block.{1 if attentive else 2 * index}.{rest}"
    if what == "downsamplers":
        return f"input_blocks.{(block + 1) * each}.0.op"
    place_of = block * each + index
    way = f"input_blocks.{1 + place_of}" if where == "down" else f"output_blocks.{place_of}"
    return f"{way}.{attentive}.{rest}"
