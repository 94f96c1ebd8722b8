"""The kinds of ControlNet: how each is recognised by its config or tensors, and by what a single file is built; and
what can be seen of control weights, ControlNets and IP-Adapters, where they lie on this disk.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.catalogue import ip_adapters
from studio.catalogue.checkpoints import read_json
from studio.catalogue.ip_adapters import CONFIG, Shapes
from studio.catalogue.tensor_files import header
from studio.errors import DamagedModel, ModelError, UnsupportedModel
from studio.families import FAMILIES
from studio.families.base import ControlNetwork
from studio.recipe import IMAGE_PROMPT

STEM = "diffusion_pytorch_model"
UNION = "ControlNetUnionModel"


@dataclass(frozen=True)
class Network(ControlNetwork):
    """A sort of ControlNet, and the `family` that it is for."""

    family: str = ""

    def modes_within(self, count: int) -> dict[str, int]:
        """The modes of a network that is told this many apart; none of one that serves a single kind."""
        return {kind: mode for kind, mode in self.modes.items() if mode < count}


NETWORKS = tuple(
    Network(kind.signature, kind.config, kind.modes, family)
    for family, facts in FAMILIES.items()
    if facts.kin is None
    for kind in facts.control_networks
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


def mode_count(config: Mapping[str, Any]) -> int:
    """The number of control types of a union network; 0 for any other."""
    if config.get("_class_name") == UNION:
        return int(config.get("num_control_type", 6))
    return int(config.get("num_mode") or 0)


def mode_count_of_tensors(shapes: Shapes) -> int:
    """The same for a single file."""
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
    if (place / ip_adapters.ENCODER).is_dir():
        file = ip_adapters.beside_encoder(place)
        return {"file": file, **_seen_in_file(file, encoders), "encoder": place / ip_adapters.ENCODER}
    return {"folder": place, **_seen_in_folder(place)}


def unknown(place: Path) -> ModelError:
    """What is said of weights that are neither."""
    families = dict.fromkeys(FAMILIES[network.family].name for network in NETWORKS)
    read = " or ".join(FAMILIES[family].name for family in ip_adapters.families_by_width().values())
    return UnsupportedModel(
        f"{place.name} is neither a ControlNet nor an IP-Adapter that the studio knows.",
        f"It must be a ControlNet for {', '.join(families)}, in the format of diffusers or as one .safetensors file, "
        f"or an IP-Adapter for {read}, as one .safetensors file, that wants no face recogniser.",
    )


def _seen_in_folder(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise UnsupportedModel(
            f"{folder} is not a ControlNet: it has no {CONFIG}.", "Copy it whole, or remove the folder."
        )
    config, kinds = read_json(folder / CONFIG), 0
    weights = next(iter(sorted(folder.glob("*.safetensors"))), None)
    with suppress(ModelError):  # what is damaged is said of it when it is chosen
        kinds = mode_count_of_tensors(header(weights).shapes) if weights else 0
    # A union is one whatever class its config names.
    network = of_config({**config, "_class_name": UNION} if kinds else config)
    if network is None:
        raise unknown(folder)
    modes = network.modes_within(kinds or mode_count(config))
    return {"family": network.family, "modes": modes, "width": width(config)}


def _seen_in_file(path: Path, encoders: Path) -> dict[str, Any]:
    from studio.catalogue.misplaced import refused, what_else  # it asks here what is a ControlNet

    head = header(path)
    shapes = head.shapes
    if adapter := ip_adapters.of_tensors(shapes):
        return {"family": adapter.family, "kinds": (IMAGE_PROMPT,), "encoder": adapter.encoder(encoders)}
    network = of_tensors(shapes)
    if network is None and what_else(head):
        raise refused(path.name, "ControlNet", head, "Remove the file.")
    if network is None:
        raise unknown(path)
    if not network.config:
        raise DamagedModel(
            f"{path.name}, a ControlNet for {FAMILIES[network.family].name}, lacks its {CONFIG}, which says its size.",
            f"Put both into a folder of its own, the file as {STEM}.safetensors; {CONFIG} is where the file is from.",
        )
    return {"family": network.family, "modes": network.modes_within(mode_count_of_tensors(shapes))}
