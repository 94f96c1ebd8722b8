"""Everything that has weights, of all sorts alike: whether it is here, where it lies, where it can be had from."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studio import hub, hub_cache
from studio.catalogue import lenders
from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.preprocessors import Weights
from studio.catalogue.sources import WeightsCatalogue, WeightsEntry
from studio.catalogue.upscalers import Published, Upscalers, published
from studio.catalogue.vaes import Vaes
from studio.controls import CONTROLS
from studio.errors import AmbiguousModel, ModelError, NotDownloaded, NotWritable, Refused, UnknownModel
from studio.families import FAMILIES
from studio.metrics import METRICS
from studio.settings import ASSETS, PRESETS, Settings
from studio.suggestions import did_you_mean
from studio.transfer import Transfer

Kind = Literal["model", "controlnet", "ip-adapter", "estimator", "upscaler", "vae", "metric"]
# About what the configs and tokenizers of a model take.
CONFIG_BYTES = 6_000_000
# What each kind is called where several are listed.
TITLES: dict[Kind, str] = {
    "model": "Models",
    "controlnet": "ControlNets",
    "ip-adapter": "Image prompts",
    "estimator": "Estimators",
    "upscaler": "Upscalers",
    "vae": "VAEs",
    "metric": "Metrics",
}
# The recipe's fields that ask for them, where that is not a control.
FIELDS: dict[Kind, str] = {"model": "model", "upscaler": "upscaler", "vae": "vae"}


@dataclass(frozen=True)
class Item(ABC):
    """One thing with weights; `repo` is None where it can be had from nowhere, `family` empty where it serves all.

    `download_bytes` are those of its download, as far as is known.
    """

    kind: Kind
    id: str
    name: str
    summary: str
    licence: str
    family: str
    repo: str | None
    download_bytes: int | None

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return f"{self.kind}/{self.id}"

    @property
    def family_name(self) -> str:
        """Its family in words."""
        return FAMILIES[self.family].name if self.family else ""

    @property
    def field(self) -> str:
        """The recipe's field that asks for it."""
        return FIELDS.get(self.kind, "controls")

    @property
    @abstractmethod
    def here(self) -> bool:
        """Whether all of it is on this disk."""

    @property
    @abstractmethod
    def place(self) -> Path | None:
        """The folder or file where it lies; None where it is not here."""

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """What it takes of the disk."""

    @property
    def fault(self) -> ModelError | None:
        """What keeps it from being used, though it is here; None where nothing does."""
        return None

    @property
    def unfinished_bytes(self) -> int:
        """What is there of a download that broke off."""
        return 0

    @property
    def comes_along(self) -> bool:
        """Whether it came with the studio."""
        return self.place is not None and any(self.place.is_relative_to(folder) for folder in (ASSETS, PRESETS))

    def needed_bytes(self) -> int:
        """What its download takes: what is said of it, else what the hub says; 0 where neither says anything."""
        if self.download_bytes is not None or self.repo is None or hub.is_off():
            return self.download_bytes or 0
        try:
            sizes = hub.sizes(self.name, self.repo, self._revision)
            return sum(sizes.get(name, 0) for name in self._wanted([*sizes]))
        except ModelError:  # the download will say what is wrong
            return 0

    def fetch(self, reserved: int = 0) -> Transfer:
        """Let it come; ModelError where it cannot be downloaded from anywhere."""
        if self.repo is None:
            raise NotDownloaded(f"{self.name} cannot be downloaded from anywhere.", "Put it into the data folder.")
        if hub.is_off():
            raise NotDownloaded(
                f"{self.name} cannot be downloaded: {hub.OFF}.", "Unset HF_HUB_OFFLINE, then try again."
            )
        return self._fetch(self.repo, reserved)

    def remove(self) -> None:
        """Take it off the disk; ModelError where it did not come by a download, or cannot be removed."""
        if self.comes_along:
            raise Refused(f"{self.name} comes with the studio.", "It stays: pages and tests rely on it.")
        if self.repo is None:
            raise Refused(f"{self.name} is your own file.", f"Remove it by hand: {self.place}")
        try:
            self._remove(self.repo)
        except OSError as error:
            raise NotWritable(
                f"{self.name} cannot be removed: {error.strerror}.", "Close what uses it, and check the permissions."
            ) from error

    @property
    def _revision(self) -> str | None:
        return None

    def _wanted(self, names: Sequence[str]) -> Sequence[str]:
        """Which files of its repository it takes; ModelError where they do not suffice."""
        return names

    @abstractmethod
    def _fetch(self, repo: str, reserved: int) -> Transfer: ...

    @abstractmethod
    def _remove(self, repo: str) -> None: ...


