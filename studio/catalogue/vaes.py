"""The VAEs that can stand in for a model's own: those in the home's `vaes` folder.

NAME.safetensors is one, under the names of diffusers or of the first layout; NAME/ is one in diffusers format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.catalogue.checkpoints import part_weights, read_json
from studio.catalogue.misplaced import refused
from studio.catalogue.models import Model
from studio.catalogue.named_registry import NamedRegistry
from studio.catalogue.sources import found_in, refuse_twins
from studio.catalogue.tensor_files import Header, header, refuse_pickle
from studio.errors import IncompatibleModel, ModelError, UnknownModel, UnsupportedModel
from studio.families import FAMILIES, family_of_words
from studio.settings import Settings
from studio.suggestions import near

CONFIG = "config.json"
ENDS = ("decoder.conv_in.weight", "encoder.conv_in.weight")
PREFIXES = ("", "first_stage_model.", "vae.")


@dataclass(frozen=True)
class Vae:
    """A VAE: its weights, its latents' `channels`, and the `family` that it is of; None where that is not told.

    `folder` is its own, with a config, where it has one; else it is built as the model's own is.
    """

    name: str
    path: Path
    channels: int
    family: str | None = None
    folder: Path | None = None
    variant: str | None = None

    def why_not(self, model: Model) -> ModelError | None:
        """What keeps it from being used with the model, with its cure; None where nothing does."""
        facts = model.family_facts()
        wanted, own = facts.latent_channels, facts.vae_kin or model.family
        if self.channels != wanted:
            fault = f"{self.name} is for latents of {self.channels} channels; {model.name} has {wanted}."
        elif self.family and self.family != own:
            fault = f"{self.name} is a VAE for {FAMILIES[self.family].name}; {model.name} is {facts.name}."
        else:
            return None
        return IncompatibleModel(fault, "Choose one for this model, or leave it out: a model brings its own.")


def share_latents(one: Model, other: Model) -> bool:
    """Whether what one model makes of noise is a picture to the other, before anything decodes it.

    Models of EDM scale their latents in their own way.
    """
    spaces = [(model.family_facts().vae_kin or model.family, model.noise_schedule == "edm") for model in (one, other)]
    return spaces[0] == spaces[1]


class Vaes(NamedRegistry[Vae]):
    """Every VAE by its name."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home / "vaes"
        super().__init__(self._home)

    def read_all(self) -> tuple[dict[str, Vae], dict[str, ModelError]]:
        """What there is; a broken one is listed with its fault and takes no other down."""
        known: dict[str, Vae] = {}
        faults: dict[str, ModelError] = {}
        for name, found in found_in(self._home).items():
            place = found.get("folder") or found.get("file") or found.get("pickle")
            try:
                refuse_twins(name, found)
                known |= {name: _read(name, place)} if place else {}
            except ModelError as error:
                faults[name] = error
        return known, faults

    def missing(self, name: str) -> ModelError:
        known = f"{near(name, self)} " if self else ""
        return UnknownModel(f"There is no VAE “{name}”.", f"{known}Put {name}.safetensors into {self._home}.")

    def fitting(self, model: Model) -> Iterator[str]:
        """The names of those that can be used with the model."""
        return (name for name, vae in self.items() if vae.why_not(model) is None)


def _read(name: str, place: Path) -> Vae:
    if not place.is_dir():
        refuse_pickle(place)
        return Vae(name, place, _channels(place), _family_of_words(header(place).metadata))
    if not (place / CONFIG).is_file():
        raise UnsupportedModel(f"{place} is not a VAE: it has no {CONFIG}.", "Copy it whole, or remove the folder.")
    (path, *_) = part_weights(place, None)
    return Vae(name, path, _channels(path), _family_of_config(read_json(place / CONFIG)), place)


def _channels(path: Path) -> int:
    """How many channels the latents have; ModelError where the tensors are those of no whole VAE of pictures."""
    head: Header = header(path)
    for prefix in PREFIXES:
        shapes = [head.shapes.get(prefix + end, ()) for end in ENDS]
        if all(len(shape) == 4 for shape in shapes):
            return shapes[0][1]
    if any(ENDS[0] in name for name in head.shapes):
        raise UnsupportedModel(
            f"{path.name} is not a VAE that the studio knows: it has no encoder, or is made for video.",
            "Get the whole VAE of a picture model.",
        )
    raise refused(path.name, "VAE", head, "Remove the file.")


def _family_of_config(config: dict[str, Any]) -> str | None:
    """What the latents of a family are scaled by tells its VAEs from those of others as wide."""
    scale = config.get("scaling_factor")
    own = (name for name, facts in FAMILIES.items() if facts.vae_kin is None and scale and facts.vae_scale == scale)
    return next(own, None)


def _family_of_words(metadata: dict[str, str]) -> str | None:
    family = family_of_words(metadata.get("modelspec.architecture", ""))
    return (FAMILIES[family].vae_kin or family) if family else None
