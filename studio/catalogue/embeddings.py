"""The embeddings that there are (textual inversions): the starter's own, and those in the home's `embeddings`.

NAME.safetensors is one: the vectors that a text encoder reads where a prompt says NAME. All that is said of a file is
read from its header.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue.misplaced import refused, what_else
from studio.catalogue.models import Model
from studio.catalogue.named_files import NamedFile, NamedFiles
from studio.catalogue.tensor_files import Header, header
from studio.errors import ModelError, UnsupportedModel
from studio.families import FAMILIES
from studio.prompts.view import CHUNK
from studio.settings import ASSETS, Settings

# The tensors of a file for two encoders, in their order; any other file holds one tensor for one encoder.
PAIR = ("clip_l", "clip_g")


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
        head = header(path)
        try:
            return embedding_of(name, path, {tensor: tensor for tensor in head.shapes}, head)
        except ModelError:
            found = what_else(head)
            if found and found[1] != "embeddings":
                raise refused(path.name, "embedding", head, "Remove the file.") from None
            raise


@dataclass(frozen=True, eq=False)
class EmbeddingsOn:
    """Every embedding while some LoRAs are on; those that these bring along count over others of their names."""

    own: Embeddings
    brought: Mapping[str, EmbeddingFile]

    def __getitem__(self, name: str) -> EmbeddingFile:
        """The one of this name; ModelError as of `Embeddings`."""
        return self.brought[name] if name in self.brought else self.own[name]

    def __contains__(self, name: object) -> bool:
        return name in self.brought or name in self.own

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.brought, *self.own)))

    def for_model(self, name: str, model: Model) -> EmbeddingFile:
        """The one of this name, for this model; ModelError as of `Embeddings`."""
        brought = self.brought.get(name)
        return brought if brought and brought.fits(model.family) else self.own.for_model(name, model)

    def fitting(self, family: str) -> list[str]:
        """The names of those that can be for models of this family."""
        return [*(name for name, file in self.brought.items() if file.fits(family)), *self.own.fitting(family)]


def embedding_of(name: str, path: Path, parts: Mapping[str, str], head: Header) -> EmbeddingFile:
    """The embedding that some tensors of a file are; `parts` has their names by what each is called in an embedding.

    Raises ModelError where they are none that the studio knows.
    """
    tensors = tuple(parts[part] for part in PAIR) if set(parts) == set(PAIR) else tuple(parts.values())
    shapes = [head.shapes[tensor] for tensor in tensors]
    counts = {shape[0] if len(shape) == 2 else 1 for shape in shapes}
    widths = tuple(shape[-1] for shape in shapes if shape)
    family = next((name for name, facts in FAMILIES.items() if widths and facts.takes_embeddings(widths)), None)
    if family is None or len(counts) != 1:
        raise UnsupportedModel(
            f"{path.name} is not an embedding that the studio knows.",
            "It must hold one tensor of vectors, or clip_l and clip_g for Stable Diffusion XL.",
        )
    vectors = counts.pop()
    if vectors > CHUNK:
        raise UnsupportedModel(
            f"{path.name} has {vectors} vectors; a text encoder reads {CHUNK} at once.",
            "Get a shorter embedding, or leave it out.",
        )
    return EmbeddingFile(name, path, family, tensors, vectors, path.stat().st_size)
