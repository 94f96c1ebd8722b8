"""What is ready-made as TOML: negative prompts, styles, sizes, stacks of LoRAs, recipes.

One file is one preset; its name is the preset's id.

An unknown key, a wrong type or bad TOML is an error that names file, line and key: nothing is silently ignored.
"""

import re
from collections.abc import Iterator, Mapping
from math import sqrt
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from studio.atomic_files import visible
from studio.errors import InvalidPreset
from studio.families import FAMILIES
from studio.families.base import Family
from studio.parsing import ParseError, decode, fault_words, load_toml, read_bytes
from studio.presets.recipes import RecipePreset
from studio.recipe import Lora, all_fields, flat_name
from studio.settings import PRESETS
from studio.shorthand import RENAME, TWINS, folded, normalized, twins

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", bound="PromptPreset | RecipePreset")
Stamp = tuple[Path, int, int, int]
# Hundreds of styles can be imported.
PICTURES = (".webp", ".png")
Positive = Annotated[int, Field(ge=1)]


class PromptPreset(BaseModel):
    """Words for one purpose; empty `families` means that it suits all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    purpose: str = ""
    families: tuple[str, ...] = ()

    @field_validator("families")
    @classmethod
    def _are_known(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        for family in families:
            check_family(family)
        return families

    def suits(self, family: str) -> bool:
        """Whether it is meant for models of this family, given by its id."""
        return not self.families or family in self.families


class NegativePreset(PromptPreset):
    """What to keep out of a picture."""

    text: Annotated[str, Field(min_length=1)]


class StylePreset(PromptPreset):
    """How a picture looks: `prompt` has {prompt} where the creator's words go; without it, it is added to them."""

    prompt: str = ""
    negative: str = ""

    def applied(self, prompt: str, negative: str) -> tuple[str, str]:
        """Prompt and negative prompt in this style."""
        return _placed(self.prompt, prompt), _placed(self.negative, negative)


class StackPreset(PromptPreset):
    """LoRAs that go well together, each as a recipe has it."""

    loras: Annotated[tuple[Lora, ...], Field(min_length=1)]


class SizePreset(BaseModel):
    """A shape of picture: `aspect` is width to height, `scale` is linear and relative to the model's native side."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str
    name: str
    aspect: tuple[Positive, Positive]
    scale: Annotated[float, Field(gt=0, le=4)] = 1.0
    order: int = 100

    def size(self, family: Family, side: int | None = None) -> tuple[int, int]:
        """Width and height in pixels, of the area of the scaled native square, within the family's limits.

        `side` is the native side of a model that differs from its family's.
        """
        across, up = self.aspect
        edge = (side or family.native_side) * self.scale
        width, height = edge * sqrt(across / up), edge * sqrt(up / across)
        shrink = min(1.0, family.max_side / max(width, height))
        return _fit(width * shrink, family), _fit(height * shrink, family)


class Presets:
    """The project's presets, then those in `folders` (such as the home's); of two with one id the later counts.

    `faults` says by file what is wrong with those that cannot be read; they are left out.
    """

    def __init__(self, *folders: Path, known: Mapping[Stamp, BaseModel] | None = None) -> None:
        """What is `known` of files that are as they were is not read again."""
        self._sources = (PRESETS, *folders)
        self._known: Mapping[Stamp, BaseModel] = known or {}
        self.refresh()

    def with_folder(self, folder: Path) -> "Presets":
        """These, and beside them those of one more folder, which count first."""
        return Presets(*self._sources[1:], folder, known=self._known)

    def refresh(self) -> None:
        """Read what is new or changed."""
        known: dict[Stamp, BaseModel] = {}
        faults: dict[Path, InvalidPreset] = {}
        negatives = self._read_all("negative", NegativePreset, known, faults)
        styles = self._read_all("styles", StylePreset, known, faults)
        stacks = self._read_all("stacks", StackPreset, known, faults)
        recipes = self._read_all("recipes", RecipePreset, known, faults)
        sizes = self._read_all("sizes", SizePreset, known, faults)
        self._known = known
        self.faults: Mapping[Path, InvalidPreset] = faults
        self.negatives: Mapping[str, NegativePreset] = negatives
        self.styles: Mapping[str, StylePreset] = styles
        self.stacks: Mapping[str, StackPreset] = stacks
        self.recipes: Mapping[str, RecipePreset] = recipes
        self.sizes: Mapping[str, SizePreset] = MappingProxyType(
            dict(sorted(sizes.items(), key=lambda item: (item[1].order, item[0])))
        )

    def _read_all(
        self, name: str, kind: type[M], known: dict[Stamp, BaseModel], faults: dict[Path, InvalidPreset]
    ) -> Mapping[str, M]:
        """The presets of a sort; `known` gets each of them by its file's stamp, `faults` those that are none."""
        found: dict[str, M] = {}
        for path, fault in toml_files(*(folder / name for folder in self._sources)):
            stamp = _stamp(path)
            try:
                if fault:
                    raise fault
                preset = self._known.get(stamp) or read_toml(path, kind)
            except InvalidPreset as error:
                faults[path] = error
                continue
            known[stamp] = preset
            found[normalized(path.stem)] = preset  # type: ignore[assignment]  # of the stamp's path, so of this kind
        return MappingProxyType(found)

    def picture_of(self, style: StylePreset) -> Path | None:
        """The small picture beside a style's file: NAME.webp or NAME.png; the later folder's counts here, too."""
        places = (folder / "styles" / f"{style.id}{end}" for folder in reversed(self._sources) for end in PICTURES)
        return next((path for path in places if path.is_file()), None)

    def fault_of(self, name: str) -> InvalidPreset | None:
        """What is wrong with the file of this id or name, where it is one of those that cannot be read."""
        return next((error for path, error in self.faults.items() if folded(path.stem) == folded(name)), None)