@dataclass(frozen=True)
class _Catalogued(Item):
    """A model, a ControlNet or an IP-Adapter."""

    sources: WeightsCatalogue[WeightsEntry]
    one: WeightsEntry

    @classmethod
    def of(cls, kind: Kind, sources: WeightsCatalogue[WeightsEntry], one: WeightsEntry) -> "_Catalogued":
        facts = (one.id, one.name, one.summary, one.licence, one.family, one.repo, one.download_bytes)
        return cls(kind, *facts, sources, one)

    @property
    def here(self) -> bool:
        return self.sources.whole(self.one)

    @property
    def place(self) -> Path | None:
        return self.sources.location(self.one) if self.here else None

    @property
    def size_bytes(self) -> int:
        return self.sources.size_bytes(self.one) or 0

    @property
    def fault(self) -> ModelError | None:
        return self.sources.why_not(self.one) if self.here else None

    @property
    def unfinished_bytes(self) -> int:
        # Of a repository that serves several, nobody can say whose it is.
        alone = self.repo and sum(one.repo == self.repo for one in self.sources.values()) == 1
        return hub_cache.unfinished_bytes(self.repo) if self.repo and alone else 0

    @property
    def _revision(self) -> str | None:
        return self.one.revision

    def _wanted(self, names: Sequence[str]) -> Sequence[str]:
        return self.sources.wanted(self.one, names)

    def _fetch(self, repo: str, reserved: int) -> Transfer:
        return Transfer(self.name, repo, self._wanted, revision=self._revision, reserved=reserved)

    def _remove(self, repo: str) -> None:
        others = [one for one in self.sources.values() if one.repo == repo and one.id != self.one.id]
        kept = {path for one in others if self.sources.present(one) for path in self.sources.files(one)}
        hub_cache.remove(repo, set(self.sources.files(self.one)) - kept)


@dataclass(frozen=True)
class _Configs(Item):
    """What a single file is loaded with beside itself, of a repository that has it."""

    catalogue: Catalogue
    model: Model

    @classmethod
    def of(cls, catalogue: Catalogue, model: Model, repo: str) -> "_Configs":
        summary = f"What {model.name} is loaded with: the configs and tokenizers of {repo}, without weights."
        facts = (f"{model.id}.config", f"Configs for {model.name}", summary, "", model.family, repo, CONFIG_BYTES)
        return cls("model", *facts, catalogue, model)

    @property
    def here(self) -> bool:
        return self.catalogue.config(self.model) is not None

    @property
    def place(self) -> Path | None:
        return self.catalogue.config(self.model)

    @property
    def size_bytes(self) -> int:
        return 0

    def _fetch(self, repo: str, reserved: int) -> Transfer:
        return Transfer(self.name, repo, lenders.wanted, reserved=reserved)

    def _remove(self, repo: str) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class _InFolder(Item):
    """Files by their names in a folder of the home: the weights of an estimator or metric, an upscaler."""

    folder: Path
    files: tuple[str, ...]
    alone: bool

    @classmethod
    def of_weights(cls, kind: Kind, one: Weights, summary: str, settings: Settings) -> "_InFolder":
        folder = one.folder(settings)
        return cls(kind, one.id, one.name, summary, one.licence, "", one.repo, one.bytes, folder, one.files, alone=True)

    @classmethod
    def of_upscaler(cls, id: str, one: Published, folder: Path) -> "_InFolder":  # noqa: A002
        facts = (id, one.name, one.summary, one.licence, "", one.repo, one.download_bytes)
        return cls("upscaler", *facts, folder, (one.file,), alone=False)

    @property
    def here(self) -> bool:
        return all((self.folder / file).is_file() for file in self.files)

    @property
    def place(self) -> Path | None:
        if not self.here:
            return None
        return self.folder if self.alone else self.folder / self.files[0]

    @property
    def size_bytes(self) -> int:
        return sum(hub_cache.size(self.folder / file) for file in self.files)

    @property
    def unfinished_bytes(self) -> int:
        return hub_cache.unfinished_in(self.folder) if self.alone else 0

    def _wanted(self, names: Sequence[str]) -> Sequence[str]:
        del names
        return self.files

    def _fetch(self, repo: str, reserved: int) -> Transfer:
        return Transfer(self.name, repo, self._wanted, self.folder, reserved=reserved)

    def _remove(self, repo: str) -> None:
        del repo
        for file in self.files:
            (self.folder / file).unlink(missing_ok=True)
        if self.alone:
            shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class _Own(Item):
    """A single file that somebody put here, or that came with the studio."""

    path: Path

    @property
    def here(self) -> bool:
        return self.path.is_file()

    @property
    def place(self) -> Path | None:
        return self.path

    @property
    def size_bytes(self) -> int:
        return hub_cache.size(self.path)

    def _fetch(self, repo: str, reserved: int) -> Transfer:
        raise NotImplementedError

    def _remove(self, repo: str) -> None:
        raise NotImplementedError


