"""The models that there are: those that the project names, and those that lie in the home's `models` folder.

Single files there have their configs in NAME.config/ beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from studio import hub
from studio.catalogue import configs, lenders, noise_schedules
from studio.catalogue.checkpoints import (
    INDEX,
    family_of_file,
    family_of_folder,
    has_checker,
    read_json,
    repo_files,
    weights,
)
from studio.catalogue.misplaced import refused, what_else
from studio.catalogue.model_files import PredictionType, facts_of
from studio.catalogue.noise_schedules import NoiseSchedule
from studio.catalogue.sources import Count, Entry, Found, WeightsCatalogue, WeightsEntry, table_of
from studio.catalogue.tensor_files import header, refuse_pickle, tensor_shapes
from studio.catalogue.vocabulary import Vocabulary, read_tokenizer
from studio.errors import DamagedModel, IncompatibleModel, ModelError, NotDownloaded, UnknownModel, UnsupportedModel
from studio.families import FAMILIES
from studio.families.base import Family
from studio.hosted.models import Hosted
from studio.hub_cache import cached
from studio.presets.reading import check, read_table
from studio.recipe import Task
from studio.schedulers import sampling
from studio.settings import PRESETS, Settings
from studio.suggestions import near

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# What a distilled model of a family may have lost; the other abilities are those of the family's pipelines.
Learned = Literal["negative_prompt", "guidance"]
# The scheduler of models whose noise is not their family's.
NOISE_DEFAULTS: Mapping[NoiseSchedule, str] = {"zero_snr": "Euler", "edm": "EDM DPM++ 2M"}


class FewSteps(BaseModel):
    """How a model draws in few steps: by a LoRA of its own, or because it was distilled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Count
    scheduler: str | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    lora: str | None = None


