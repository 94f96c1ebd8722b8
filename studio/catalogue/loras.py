"""The LoRAs that there are: the starter's own, and those in the home's `loras` and its sub-folders.

NAME.safetensors is one; NAME.txt or NAME.md beside it are notes, NAME.png or NAME.webp its picture, NAME.civitai.info
or NAME.json what was said where it was published. All else is read from its header; no tensor is loaded.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue import lora_names
from studio.catalogue.embeddings import EmbeddingFile, embedding_of
from studio.catalogue.misplaced import refused
from studio.catalogue.named_files import NamedFile, NamedFiles
from studio.catalogue.sidecars import Sidecar
from studio.catalogue.tensor_files import header
from studio.errors import DamagedModel, ModelError, UnsupportedModel
from studio.families import FAMILIES
from studio.parsing import parse_json
from studio.settings import ASSETS, Settings

TAGS = 5


@dataclass(frozen=True)
class LoraFile(NamedFile):
    """What a LoRA's header says; `foreign` are the tensors that no format knows, `brings` the embeddings inside.

    `torn` says which of its changes is not whole, where one is not.
    """

    format: str
    rank: int | None
    alpha: float | None
    header_words: tuple[str, ...]
    tensors: int
    bytes: int
    foreign: tuple[str, ...] = ()
    brings: tuple[EmbeddingFile, ...] = ()
    torn: str | None = None

    @property
    def sidecar(self) -> Sidecar:
        """What lies beside it about its publication."""
        return Sidecar.beside(self.path)

    @property
    def trigger_words(self) -> tuple[str, ...]:
        """The words that call it: those it was published with, else those of its header."""
        return self.sidecar.words or self.header_words

    @property
    def sort(self) -> str:
        """What it is, in words."""
        return f"a LoRA for {FAMILIES[self.family].name}" if self.family else "a LoRA"

    def why_not(self) -> ModelError | None:
        """What keeps it from being used with any model, with its cure; None where nothing does."""
        if self.foreign:
            return UnsupportedModel(
                f"{self.path.name} cannot be read completely: {len(self.foreign)} of its {self.tensors} tensors are of "
                f"no known format, or for a model that the studio does not know, such as {self.foreign[0]}.",
                "Get it in the format of kohya, PEFT or diffusers, or leave it out.",
            )
        if self.torn:
            return DamagedModel(
                f"{self.path.name} is not whole: {self.torn}.",
                "Its trainer or the download was interrupted: get it again, or leave it out.",
            )
        return None


class Loras(NamedFiles[LoraFile]):
    """Every LoRA by its name."""

    sort = "LoRA"

    def __init__(self, settings: Settings) -> None:
        super().__init__(ASSETS / "starter" / "loras", settings.home / "loras")

    def read(self, name: str, path: Path) -> LoraFile:
        head = header(path)
        sort, family = lora_names.format_of(head), lora_names.family_of(head)
        if strange := lora_names.stranger(head.shapes):
            raise UnsupportedModel(
                f"{path.name} cannot be used: it is {strange}.", "Get it as an ordinary LoRA, or leave it out."
            )
        if sort is None:
            raise refused(path.name, "LoRA", head, "Remove the file.")
        foreign = tuple(lora_names.foreign(head.shapes))
        brings = tuple(embedding_of(word, path, parts, head) for word, parts in lora_names.bundled(head.shapes).items())
        rank, alpha, words = lora_names.rank_of(head), _alpha(head.metadata), _trigger_words(head.metadata)
        tensors, size = len(head.shapes), path.stat().st_size
        torn = lora_names.torn(head.shapes)
        return LoraFile(name, path, family, sort, rank, alpha, words, tensors, size, foreign, brings, torn)


def _alpha(metadata: Mapping[str, str]) -> float | None:
    try:
        return float(metadata["ss_network_alpha"])
    except (KeyError, ValueError):
        return None


def _trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What its maker says calls it, else the words that most of its pictures were described with."""
    words = [word.strip() for word in metadata.get("modelspec.trigger_phrase", "").split(",")]
    if any(words):
        return tuple(dict.fromkeys(filter(None, words)))
    counts: Counter[str] = Counter()
    try:
        for folder in parse_json(metadata.get("ss_tag_frequency", "{}"), lenient=True).values():
            counts.update({tag.strip(): int(count) for tag, count in folder.items()})
    except (ValueError, TypeError, AttributeError):  # somebody else wrote it, and it is only a help
        return ()
    return tuple(tag for tag, _ in counts.most_common(TAGS) if tag)
