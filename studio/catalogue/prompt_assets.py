"""Everything that a prompt may call by name: wildcards, LoRAs and embeddings."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from studio.catalogue.embeddings import Embeddings, EmbeddingsOn
from studio.catalogue.loras import Loras
from studio.prompts.wildcards import Wildcards
from studio.settings import Settings


@dataclass(frozen=True, eq=False)
class PromptAssets:
    """The studio's wildcards, LoRAs and embeddings; shared by all its parts, as each caches what it has read."""

    wildcards: Wildcards
    loras: Loras
    embeddings: Embeddings | EmbeddingsOn

    def with_loras(self, loras: Iterable[str]) -> "PromptAssets":
        """Add the embeddings that are bundled with these LoRAs."""
        files = (self.loras[name] for name in loras if self.loras.has(name))
        brought = {embedding.name: embedding for file in files for embedding in file.brings}
        own = self.embeddings.own if isinstance(self.embeddings, EmbeddingsOn) else self.embeddings
        return replace(self, embeddings=EmbeddingsOn(own, brought)) if brought else self

    @classmethod
    def of(cls, settings: Settings) -> "PromptAssets":
        """The assets in the data folder."""
        loras = Loras(settings)
        return cls(Wildcards(settings.home / "wildcards", is_lora=loras.has), loras, Embeddings(settings))
