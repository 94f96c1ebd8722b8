"""What the layers of a pipeline's networks are called in the files of LoRAs."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from studio.catalogue.lora_names import DENOISER, T5

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
# Parts of transformers as they were first published; what has one name there is one layer there.
FLUX = (
    (r"transformer_blocks\.(\d+)\.attn\.to_[qkv]", r"double_blocks.\1.img_attn.qkv"),
    (r"transformer_blocks\.(\d+)\.attn\.add_[qkv]_proj", r"double_blocks.\1.txt_attn.qkv"),
    (r"transformer_blocks\.(\d+)\.attn\.to_out\.0", r"double_blocks.\1.img_attn.proj"),
    (r"transformer_blocks\.(\d+)\.attn\.to_add_out", r"double_blocks.\1.txt_attn.proj"),
    (r"transformer_blocks\.(\d+)\.ff\.net\.(\d)(?:\.proj)?", r"double_blocks.\1.img_mlp.\2"),
    (r"transformer_blocks\.(\d+)\.ff_context\.net\.(\d)(?:\.proj)?", r"double_blocks.\1.txt_mlp.\2"),
    (r"transformer_blocks\.(\d+)\.norm1\.linear", r"double_blocks.\1.img_mod.lin"),
    (r"transformer_blocks\.(\d+)\.norm1_context\.linear", r"double_blocks.\1.txt_mod.lin"),
    (r"single_transformer_blocks\.(\d+)\.(?:attn\.to_[qkv]|proj_mlp)", r"single_blocks.\1.linear1"),
    (r"single_transformer_blocks\.(\d+)\.attn\.to_[qkv]", r"single_blocks.\1.qkv"),
    (r"single_transformer_blocks\.(\d+)\.proj_out", r"single_blocks.\1.linear2"),
    (r"single_transformer_blocks\.(\d+)\.norm\.linear", r"single_blocks.\1.modulation.lin"),
    (r"time_text_embed\.timestep_embedder\.linear_1", "time_in.in_layer"),
    (r"time_text_embed\.timestep_embedder\.linear_2", "time_in.out_layer"),
    (r"time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
    (r"time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
    (r"time_text_embed\.guidance_embedder\.linear_1", "guidance_in.in_layer"),
    (r"time_text_embed\.guidance_embedder\.linear_2", "guidance_in.out_layer"),
    ("x_embedder", "img_in"),
    ("context_embedder", "txt_in"),
    (r"norm_out\.linear", "final_layer.adaLN_modulation.1"),
    ("proj_out", "final_layer.linear"),
)
SD3 = (
    (r"transformer_blocks\.(\d+)\.(attn2?)\.to_[qkv]", r"joint_blocks.\1.x_block.\2.qkv"),
    (r"transformer_blocks\.(\d+)\.attn\.add_[qkv]_proj", r"joint_blocks.\1.context_block.attn.qkv"),
    (r"transformer_blocks\.(\d+)\.(attn2?)\.to_out\.0", r"joint_blocks.\1.x_block.\2.proj"),
    (r"transformer_blocks\.(\d+)\.attn\.to_add_out", r"joint_blocks.\1.context_block.attn.proj"),
    (r"transformer_blocks\.(\d+)\.ff\.net\.0\.proj", r"joint_blocks.\1.x_block.mlp.fc1"),
    (r"transformer_blocks\.(\d+)\.ff\.net\.2", r"joint_blocks.\1.x_block.mlp.fc2"),
    (r"transformer_blocks\.(\d+)\.ff_context\.net\.0\.proj", r"joint_blocks.\1.context_block.mlp.fc1"),
    (r"transformer_blocks\.(\d+)\.ff_context\.net\.2", r"joint_blocks.\1.context_block.mlp.fc2"),
    (r"transformer_blocks\.(\d+)\.norm1\.linear", r"joint_blocks.\1.x_block.adaLN_modulation.1"),
    (r"transformer_blocks\.(\d+)\.norm1_context\.linear", r"joint_blocks.\1.context_block.adaLN_modulation.1"),
    (r"time_text_embed\.timestep_embedder\.linear_1", "t_embedder.mlp.0"),
    (r"time_text_embed\.timestep_embedder\.linear_2", "t_embedder.mlp.2"),
    (r"time_text_embed\.text_embedder\.linear_1", "y_embedder.mlp.0"),
    (r"time_text_embed\.text_embedder\.linear_2", "y_embedder.mlp.2"),
    (r"pos_embed\.proj", "x_embedder.proj"),
    (r"norm_out\.linear", "final_layer.adaLN_modulation.1"),
    ("proj_out", "final_layer.linear"),
)
TRANSFORMERS = {"FluxTransformer2DModel": FLUX, "SD3Transformer2DModel": SD3}
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
    joined: dict[str, list[str]] = defaultdict(list)
    for pattern, called in TRANSFORMERS.get(type(network).__name__, ()):
        for name in layers:
            if found := re.fullmatch(pattern, name):
                joined[found.expand(called)].append(name)
    for called, names in joined.items():
        names.sort(key=_order)
        if len(names) == 1:
            yield called, (Place(names[0], swapped=_is_swapped(names[0], network)),)
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


def _is_swapped(name: str, network: Any) -> bool:
    """What scales and shifts at the end; in SD3, what does so for the words of the last block, too."""
    last = f"transformer_blocks.{len(network.transformer_blocks) - 1}.norm1_context.linear"
    return name == "norm_out.linear" or (name == last and type(network).__name__ == "SD3Transformer2DModel")


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
