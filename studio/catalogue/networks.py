"""The sorts of ControlNet: how each is told by its config or tensors, and by what a single file is built; and what can
be seen of the weights that steer, ControlNets and IP-Adapters, where they lie on this disk.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from studio.catalogue import ipadapters
from studio.catalogue.checkpoints import read_json
from studio.catalogue.ipadapters import CONFIG, Shapes
from studio.catalogue.tensor_files import header
from studio.errors import DamagedModel, ModelError, UnsupportedModel
from studio.families import FAMILIES
from studio.families.base import Signature
from studio.recipe_parts import IMAGE_PROMPT

Keys = Mapping[str, tuple[int, ...] | None]

STEM = "diffusion_pytorch_model"
UNION = "ControlNetUnionModel"
# By which number the networks that serve several kinds are told the kind of a map, in the order they learned them.
SDXL_MODES = {"pose": 0, "depth": 1, "scribble": 2, "canny": 3, "lineart": 3, "tile": 6}
FLUX_MODES = {"canny": 0, "tile": 1, "depth": 2, "pose": 4}


@dataclass(frozen=True)
class Network:
    """One sort of ControlNet: `signature` tells its config and single files, `modes` are those of a union.

    `config` is what a single file is built by; it is empty where files of one sort are of several sizes.
    """

    family: str
    signature: Signature
    config: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    modes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def modes_within(self, told: int) -> dict[str, int]:
        """The modes of a network that is told this many apart; none of one that serves a single kind."""
        return {kind: mode for kind, mode in self.modes.items() if mode < told}


_SD15 = {"cross_attention_dim": 768}
_SD21 = {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True}
_SDXL = {
    "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20],
    "use_linear_projection": True,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
_HINT = "controlnet_cond_embedding.conv_in.weight"
_READS = "attentions.0.transformer_blocks.0.attn2.to_k.weight"


def _unet(family: str, config: Mapping[str, Any], keys: Keys) -> Network:
    facts = {"cross_attention_dim": config["cross_attention_dim"]}
    return Network(family, Signature("ControlNetModel", facts, keys), config)


def _original(prefix: str, width: int) -> Keys:
    """The tensors of a single file in the layout that ControlNets were first published in."""
    reads = f"{prefix}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    return {f"{prefix}input_hint_block.0.weight": None, reads: (320, width)}


_SDXL_KEYS: Keys = {_HINT: None, f"down_blocks.1.{_READS}": (640, 2048)}
NETWORKS = (
    Network("starter", Signature("ControlNetModel", {"cross_attention_dim": 128})),
    *(
        _unet(family, config, keys)
        for family, config, width in (("sd15", _SD15, 768), ("sd21", _SD21, 1024))
        for keys in (
            {_HINT: None, f"down_blocks.0.{_READS}": (320, width)},
            _original("", width),
            _original("control_model.", width),
        )
    ),
    _unet("sdxl", _SDXL, _SDXL_KEYS),
    Network(
        "sdxl",
        Signature(UNION, {"cross_attention_dim": 2048}, {**_SDXL_KEYS, "task_embedding": None}),
        _SDXL,
        SDXL_MODES,
    ),
    Network(
        "sd3",
        Signature(
            "SD3ControlNetModel",
            {"in_channels": 16},
            {"controlnet_blocks.0.weight": None, "pos_embed_input.proj.weight": None},
        ),
    ),
    Network(
        "flux",
        Signature(
            "FluxControlNetModel",
            {"in_channels": 64},
            {"controlnet_blocks.0.weight": None, "controlnet_x_embedder.weight": None},
        ),
        modes=FLUX_MODES,
    ),
)


def of_config(config: Mapping[str, object]) -> Network | None:
    """The sort that a `config.json` is of; None where it is of none."""
    return next((network for network in NETWORKS if network.signature.fits_config(config)), None)


def of_tensors(shapes: Shapes) -> Network | None:
    """The sort that tensors of these names and shapes are of; of two that fit, the one that asks for more."""
    fits = [network for network in NETWORKS if network.signature.fits_tensors(shapes)]
    return max(fits, key=lambda network: len(network.signature.keys), default=None)


def of_family(family: str, union: bool) -> Network:
    """The sort for a family, for one kind of map or for several; some serve both by one network."""
    own = [network for network in NETWORKS if network.family == family]
    return next((network for network in own if bool(network.modes) == union), own[0])


def told_by_config(config: Mapping[str, Any]) -> int:
    """How many kinds of map a network tells apart; 0 where it serves one."""
    if config.get("_class_name") == UNION:
        return int(config.get("num_control_type", 6))
    return int(config.get("num_mode") or 0)


def told_by_tensors(shapes: Shapes) -> int:
    """The same of a single file."""
    return shapes.get("task_embedding", (0,))[0]


def width(config: Mapping[str, Any]) -> int | None:
    """How wide a transformer is, by its config; None for a UNet, of which a family has one size."""
    if "joint_attention_dim" not in config:
        return None
    return int(config["num_attention_heads"]) * int(config["attention_head_dim"])


def seen(place: Path, encoders: Path) -> dict[str, Any]:
    """What a folder or single file says of the ControlNet or IP-Adapter that it is, and which of both sources it is.

    In `encoders` lie the image encoders of single adapters. Raises ModelError where it is neither, or damaged.
    """
    if not place.is_dir():
        return {"file": place, **_seen_in_file(place, encoders)}
    if (place / ipadapters.ENCODER).is_dir():
        file = ipadapters.beside_encoder(place)
        return {"file": file, **_seen_in_file(file, encoders), "encoder": place / ipadapters.ENCODER}
    return {"folder": place, **_seen_in_folder(place)}


def unknown(place: Path) -> ModelError:
    """What is said of weights that are neither."""
    families = dict.fromkeys(FAMILIES[network.family].name for network in NETWORKS)
    read = " or ".join(FAMILIES[family].name for family in ipadapters.WIDTHS.values())
    return UnsupportedModel(
        f"{place.name} is no ControlNet and no IP-Adapter that the studio knows.",
        f"It must be a ControlNet for {', '.join(families)}, in the format of diffusers or as one .safetensors file, "
        f"or an IP-Adapter for {read}, as one .safetensors file, that wants no face recogniser.",
    )


def _seen_in_folder(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise UnsupportedModel(
            f"{folder} is no ControlNet: it has no {CONFIG}.", "Copy it whole, or remove the folder."
        )
    config, kinds = read_json(folder / CONFIG), 0
    weights = next(iter(sorted(folder.glob("*.safetensors"))), None)
    with suppress(ModelError):  # what is damaged is said of it when it is chosen
        kinds = told_by_tensors(header(weights).shapes) if weights else 0
    # A union is one whatever class its config names.
    network = of_config({**config, "_class_name": UNION} if kinds else config)
    if network is None:
        raise unknown(folder)
    modes = network.modes_within(kinds or told_by_config(config))
    return {"family": network.family, "modes": modes, "width": width(config)}


def _seen_in_file(path: Path, encoders: Path) -> dict[str, Any]:
    from studio.catalogue.misplaced import refused, what_else  # it asks here what is a ControlNet

    said = header(path)
    shapes = said.shapes
    if adapter := ipadapters.of_tensors(shapes):
        return {"family": adapter.family, "kinds": (IMAGE_PROMPT,), "encoder": adapter.encoder(encoders)}
    network = of_tensors(shapes)
    if network is None and what_else(said):
        raise refused(path.name, "ControlNet", said, "Remove the file.")
    if network is None:
        raise unknown(path)
    if not network.config:
        raise DamagedModel(
            f"{path.name}, a ControlNet for {FAMILIES[network.family].name}, lacks its {CONFIG}, which says its size.",
            f"Put both into a folder of its own, the file as {STEM}.safetensors; {CONFIG} is where the file is from.",
        )
    return {"family": network.family, "modes": network.modes_within(told_by_tensors(shapes))}
