"""The ControlNets that there are: the starter's own, those that the project names, those in the home's `controlnets`.

The IP-Adapters stand with them, as they are control units too: those that the project names, those in the home's
`ip-adapters`. There, NAME.safetensors is an adapter, NAME/ an image encoder or an adapter with its encoder in
NAME/image_encoder/.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from studio.catalogue import ip_adapters, networks
from studio.catalogue.checkpoints import part_weights, read_json
from studio.catalogue.ip_adapters import CONFIG
from studio.catalogue.models import Model
from studio.catalogue.sources import Count, Entry, Found, WeightsCatalogue, WeightsEntry, table_of
from studio.catalogue.tensor_files import count_numbers, tensor_shapes
from studio.catalogue.variants import network_files, texts
from studio.errors import IncompatibleModel, InvalidRecipe, NotDownloaded
from studio.families import FAMILIES
from studio.hub_cache import cached
from studio.presets.reading import check
from studio.recipe import IMAGE_PROMPT
from studio.settings import ASSETS, PRESETS, Settings

PRESET_FOLDERS = ("controlnets", "ip-adapters")
# The kind of a ControlNet that does not say it, by a word of its name.
WORDS = {
    "canny": "canny",
    "depth": "depth",
    "pose": "pose",
    "scribble": "scribble",
    "lineart": "lineart",
    "tile": "tile",
}


class ControlNet(WeightsEntry):
    """One ControlNet, or IP-Adapter: where its weights are, and which maps it follows.

    `weights` names a single file in its `repo`. No `kinds`: they are not known. `modes`: the number by which a network
    that serves several kinds is told which. `width`: that of the transformer it fits, where a family has several
    sizes. `map_range`: what black and white of a map are to it, where not -1 and 1. `encoder`: the folder of the image
    encoder that an IP-Adapter looks through, in its `repo` or here.
    """

    kinds: tuple[str, ...] = ()
    weights: Annotated[str | None, Field(pattern=r"\.safetensors$")] = None
    encoder: Path | None = None
    width: Count | None = None
    map_range: tuple[float, float] | None = None
    modes: tuple[tuple[str, int], ...] = ()

    @field_validator("modes", mode="before")
    @classmethod
    def _as_pairs(cls, modes: Any) -> Any:
        return tuple(sorted(modes.items())) if isinstance(modes, Mapping) else modes

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.weights and not self.repo:
            raise ValueError("`weights` names a file of a `repo`")
        if self.is_prompt and not (self.single_file and (self.encoder or self.file)):
            raise ValueError("an IP-Adapter is a single file, and on the hub its `encoder` has to be named")
        return self

    @property
    def is_prompt(self) -> bool:
        """Whether it is an IP-Adapter, which reads pictures and follows no maps."""
        return IMAGE_PROMPT in self.kinds

    @property
    def sort(self) -> str:
        """What it is, in words."""
        return "an IP-Adapter" if self.is_prompt else "a ControlNet"

    @property
    def network(self) -> str:
        """Its class in diffusers."""
        return networks.of_family(self.family, bool(self.modes)).signature.denoiser

    @property
    def single_file(self) -> bool:
        """Whether it is one file without a config."""
        return bool(self.file or self.weights)

    @property
    def reads(self) -> tuple[float, float] | None:
        """What black and white of a map are to the network; None where they are as the pipeline has them."""
        ranges = FAMILIES[self.family].map_ranges.get(self.width or 0, {})
        return self.map_range or next((read for kind, read in ranges.items() if kind in self.kinds), None)

    def mode(self, kind: str) -> int | None:
        """The number of a kind of map, for a network that serves several; None for any other."""
        return dict(self.modes).get(kind)

    def follows(self, kind: str) -> bool:
        """Whether it follows maps of this kind, as far as is known; a network of several has to be told the kind."""
        if IMAGE_PROMPT in (kind, *self.kinds):
            return kind in self.kinds
        return kind in self.kinds or (not self.modes and (kind == "map" or not self.kinds))


class ControlNets(WeightsCatalogue[ControlNet]):
    """Every ControlNet by its id; the home's count over the project's."""

    sort = "ControlNet"

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home / "controlnets"
        self._adapters = settings.home / "ip-adapters"
        super().__init__(*(PRESETS / folder for folder in PRESET_FOLDERS), self._home, self._adapters)

    def entries(self) -> Iterator[Entry]:
        for path in sorted((ASSETS / "starter" / "controlnets").glob(f"*/{CONFIG}")):
            kind = path.parent.name
            yield f"starter-{kind}", {"folder": path.parent}, path.parent
        for folder in PRESET_FOLDERS:
            for path in sorted((PRESETS / folder).glob("*.toml"), key=lambda path: path.stem):
                yield path.stem, {"toml": path}, PRESETS.parent
        for home in (self._home, self._adapters):
            for name, found in self._found_in(home).items():
                if not ip_adapters.is_encoder(found.get("folder")):
                    yield name, found, home

    def fitting(self, family: str, kind: str | None = None, place: Path | None = None) -> list[str]:
        """The ids of those for models of this family, and for maps of this kind; the best first.

        Those that name the kind come before those that name none, and what is on this disk before the hub. `place`
        is the model's folder, where it is on this disk: it tells models of one family and unlike size apart.
        """
        own, width = FAMILIES[family].kin or family, _width_of(place)
        fit = [one for one in self.values() if one.family == own and (kind is None or one.follows(kind))]
        fit = [one for one in fit if None in (width, one.width) or one.width == width]
        if kind is not None:
            fit.sort(key=lambda one: (kind not in one.kinds, not self.present(one)))
        return [one.id for one in fit]

    def check_fit(self, controlnet: ControlNet, model: Model, place: Path | None = None) -> None:
        """InvalidRecipe that names both families where the ControlNet is for another than the model's.

        `place` as in `fitting`.
        """
        if controlnet.id in self.fitting(model.family, place=place):
            return
        theirs = model.family_facts().name
        own = FAMILIES[controlnet.family].name
        fault = f"{controlnet.name} is {controlnet.sort} for {own}; {model.name} is {theirs}."
        if controlnet.family == (model.family_facts().kin or model.family):
            fault = (
                f"{controlnet.name} is a ControlNet for a {theirs} of another size: it is {controlnet.width} wide, "
                f"{model.name} {_width_of(place)}."
            )
        fitting = self.fitting(model.family, place=place)
        there = [name for name in fitting if self[name].is_prompt == controlnet.is_prompt]
        folder = self._adapters if controlnet.is_prompt else self._home
        cure = f"Available for it: {', '.join(there)}." if there else f"Put one for it into {folder}."
        raise InvalidRecipe("controls", fault, cure)

    def location(self, one: ControlNet) -> Path | None:
        if one.repo is None:
            return one.folder or one.file
        found = cached(one.repo, one.weights or CONFIG, one.revision)
        return found if found is None or one.weights else found.parent

    def weights(self, one: ControlNet) -> list[Path]:
        place = self.location(one)
        if place is None or not place.exists():
            raise NotDownloaded(
                f"{one.name} is missing: there is no {place}." if place else f"{one.name} is not here.",
                "Put it there, or correct its .toml file.",
            )
        if one.is_prompt:
            return [place, *part_weights(self.encoder(one), None)]
        return [place] if one.single_file else part_weights(place, one.variant)

    def wanted(self, one: ControlNet, names: Sequence[str]) -> list[str]:
        repo = str(one.repo)
        if one.weights is None:
            here = [name for name in names if "/" not in name]
            weights = [name for name in network_files(repo, here, one.variant) if name not in texts(here)]
            return [CONFIG, *weights]
        if one.encoder is None:
            return [one.weights]
        folder = one.encoder.as_posix()
        inside = [name.removeprefix(f"{folder}/") for name in names if name.startswith(f"{folder}/")]
        return [one.weights, *(f"{folder}/{name}" for name in network_files(f"{repo}/{folder}", inside))]

    def check(self, one: ControlNet) -> None:
        for path in self.weights(one):
            _check_family(one, path)
        if one.is_prompt:
            self._check_encoder(one)

    def read(self, name: str, found: Found, root: Path) -> ControlNet:
        toml, table = table_of(name, found, root)
        if "repo" not in table and isinstance(table.get("encoder"), str):
            table["encoder"] = root / table["encoder"]
        place = table.pop("folder", None) or table.get("file")
        if isinstance(place, Path):
            seen = networks.seen(place, self._adapters)
            table = {"kinds": _kinds(name, seen), **seen, **table}
            _check_stated(toml, table, seen)
        return check(toml, {"id": name}, table, ControlNet)

    def encoder(self, controlnet: ControlNet) -> Path:
        """The folder of the image encoder that an IP-Adapter looks through; ModelError where it is not on this disk."""
        folder = controlnet.encoder
        if folder is not None and controlnet.repo is not None:
            config = cached(controlnet.repo, (folder / CONFIG).as_posix(), controlnet.revision)
            folder = config.parent if config else None
        if folder is None or not (folder / CONFIG).is_file():
            where = f": there is no {folder}" if folder else ""
            raise NotDownloaded(
                f"{controlnet.name} lacks the image encoder that it looks through{where}.",
                f"Put the encoder's folder, as {ip_adapters.ENCODER} where the adapter is from, into {self._adapters}.",
            )
        return folder

    def encoder_numbers(self, controlnet: ControlNet) -> int:
        """What of `numbers` are the image encoder's."""
        if not controlnet.is_prompt or not self.present(controlnet):
            return 0
        return count_numbers(part_weights(self.encoder(controlnet), None))

    def config(self, controlnet: ControlNet) -> dict[str, Any]:
        """What its network is built by, once it is on this disk: its config, or what is known of its single file."""
        (path, *_) = self.weights(controlnet)
        if not controlnet.single_file:
            return read_json(path.parent / CONFIG)
        network = networks.of_family(controlnet.family, bool(controlnet.modes))
        options = {"num_control_type": networks.mode_count_of_tensors(tensor_shapes(path))} if controlnet.modes else {}
        return {"_class_name": controlnet.network, **network.config, **options}

    def network_options(self, controlnet: ControlNet) -> dict[str, Any]:
        """What the config of a network should say and often does not: how many kinds a union tells apart."""
        shapes = tensor_shapes(self.weights(controlnet)[0])
        kinds = networks.mode_count_of_tensors(shapes)
        return {"num_control_type": kinds} if controlnet.network == networks.UNION and kinds else {}

    def _check_encoder(self, controlnet: ControlNet) -> None:
        """An encoder of another width fails only when the first picture is seen."""
        place, folder = self.location(controlnet), self.encoder(controlnet)
        sort = ip_adapters.of_tensors(tensor_shapes(place)) if place else None
        if sort is None:
            raise networks.unknown(place or folder)
        if not sort.fits(folder):
            raise IncompatibleModel(
                f"{controlnet.name} does not fit the image encoder in {folder}: it wants one with {sort.reads} = "
                f"{sort.width}.",
                "Name the folder of the one that it was trained with: `encoder` in its .toml file.",
            )


