"""What the layers of a pipeline's networks are called in the files of LoRAs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from studio.catalogue.lora_names import DENOISER

# Parts of a UNet as they were first published.
RESNET = {
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
}


def component_of(pipe: Any, component: str) -> Any:
    """The network of a pipeline that goes by this name; None where it has none."""
    if component == DENOISER:
        component = "unet" if hasattr(pipe, "unet") else "transformer"
    return getattr(pipe, component, None)


def layers_by_name(network: Any) -> Mapping[str, str]:
    """What the layers of a network are called, by all that they are called in files, with underscores for points."""
    if network is None:
        return {}
    layers = _layers(network)
    names: dict[str, str] = {}
    for name in layers:
        # CLIP once had its encoder one level deeper.
        first = _original(name, network, layers)
        for called in (name, f"text_model.{name}", name.removeprefix("text_model."), first):
            names.setdefault(called.replace(".", "_"), name)
    return names


def blocks_by_layer(unet: Any) -> Mapping[str, str]:
    """The block that each layer of a UNet is in, as block weights call it (IN00, MID, OUT03), where it is in one."""
    layers = _layers(unet)
    return {name: block for name in layers if (block := _block(_original(name, unet, layers)))}


def _layers(network: Any) -> list[str]:
    return [name for name, layer in network.named_modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)]


def _block(called: str) -> str:
    place = re.match(r"(input|middle|output)_block(?:s\.(\d+))?\.", called)
    if place is None:
        return ""
    return "MID" if place[1] == "middle" else f"{'IN' if place[1] == 'input' else 'OUT'}{int(place[2]):02}"


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
