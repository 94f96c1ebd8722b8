"""The models that there are: those that the project names, and those that lie in the home's `models` folder.

In that folder, NAME/ is a diffusers model, NAME.safetensors a single file with its configs in NAME.config/ beside it,
and NAME.toml says about either, or about a model on the hub, what cannot be seen from the files.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from studio import hub
from studio.catalogue.checkpoints import (
    INDEX,
    PICKLES,
    family_of_file,
    family_of_folder,
    has_checker,
    read_json,
    refuse_pickle,
    tensor_shapes,
    weights,
)
from studio.catalogue.vocabulary import Vocabulary, read_tokenizer
from studio.errors import ModelError, StudioError
from studio.families import FAMILIES
from studio.families.base import Family
from studio.presets.reading import check, check_family, read_table
from studio.settings import PRESETS, Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SOURCES = ("folder", "repo", "file")
Count = Annotated[int, Field(ge=1)]
# What a distilled model of a family may have lost; the other abilities are those of the family's pipelines.
Learned = Literal["negative_prompt", "guidance"]


class Model(BaseModel):
    """One model: where its weights are, and where it differs from its family. Exactly one source is set.

    `folder` is a diffusers folder; `repo` an id on the hub (with `revision` and `variant`); `file` a single
    .safetensors with `config`, a diffusers folder without weights. What is None is as in the family.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str
    name: str
    family: str
    summary: str = ""
    licence: str = ""
    folder: Path | None = None
    repo: str | None = None
    revision: str | None = None
    variant: str | None = None
    file: Path | None = None
    config: Path | None = None
    scheduler: str | None = None
    steps: Count | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=50)] | None = None
    width: Count | None = None
    height: Count | None = None
    prompt_tokens: Count | None = None
    abilities: frozenset[Learned] | None = None
    draft_steps: Count | None = None
    download_bytes: Count | None = None
    examples: tuple[str, ...] = ()

    @field_validator("family")
    @classmethod
    def _family_is_known(cls, family: str) -> str:
        return check_family(family)

    @field_validator("scheduler")
    @classmethod
    def _scheduler_suits(cls, scheduler: str | None, info: ValidationInfo) -> str | None:
        known = FAMILIES[info.data["family"]].schedulers() if "family" in info.data else ()
        if scheduler is not None and known and scheduler not in known:
            raise ValueError(f"{scheduler!r} cannot sample this family; choose one of {', '.join(known)}")
        return scheduler

    @field_validator("width", "height")
    @classmethod
    def _size_suits(cls, pixels: int | None, info: ValidationInfo) -> int | None:
        family = FAMILIES[info.data["family"]] if "family" in info.data else None
        if pixels and family and (pixels % family.multiple or not family.min_side <= pixels <= family.max_side):
            limits = f"{family.min_side} to {family.max_side}"
            raise ValueError(f"{pixels} is not a multiple of {family.multiple} from {limits}")
        return pixels

    @model_validator(mode="after")
    def _has_one_source(self) -> "Model":
        if sum(getattr(self, source) is not None for source in SOURCES) != 1:
            raise ValueError(f"exactly one of the keys {', '.join(SOURCES)} says where the weights are")
        return self

    def family_facts(self) -> Family:
        """What is known about its family."""
        return FAMILIES[self.family]

    def default(self, name: str) -> Any:
        """The model's own value of a setting or fact, else its family's; a width or height is the native side."""
        own = getattr(self, name, None)
        if name == "abilities" and own is not None:
            return own | (self.family_facts().abilities - {*get_args(Learned)})
        if own is not None:
            return own
        if name in ("width", "height"):
            return self.family_facts().native_side
        if name == "draft_steps":
            return max(1, int(self.default("steps")) // 2)
        return getattr(self.family_facts(), name)


class Catalogue(Mapping[str, Model]):
    """Every model by its id; the home's count over the project's. `faults` says why other entries are no model."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home / "models"
        self._tokenizers: dict[Path, Tokenizer | None] = {}
        self._models: dict[str, Model] = {}
        self.faults: dict[str, ModelError] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again at what there is."""
        self._models, self.faults = {}, {}
        for path in sorted((PRESETS / "models").glob("*.toml")):
            self._add(path.stem, {"toml": path}, PRESETS.parent)
        for name, found in entries(self._home).items():
            self._add(name, found, self._home)

    def __getitem__(self, name: str) -> Model:
        if name in self._models:
            return self._models[name]
        if name in self.faults:
            raise ModelError(self.faults[name].message, self.faults[name].hint)
        close = get_close_matches(name, self._models, n=3, cutoff=0.5)
        known = dict.fromkeys([*close, *self._models])
        raise ModelError(f"There is no model {name!r}.", f"Known are: {', '.join(known)}.")

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def location(self, model: Model) -> Path | None:
        """The folder or file on this disk that the model is loaded from; None where it is still on the hub."""
        if model.repo is None:
            return model.folder or model.file
        from huggingface_hub import try_to_load_from_cache

        index = try_to_load_from_cache(model.repo, INDEX, revision=model.revision)
        return Path(index).parent if isinstance(index, str) else None

    def size_bytes(self, model: Model) -> int | None:
        """What its weights take on this disk; None where they are not all there."""
        try:
            return sum(path.stat().st_size for path in self._weights(model))
        except (ModelError, OSError):
            return None

    def present(self, model: Model) -> bool:
        """Whether all its weights are on this disk, so that nothing has to be downloaded."""
        return self.size_bytes(model) is not None

    def why_not(self, model: Model) -> ModelError | None:
        """What keeps the model from being loaded, with its cure; None where nothing does.

        A model that only has to be downloaded can be loaded, unless the hub is switched off.
        """
        try:
            if model.repo is not None and not self.present(model):
                return not_downloaded(model.name, model.repo)
            for path in self._weights(model):
                tensor_shapes(path)
            _check_family(model)
            _check_config(model)
        except ModelError as error:
            return error
        return None

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
        return model.config if model.file else self.location(model)

    def _add(self, name: str, found: Mapping[str, Path], root: Path) -> None:
        """One broken entry is listed with its fault and does not take the others down."""
        self._models.pop(name, None)
        try:
            self._models[name] = _entry(name, found, root)
        except StudioError as error:
            self.faults[name] = ModelError(error.message, error.hint)

    def _weights(self, model: Model) -> list[Path]:
        place = self.location(model)
        if place is None:
            raise ModelError(f"{model.name} is not on this disk.")
        refuse_pickle(place)
        if not place.exists():
            raise ModelError(f"{model.name} is missing: there is no {place}.", "Put it there, or mend its .toml file.")
        return [place] if model.file else weights(place, model.variant)


def entries(home: Path) -> dict[str, dict[str, Path]]:
    """What lies in a folder of models: by name, what there is of it by kind (toml, folder, file, pickle)."""
    found: dict[str, dict[str, Path]] = {}
    if not home.is_dir():
        return found
    for path in _listing(home):
        if path.name.startswith(".") or path.name.endswith(".config"):
            continue
        if path.is_dir():
            found.setdefault(path.name, {})["folder"] = path
        elif path.suffix.lower() in (".toml", ".safetensors", *PICKLES):
            kind = {".toml": "toml", ".safetensors": "file"}.get(path.suffix.lower(), "pickle")
            found.setdefault(path.name[: -len(path.suffix)], {})[kind] = path
    return found


def _listing(home: Path) -> list[Path]:
    try:
        return sorted(home.iterdir())
    except OSError as error:
        raise ModelError(f"{home} cannot be read: {error.strerror}.", "Check its permissions.") from error


def _entry(name: str, found: Mapping[str, Path], root: Path) -> Model:
    """The model that the files make together; paths in the TOML are relative to `root`."""
    toml = found.get("toml", root / f"{name}.toml")
    table = read_table(toml) if "toml" in found else {}
    for key in ("folder", "file", "config"):
        if isinstance(table.get(key), str):
            table[key] = root / table[key]
    if not any(source in table for source in SOURCES):
        table |= source_beside(name, found, root)
    if "file" in table and (root / f"{name}.config").is_dir():
        table.setdefault("config", root / f"{name}.config")
    if "family" not in table and "repo" not in table:
        table["family"] = _recognise(table)
    table.setdefault("name", name)
    return check(toml, {"id": name}, table, Model)


def source_beside(name: str, found: Mapping[str, Path], root: Path) -> dict[str, Path]:
    """The source that lies beside a TOML file that names none; ModelError where there is no, or only a refused one."""
    if "folder" in found:
        return {"folder": found["folder"]}
    if "file" in found:
        return {"file": found["file"]}
    if "pickle" in found:
        refuse_pickle(found["pickle"])
    raise ModelError(
        f"{root / name}.toml does not say where the weights are.",
        f"Add one of the keys {', '.join(SOURCES)}, or put {name}.safetensors beside it.",
    )


def _recognise(table: Mapping[str, Any]) -> str:
    place = table.get("folder") or table.get("file")
    if not isinstance(place, Path) or not place.exists():
        raise ModelError(f"There is no {place}.", "Put the model there, or mend its .toml file.")
    if place.is_dir() and not (place / INDEX).is_file():
        raise ModelError(f"{place} is no diffusers model: it has no {INDEX}.", "Copy it whole, or remove the folder.")
    family = family_of_folder(place) if place.is_dir() else family_of_file(place)
    if family is None:
        raise ModelError(
            f"{place.name} is of no family that the studio knows.",
            "It must be a whole text-to-image model (denoiser, VAE and text encoders) of one of these: "
            + ", ".join(facts.name for facts in FAMILIES.values())
            + ". A variant of one is named with `family` in a .toml file beside it.",
        )
    return family


def _check_family(model: Model) -> None:
    """Weights that are plainly of another family fail deep inside the load; said here, they can be mended."""
    seen = family_of_folder(model.folder) if model.folder else family_of_file(model.file) if model.file else None
    if seen not in (None, model.family):
        raise ModelError(
            f"{model.name} is said to be {model.family}, but its weights are {seen}.",
            f'Write family = "{seen}" in its .toml file.',
        )


def _check_config(model: Model) -> None:
    if model.file is None or (model.config and (model.config / INDEX).is_file()):
        return
    if model.config:
        raise ModelError(
            f"{model.name}: {model.config} is not a folder of diffusers configs: it has no {INDEX}.",
            f"Copy there everything but the weights from any {model.family_facts().name} model in diffusers format.",
        )
    stem = model.file.with_suffix("").name
    raise ModelError(
        f"{model.file.name} needs the configs and tokenizer of its family on this disk.",
        f"Copy everything but the weights of any {model.family_facts().name} model in diffusers format into "
        f'{stem}.config/ beside it, or name such a folder in {stem}.toml: config = "folder".',
    )


def not_downloaded(name: str, repo: str) -> ModelError | None:
    """What keeps weights that are not on this disk from being downloaded; None where nothing is known to."""
    if not hub.is_off():
        return None
    return ModelError(
        f"{name} is not on this disk, and the hub is switched off (HF_HUB_OFFLINE).",
        f"Unset HF_HUB_OFFLINE to download {repo}, or choose a model that is here.",
    )
