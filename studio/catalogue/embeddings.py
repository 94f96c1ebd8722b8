"""The embeddings that there are (textual inversions): the starter's own, and those in the home's `embeddings`.

NAME.safetensors is one: the vectors that a text encoder reads where a prompt says NAME. All that is said of a file is
read from its header.
"""

from dataclasses import dataclass
from pathlib import Path

from studio.catalogue.misplaced import refused, what_else
from studio.catalogue.named_files import NamedFile, NamedFiles
from studio.catalogue.tensor_files import header
from studio.errors import ModelError
from studio.families import FAMILIES
from studio.prompts.view import CHUNK
from studio.settings import ASSETS, Settings

# The tensors of a file for two encoders, in their order; any other file holds one tensor for one encoder.
PAIR = ("clip_l", "clip_g")
# How wide the vectors that the text encoders of each family read are.
FAMILIES_BY_WIDTHS = {(128,): "starter", (768,): "sd15", (1024,): "sd21", (768, 1280): "sdxl"}


@dataclass(frozen=True)
class EmbeddingFile(NamedFile):
    """What a file's header says: `tensors` hold as many `vectors` for each text encoder."""

    tensors: tuple[str, ...]
    vectors: int
    bytes: int

    @property
    def sort(self) -> str:
        """What it is, in words."""
        return f"an embedding for {FAMILIES[str(self.family)].name}"


class Embeddings(NamedFiles[EmbeddingFile]):
    """Every embedding by its name."""

    sort = "embedding"

    def __init__(self, settings: Settings) -> None:
        super().__init__(ASSETS / "starter" / "embeddings", settings.home / "embeddings")

    def read(self, name: str, path: Path) -> EmbeddingFile:
        said = header(path)
        shapes = said.shapes
        tensors = PAIR if set(shapes) == set(PAIR) else tuple(shapes)
        counts = {shapes[name][0] if len(shapes[name]) == 2 else 1 for name in tensors}
        family = FAMILIES_BY_WIDTHS.get(tuple(shapes[name][-1] for name in tensors if shapes[name]))
        if family is None or len(counts) != 1:
            if what_else(said):
                raise refused(path.name, "embedding", said, "Remove the file.")
            raise ModelError(
                f"{path.name} is no embedding that the studio knows.",
                "It must hold one tensor of vectors, or clip_l and clip_g for Stable Diffusion XL.",
            )
        vectors = counts.pop()
        if vectors > CHUNK:
            raise ModelError(
                f"{path.name} has {vectors} vectors; a text encoder reads {CHUNK} at once.",
                "Get a shorter embedding, or leave it out.",
            )
        return EmbeddingFile(name, path, family, tensors, vectors, path.stat().st_size)
