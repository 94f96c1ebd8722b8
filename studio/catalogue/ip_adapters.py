"""The sorts of IP-Adapter: how each is told by its tensors, and which image encoder it looks through."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from studio.catalogue.checkpoints import read_json
from studio.catalogue.tensor_files import PICKLES, refuse_pickle
from studio.errors import AmbiguousModel, ModelError
from studio.families import FAMILIES

Shapes = Mapping[str, tuple[int, ...]]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
# Beside an adapter's file, the folder of its encoder; both as on the hub.
ENCODER = "image_encoder"


@dataclass(frozen=True)
class Sort:
    """The family that an adapter is for, and how wide what it takes from the encoder is.

    It `reads` either the one vector that the encoder sums a picture up in, or all that its last layer but one sees.
    """

    family: str
    reads: Literal["projection_dim", "hidden_size"]
    width: int

    def fits(self, encoder: Path) -> bool:
        """Whether it can look through the encoder in this folder."""
        return is_encoder(encoder) and read_json(encoder / CONFIG).get(self.reads) == self.width

    def encoder(self, home: Path) -> Path | None:
        """The first folder below `home` with an encoder that it can look through."""
        return next((path.parent for path in sorted(home.glob(f"*/{CONFIG}")) if self.fits(path.parent)), None)


@cache
def families_by_width() -> Mapping[int | None, str]:
    """The families that have adapters, by how wide the text is that they read, which is what an adapter speaks."""
    return {facts.text_width: name for name, facts in FAMILIES.items() if facts.has_ip_adapters and facts.kin is None}


def of_tensors(shapes: Shapes) -> Sort | None:
    """The sort that tensors of these names and shapes are of; None where it is none that the studio knows.

    Those that want a face recogniser (FaceID) are none of them.
    """
    speaks = shapes.get("ip_adapter.1.to_k_ip.weight", ())
    family = families_by_width().get(speaks[1]) if len(speaks) == 2 else None
    if family is None:
        return None
    if "image_proj.proj.weight" in shapes:
        return Sort(family, "projection_dim", shapes["image_proj.proj.weight"][-1])
    if "image_proj.proj.3.weight" in shapes and "image_proj.proj.0.weight" in shapes:  # the whole face
        return Sort(family, "hidden_size", shapes["image_proj.proj.0.weight"][0])
    if "image_proj.latents" in shapes and "image_proj.proj_in.weight" in shapes:  # plus
        return Sort(family, "hidden_size", shapes["image_proj.proj_in.weight"][-1])
    return None


def is_encoder(folder: Path | None) -> bool:
    """Whether a folder holds an image encoder; one with a damaged config does not."""
    config = folder / CONFIG if folder else None
    try:
        return bool(config and config.is_file() and read_json(config).get("model_type") == "clip_vision_model")
    except (ModelError, OSError):
        return False


def beside_encoder(folder: Path) -> Path:
    """The adapter in a folder that holds its encoder too; ModelError where there is not just one, or only a pickle."""
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    for pickle in sorted(path for path in folder.iterdir() if path.suffix.lower() in PICKLES and not files):
        refuse_pickle(pickle)
    raise AmbiguousModel(
        f"{folder} holds {len(files)} .safetensors files beside its {ENCODER}, where one is the IP-Adapter.",
        f"Keep one there, or put them and the folder {ENCODER} into {folder.parent}, side by side.",
    )