def _width_of(place: Path | None) -> int | None:
    """How wide the transformer of the model in this folder is; None where it has none, or is not here."""
    config = place / "transformer" / CONFIG if place else None
    return networks.width(read_json(config)) if config and config.is_file() else None


def _kinds(name: str, seen: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(seen.get("modes") or {kind for word, kind in WORDS.items() if word in name.lower()})


def _check_stated(toml: Path, table: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    if IMAGE_PROMPT in seen.get("kinds", ()) and list(table["kinds"]) != [IMAGE_PROMPT]:
        raise IncompatibleModel(f"{toml}: `kinds` is not valid: its weights are an IP-Adapter.", "Leave `kinds` out.")
    if table["family"] != seen["family"]:
        raise IncompatibleModel(
            f"{toml}: `family` is said to be {table['family']}, but its weights are for {seen['family']}.",
            f'Write family = "{seen["family"]}", or leave it out.',
        )


def _check_family(controlnet: ControlNet, path: Path) -> None:
    """Weights that are whole, but not those of the config beside them, fail deep inside the load."""
    shapes = tensor_shapes(path)
    network = ip_adapters.of_tensors(shapes) or networks.of_tensors(shapes)
    if network and network.family != controlnet.family:
        seen, stated = FAMILIES[network.family].name, FAMILIES[controlnet.family].name
        raise IncompatibleModel(
            f"{path} is {controlnet.sort} for {seen}, not for {stated} as its config says.",
            "Weights and config do not belong together: copy both again.",
        )