def named(name: str, presets: Mapping[str, N]) -> N | None:
    """The preset of this id, or of this name in any case and with the file's ending left on; None where there is none.

    InvalidPreset where several have the name.
    """
    name = normalized(name)
    if name in presets:
        return presets[name]
    bare = folded(name).removesuffix(".toml")
    for form, wanted in ((normalized, name), (folded, folded(name)), (folded, bare)):
        same = [one for one in presets.values() if wanted in (form(one.name), form(one.id))]
        if len(same) > 1:
            ids = " or ".join(one.id for one in same)
            raise InvalidPreset(f"{len(same)} presets are called “{name}”.", f"Say which by its id: {ids}.")
        if same:
            return same[0]
    return None


def toml_files(*folders: Path) -> Iterator[tuple[Path, InvalidPreset | None]]:
    """The TOML files of the folders, and what is wrong with those of which another has the name."""
    for folder in folders:
        paths = list(visible(folder, ".toml"))
        same = twins(path.stem for path in paths)
        for path in paths:
            name = normalized(path.stem)
            message = TWINS.format(count=len(same.get(name, ())), name=name)
            yield path, InvalidPreset(f"{path}: {message}", RENAME) if name in same else None


def read_toml(path: Path, kind: type[M]) -> M:
    """Read one preset; its id is the file's name. Raises InvalidPreset naming file, line and key."""
    return check(path, {"id": normalized(path.stem)}, read_table(path), kind)


def read_table(path: Path) -> dict[str, Any]:
    """The keys and values of a TOML file, unchecked; InvalidPreset where it is none."""
    try:
        return load_toml(path)
    except ParseError as error:
        raise InvalidPreset(f"{path} {error.fault}.", error.cure) from error


def check(path: Path, given: Mapping[str, Any], table: Mapping[str, Any], kind: type[M]) -> M:
    """A `kind` of what is `given` by the file's place and the `table` in it; InvalidPreset names the key at fault."""
    stray = next((key for key in given if key in table), None)
    if stray is not None:
        raise InvalidPreset(f"{_place(path, stray)}: `{stray}` is not to be set.", "It follows from the file's name.")
    try:
        return kind(**given, **table)
    except ValidationError as error:
        raise _preset_error(path, error, kind) from error


def check_family(family: str) -> str:
    """The family's id itself; ValueError that lists the known ones for any other."""
    if family not in FAMILIES:
        raise ValueError(f"{family!r} is not a model family; known are {', '.join(FAMILIES)}")
    return family


def _placed(template: str, words: str) -> str:
    words = words.strip()
    if "#" in words.rpartition("\n")[2]:
        words += "\n"  # a comment would take the style along
    if "{prompt}" in template:
        return template.replace("{prompt}", words)
    return ", ".join(filter(None, (words, template)))


def _stamp(path: Path) -> Stamp:
    """What changes when the file does: a file that takes its place has a number of its own."""
    try:
        status = path.stat()
    except OSError:  # told where it is read
        return path, 0, 0, 0
    return path, status.st_ino, status.st_mtime_ns, status.st_size


def _fit(pixels: float, family: Family) -> int:
    low = -(-family.min_side // family.multiple) * family.multiple
    high = family.max_side // family.multiple * family.multiple
    return min(high, max(low, round(pixels / family.multiple) * family.multiple))


def _preset_error(path: Path, error: ValidationError, kind: type[BaseModel]) -> InvalidPreset:
    """The first fault of a validation, with its place in the file."""
    # A key that is missing may be one that is misspelt.
    first = next((fault for fault in error.errors() if fault["type"] == "extra_forbidden"), error.errors()[0])
    name, inner = flat_name([str(step) for step in first["loc"]] or [""])
    *outer, key = name, *inner
    stray = first["type"] == "extra_forbidden"
    where = _place(path, key if stray or not outer else outer[0])
    if stray:
        known = ", ".join(name for name in all_fields(kind) if name != "id")
        return InvalidPreset(
            f"{where}: there is no key `{key}`.", "Correct it, or leave it out." if outer else f"Known are: {known}."
        )
    key = ".".join((*outer, key))
    if first["type"] == "missing":
        return InvalidPreset(f"{where}: the key `{key}` is missing.", f"Add {key} = ...")
    problem = fault_words(first)
    return InvalidPreset(f"{where}: {f'`{key}`: ' if key else ''}{problem}.", "Correct it, or remove the file.")


def _place(path: Path, key: str) -> str:
    """The file, with the line the key stands on where that is known."""
    pattern = re.compile(rf"""(?:^|[{{,])\s*["']?{re.escape(key)}["']?\s*=""")
    try:
        lines = decode(read_bytes(path)).splitlines() if key else []
    except ParseError:
        lines = []
    number = next((n for n, line in enumerate(lines, start=1) if pattern.search(line)), None)
    return f"{path}, line {number}" if number else str(path)
