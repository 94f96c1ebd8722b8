"""What a prompt may call by name: lists of words to draw from, LoRAs and embeddings."""

from dataclasses import dataclass

from studio.catalogue.embeddings import Embeddings
from studio.catalogue.loras import Loras
from studio.prompts.wildcards import Wildcards
from studio.settings import Settings


@dataclass(frozen=True, eq=False)
class Wordbook:
    """The studio's wildcards, LoRAs and embeddings; one for all its parts, as each keeps what it has read."""

    wildcards: Wildcards
    loras: Loras
    embeddings: Embeddings

    @classmethod
    def of(cls, settings: Settings) -> "Wordbook":
        """Those of this studio's home."""
        return cls(Wildcards(settings.home / "wildcards"), Loras(settings), Embeddings(settings))