class Items:
    """All that there is, looked up anew each time, as files come and go."""

    def __init__(self, settings: Settings, catalogue: Catalogue, controlnets: ControlNets) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._controlnets = controlnets

    def __iter__(self) -> Iterator[Item]:
        for model in self._catalogue.values():
            yield _Catalogued.of("model", self._catalogue, model)  # type: ignore[arg-type]  # Sources is invariant
            if configs := self.configs(model.id):
                yield configs
        for net in self._controlnets.values():
            yield self.controlnet(net.id)
        yield from self._weights()
        yield from self._upscalers()
        for vae in Vaes(self._settings).values():
            yield _Own("vae", vae.name, vae.name, "", "", vae.family or "", None, None, vae.path)

    def __getitem__(self, name: str) -> Item:
        """The one of this id, or of this kind/id; ModelError with what may have been meant."""
        found = [item for item in self if name in (item.id, item.key)]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousModel(f"{name} may mean several.", f"Say which: {' or '.join(item.key for item in found)}.")
        meant = did_you_mean(name, [item.id for item in self], 3)
        raise UnknownModel(f"There is nothing called {name!r}.", f"{meant}List all of them with: studio models")

    def model(self, id: str) -> Item:  # noqa: A002
        """The model of this id."""
        return _Catalogued.of("model", self._catalogue, self._catalogue[id])  # type: ignore[arg-type]

    def configs(self, id: str) -> Item | None:  # noqa: A002
        """What the model of this id has to be loaded with beside its single file, and is not here."""
        model = self._catalogue[id]
        lender = self._catalogue.lender(model)
        return _Configs.of(self._catalogue, model, lender) if lender else None

    def controlnet(self, id: str) -> Item:  # noqa: A002
        """The ControlNet or IP-Adapter of this id."""
        one = self._controlnets[id]
        kind: Kind = "ip-adapter" if one.is_prompt else "controlnet"
        return _Catalogued.of(kind, self._controlnets, one)  # type: ignore[arg-type]

    def weights(self, wanted: Weights) -> Item:
        """The weights of an estimator or a metric."""
        return next(item for item in self._weights() if item.id == wanted.id)

    def _weights(self) -> Iterator[Item]:
        for kind, members in (("estimator", CONTROLS), ("metric", METRICS)):
            wanted = {weights.id: weights for member in members.values() for weights in member.needs}
            for weights in wanted.values():
                by = [member.label for member in members.values() if weights in member.needs]
                yield _InFolder.of_weights(kind, weights, _for(kind, by), self._settings)  # type: ignore[arg-type]

    def _upscalers(self) -> Iterator[Item]:
        home = self._settings.home
        there = published(home / "presets")
        for name, one in there.items():
            yield _InFolder.of_upscaler(name, one, home / "upscalers")
        for name, path in Upscalers(self._settings).items():
            if name not in there:
                yield _Own("upscaler", name, name, "", "", "", None, None, path)


def _for(kind: str, labels: Sequence[str]) -> str:
    what = "Makes the maps of" if kind == "estimator" else "Measures"
    return f"{what} {' and '.join(labels)}."