class Model(WeightsEntry):
    """One model: where its weights are, and where it differs from its family. What is None is as in the family.

    A single `file` has `config`, a diffusers folder without weights, the studio's own where there is none of its own.
    `vae` names one of the home's `vaes` that stands in for what it brings. `noise_schedule` is read from the files
    where they lie here, and said by the TOML file of a model on the hub; so is `prediction_type` of a single file,
    where that is not as its config says. `published_as` are the files and names that other tools know its weights by.
    """

    config: Path | None = None
    prediction_type: PredictionType | None = None
    noise_schedule: NoiseSchedule | None = None
    vae: str | None = None
    scheduler: str | None = None
    steps: Count | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    width: Count | None = None
    height: Count | None = None
    prompt_tokens: Count | None = None
    abilities: frozenset[Learned] | None = None
    draft_steps: Count | None = None
    few_steps: FewSteps | None = None
    published_as: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @field_validator("scheduler")
    @classmethod
    def _scheduler_suits(cls, scheduler: str | None, info: ValidationInfo) -> str | None:
        known = info.data.keys() >= {"family", "noise_schedule"} and sampled_by(
            FAMILIES[info.data["family"]], info.data["noise_schedule"]
        )
        if scheduler is not None and known and scheduler not in known:
            raise ValueError(f"{scheduler!r} cannot sample this model; choose one of {', '.join(known)}")
        return scheduler

    @field_validator("width", "height")
    @classmethod
    def _size_suits(cls, pixels: int | None, info: ValidationInfo) -> int | None:
        family = FAMILIES[info.data["family"]] if "family" in info.data else None
        if pixels and family and (pixels % family.multiple or not family.min_side <= pixels <= family.max_side):
            limits = f"{family.min_side} to {family.max_side}"
            raise ValueError(f"{pixels} is not a multiple of {family.multiple} from {limits}")
        return pixels

    def family_facts(self) -> Family:
        """What is known about its family."""
        return FAMILIES[self.family]

    def does(self, task: Task) -> bool:
        """Whether it can do a task; to enlarge is to paint over."""
        return ("img2img" if task == "upscale" else task) in self.family_facts().pipelines

    def schedulers(self) -> tuple[str, ...]:
        """The names of the schedulers that can sample it."""
        return sampled_by(self.family_facts(), self.noise_schedule)

    def default(self, name: str) -> Any:
        """The model's own value of a setting or fact, else its family's; a width or height is the native side."""
        own = getattr(self, name, None)
        if name == "abilities" and own is not None:
            return own | (self.family_facts().abilities - {*get_args(Learned)})
        if own is not None:
            return own
        if name in ("width", "height"):
            return self.family_facts().native_side
        if name == "scheduler" and self.noise_schedule:
            return NOISE_DEFAULTS[self.noise_schedule]
        if name == "draft_steps":
            return max(1, int(self.default("steps")) // 2)
        return getattr(self.family_facts(), name)


class Catalogue(WeightsCatalogue[Model]):
    """Every model by its id; the home's count over the project's."""

    sort = "model"

    def __init__(self, settings: Settings) -> None:
        self._settings, self._home = settings, settings.home / "models"
        self._checks = settings.output_check != "off"
        self._tokenizers: dict[Path, Tokenizer | None] = {}
        super().__init__(PRESETS / "models", self._home)

    def entries(self) -> Iterator[Entry]:
        for path in sorted((PRESETS / "models").glob("*.toml")):
            yield path.stem, {"toml": path}, PRESETS.parent
        for name, found in self._found_in(self._home).items():
            yield name, found, self._home

    def missing(self, name: str) -> ModelError:
        hosted = [one.name for one in Hosted(self._settings).endpoints()]
        return UnknownModel(f"There is no model {name!r}.", near(name, self, others=hosted))

    def location(self, one: Model) -> Path | None:
        if one.repo is None:
            return one.folder or one.file
        index = cached(one.repo, INDEX, one.revision)
        return index.parent if index else None

    def weights(self, one: Model) -> list[Path]:
        place = self.location(one)
        if place is None:
            raise NotDownloaded(f"{one.name} is not on this disk.")
        refuse_pickle(place)
        if not place.exists():
            raise NotDownloaded(
                f"{one.name} is missing: there is no {place}.", "Put it there, or correct its .toml file."
            )
        return [place] if one.file else weights(place, one.variant)

    def wanted(self, one: Model, names: Sequence[str]) -> list[str]:
        return repo_files(str(one.repo), names, one.variant, checker=self._checks)

    def check(self, one: Model) -> None:
        for path in self.weights(one):
            tensor_shapes(path)
        _check_family(one)
        if self.config(one) is None:
            _check_config(one, self.lender(one))

    def read(self, name: str, found: Found, root: Path) -> Model:
        toml, table = table_of(name, found, root, "config")
        if "file" in table and (root / f"{name}.config").is_dir():
            table.setdefault("config", root / f"{name}.config")
        if "family" not in table and "repo" not in table:
            table["family"] = _recognise(table)
        if "noise_schedule" not in table and (seen := _noise_schedule(table)):
            table["noise_schedule"] = seen
        family = str(table.get("family"))
        place = _single_file(table) or table.get("folder")
        if isinstance(place, Path) and family in FAMILIES:
            table = {**facts_of(place, family), **table}
        if _single_file(table):
            table = {"config": configs.bundled(family), **table}
        table.setdefault("published_as", _published_as(name))
        return check(toml, {"id": name}, table, Model)

    def config(self, model: Model) -> Path | None:
        """The folder of configs and tokenizers of a single file: its own, the studio's, or that of a model that is here
        and of the same build; None where there is none, and for all that is no single file.
        """
        if model.file is None or model.config is not None:
            return model.config if model.config and (model.config / INDEX).is_file() else None
        build = lenders.build_of_file(model.file, model.family)
        places = (self.location(one) for one in self.values() if one.family == model.family and one.file is None)
        lender = lenders.repo_of(model.family, build)
        fetched = cached(lender, INDEX) if lender else None
        found = (place for place in (*places, fetched and fetched.parent) if place)
        return next((place for place in found if lenders.lends(place, model.family, build)), None)

    def lender(self, model: Model) -> str | None:
        """The repository that has the configs and tokenizers of a single file for which they are not here."""
        if model.file is None or model.config is not None or self.config(model):
            return None
        return lenders.repo_of(model.family, lenders.build_of_file(model.file, model.family))

    def whole(self, one: Model) -> bool:
        return self.present(one) and (not self._checks or bool(self.checker(one)) or self.lacks_checker(one))

    def checker(self, model: Model) -> Path | None:
        """The folder that holds the model's own output checker; None where it is not on this disk."""
        base = self._base(model)
        return base if base and has_checker(base) else None

    def lacks_checker(self, model: Model) -> bool:
        """Whether it is plain that the model has no output checker: what is still on the hub may bring one."""
        if self.checker(model) or not self.present(model):
            return False
        base = self._base(model)
        promised = model.repo and base and read_json(base / INDEX).get("safety_checker")
        return not (promised and promised[0])

    def vocabulary(self, model: Model) -> Vocabulary | None:
        """The words that the model knows, where its folder has a vocabulary.json; ModelError where that is damaged."""
        path = model.folder / "vocabulary.json" if model.folder else None
        return Vocabulary.read(path) if path and path.is_file() else None

    def learned_steps(self, model: Model) -> int | None:
        """How many steps a distilled model has learned; None where its scheduler's config does not say so."""
        base = self._base(model)
        config = base / noise_schedules.CONFIG if base else None
        steps = read_json(config).get("original_inference_steps") if config and config.is_file() else None
        return int(steps) if steps else None

    def count_tokens(self, model: Model, text: str) -> int | None:
        """How many tokens the model's tokenizer makes of `text`, without marks; None where its files are not here."""
        base = self._base(model)
        if base is None:
            return None
        folder = base / model.family_facts().tokenizer
        if folder not in self._tokenizers:
            self._tokenizers[folder] = read_tokenizer(folder)
        tokenizer = self._tokenizers[folder]
        return len(tokenizer.encode(text, add_special_tokens=False).ids) if tokenizer else None

    def _base(self, model: Model) -> Path | None:
        """The folder of all that is not weights."""
        return self.config(model) if model.file else self.location(model)


def sampled_by(family: Family, noise_schedule: NoiseSchedule | None) -> tuple[str, ...]:
    """The names of the schedulers that can sample a model of this family and noise."""
    if noise_schedule is None or family.process == "flow":
        return family.schedulers()
    usable = sampling("edm" if noise_schedule == "edm" else family.process, zero_snr=noise_schedule == "zero_snr")
    return tuple(name for name in usable if name in (family.bound or usable))


def _noise_schedule(table: Mapping[str, Any]) -> NoiseSchedule | None:
    """What the model's files say, where they lie here."""
    folder = table.get("folder")
    if file := _single_file(table):
        return noise_schedules.of_file(file, table.get("config"))
    return noise_schedules.of_folder(folder) if isinstance(folder, Path) else None


def _single_file(table: Mapping[str, Any]) -> Path | None:
    file = table.get("file")
    return file if isinstance(file, Path) and file.is_file() and file.suffix == ".safetensors" else None


@cache
def _published_as(name: str) -> tuple[str, ...]:
    """What the project says of a model of this id, which may lie in the home's folder."""
    toml = PRESETS / "models" / f"{name}.toml"
    return tuple(read_table(toml).get("published_as", ())) if toml.is_file() else ()


def _recognise(table: Mapping[str, Any]) -> str:
    place = table.get("folder") or table.get("file")
    if not isinstance(place, Path) or not place.exists():
        raise NotDownloaded(f"There is no {place}.", "Put the model there, or correct its .toml file.")
    if place.is_dir() and not (place / INDEX).is_file():
        raise UnsupportedModel(
            f"{place} is not a diffusers model: it has no {INDEX}.", "Copy it whole, or remove the folder."
        )
    family = family_of_folder(place) if place.is_dir() else family_of_file(place)
    if family is None:
        if place.is_file() and (found := what_else(header(place))) and found[1] != "models":
            raise refused(place.name, "whole model", header(place), "Remove the file.")
        raise UnsupportedModel(
            f"{place.name} is of a family that the studio does not know.",
            "It must be a whole text-to-image model (denoiser, VAE and text encoders) of one of these: "
            + ", ".join(facts.name for facts in FAMILIES.values())
            + ". A variant of one is named with `family` in a .toml file beside it.",
        )
    return family


def _check_family(model: Model) -> None:
    """Weights that are plainly of another family fail deep inside the load; said here, they can be mended."""
    seen = family_of_folder(model.folder) if model.folder else family_of_file(model.file) if model.file else None
    if seen not in (None, model.family):
        raise IncompatibleModel(
            f"{model.name} is said to be {model.family}, but its weights are {seen}.",
            f'Write family = "{seen}" in its .toml file.',
        )


def _check_config(model: Model, lender: str | None) -> None:
    """ModelError where a single file has no configs, and none can be fetched."""
    if model.file is None or (lender and not hub.is_off()):
        return
    if model.config:
        raise DamagedModel(
            f"{model.name}: {model.config} is not a folder of diffusers configs: it has no {INDEX}.",
            f"Copy there everything but the weights from any {model.family_facts().name} model in diffusers format.",
        )
    stem = model.file.with_suffix("").name
    fault = f"{model.file.name} needs the configs and tokenizers of its family on this disk."
    if lender is None:
        raise NotDownloaded(
            fault,
            f"Copy everything but the weights of a {model.family_facts().name} model in diffusers format that has as "
            f'many layers into {stem}.config/ beside it, or name such a folder in {stem}.toml: config = "folder".',
        )
    raise NotDownloaded(
        fault,
        f"Unset HF_HUB_OFFLINE, and they are fetched (a few megabytes); or copy these files of {lender} into "
        f"{stem}.config/ beside it: {', '.join(lenders.files_of(model.family))}.",
    )
