"""The weights that a picture is made with, by name and hash: what another machine has to have for the same one."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.digests import Digests
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.catalogue.upscalers import LANCZOS, LATENT, Upscalers
from studio.catalogue.vaes import Vaes
from studio.errors import InvalidRecipe, ModelError
from studio.hosted.models import is_hosted
from studio.recipe import PaintedRecipe, Recipe
from studio.resolve.prompts import read
from studio.settings import Settings
from studio.shorthand import folded

Kind = Literal["model", "vae", "lora", "embedding", "controlnet", "ip-adapter", "upscaler"]
# Civitai's AutoV2, and what A1111 calls a LoRA by: so many digits of a SHA-256.
AUTOV2, AUTOV3 = 10, 12


@dataclass(frozen=True)
class Weights:
    """Weights by their `name` in the recipe.

    `sha256` is that of the one `file`; where there are several, `file` is empty, and it is of their names and hashes.
    `tensors` is that of a LoRA's file without its header.
    """

    kind: Kind
    name: str
    sha256: str
    file: str = ""
    tensors: str = ""

    @property
    def autov2(self) -> str:
        """What Civitai finds the file by; empty where there are several."""
        return self.sha256[:AUTOV2] if self.file else ""

    @property
    def label(self) -> str:
        """What it is, in words."""
        words = {"lora": "LoRA", "vae": "VAE", "controlnet": "ControlNet", "ip-adapter": "IP-Adapter"}
        return f"{words.get(self.kind, self.kind)} {self.name}"

    @classmethod
    def of(cls, facts: Any) -> tuple["Weights", ...]:
        """What a file says of its weights; nothing of what is no such thing."""
        return tuple(one for value in (facts if isinstance(facts, list) else ()) if (one := cls._of(value)))

    @classmethod
    def _of(cls, value: Any) -> "Weights | None":
        texts = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        try:
            return cls(**value) if texts else None
        except TypeError:
            return None

    def as_fact(self) -> dict[str, str]:
        """As a file says it."""
        return {name: value for name, value in asdict(self).items() if value}


class WeightHashes:
    """Knows which files a recipe is made with, and their hashes."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        controlnets: ControlNets,
        prompt_assets: PromptAssets,
        digests: Digests,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._controlnets = controlnets
        self._prompt_assets = prompt_assets
        self._digests = digests

    def of(self, recipe: Recipe) -> tuple[Weights, ...]:
        """All weights that a resolved recipe is made with; those that are not here, or unreadable, are left out."""
        found: dict[tuple[str, str], Weights] = {}
        for kind, name, files in self._files(recipe):
            with suppress(ModelError, OSError):
                found.setdefault((kind, name), self._hashed(kind, name, files))
        return tuple(found.values())

    def begin(self, recipes: Iterable[Recipe]) -> None:
        """Compute in the background what is not known of these recipes' weights."""
        self._digests.begin({path for recipe in recipes for _, _, files in self._files(recipe) for path in files})

    def facts(self, recipe: Recipe) -> dict[str, Any]:
        """The weights of a resolved recipe, as its picture's file says them."""
        found = self.of(recipe)
        return {"weights": [one.as_fact() for one in found]} if found else {}

    def _hashed(self, kind: Kind, name: str, files: Sequence[Path]) -> Weights:
        if len(files) == 1:
            (path,) = files
            tensors = self._digests.of(path, "tensors") if kind == "lora" else ""
            return Weights(kind, name, self._digests.of(path), path.name, tensors)
        # By folder and name, as parts of a model have files of the same name.
        lines = sorted(f"{path.parent.name}/{path.name} {self._digests.of(path)}\n" for path in files)
        return Weights(kind, name, sha256("".join(lines).encode()).hexdigest())

    def _files(self, recipe: Recipe) -> Iterator[tuple[Kind, str, list[Path]]]:
        """Kind, name and files of all weights that are here."""
        for kind, name in self._named(recipe):
            with suppress(ModelError, InvalidRecipe):
                if files := self._of_one(kind, name):
                    yield kind, name, files

    def _named(self, recipe: Recipe) -> Iterator[tuple[Kind, str]]:
        if is_hosted(recipe.model) and recipe.model not in self._catalogue:
            return
        for model in recipe.models:
            yield "model", model
            if model in self._catalogue and (own := self._catalogue[model].vae):
                yield "vae", own
        yield from (("vae", name) for name in [recipe.vae] if name)
        yield from (("lora", lora.name) for lora in recipe.loras)
        yield from (("embedding", name) for name in self._embeddings(recipe))
        for unit in recipe.controls:
            if unit.model and unit.is_active:
                yield "ip-adapter" if unit.is_prompt else "controlnet", unit.model
        upscalers = (recipe.upscale.upscaler, recipe.hires.upscaler if recipe.hires.scale else None)
        yield from (("upscaler", name) for name in upscalers if name and name not in (LATENT, LANCZOS))

    def _of_one(self, kind: Kind, name: str) -> list[Path]:
        match kind:
            case "model":
                return self._catalogue.weights(self._catalogue[name])
            case "controlnet" | "ip-adapter":
                return self._controlnets.weights(self._controlnets[name])
            case "lora":
                return [self._prompt_assets.loras[name].path]
            case "embedding":
                return [self._prompt_assets.embeddings[name].path]
            case "vae":
                return [Vaes(self._settings)[name].path]
            case "upscaler":
                return [Upscalers(self._settings)[name]]

    def _may_call(self, recipe: Recipe) -> bool:
        """Whether the name of an embedding stands in the prompts at all: to read them takes a millisecond."""
        words = folded(f"{recipe.prompt} {recipe.negative_prompt}")
        return any(folded(name) in words for name in self._prompt_assets.embeddings)

    def _embeddings(self, recipe: Recipe) -> list[str]:
        """What the prompts call by name, in files of their own: what LoRAs bring is theirs."""
        if not isinstance(recipe, PaintedRecipe) or recipe.model not in self._catalogue or not self._may_call(recipe):
            return []
        with suppress(ModelError, InvalidRecipe):
            _, plans = read(recipe, self._catalogue[recipe.model], self._prompt_assets)
            brought = self._prompt_assets.with_loras(lora.name for lora in recipe.loras).embeddings
            segments = (
                segment
                for plan in plans
                for strand in plan.strands
                for stage in strand.stages
                for chunk in stage.chunks
                for segment in chunk
            )
            called = dict.fromkeys(segment.text for segment in segments if segment.kind == "embedding")
            return [name for name in called if name not in getattr(brought, "brought", {})]
        return []
