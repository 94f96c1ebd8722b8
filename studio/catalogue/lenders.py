"""Whose configs and tokenizers a single file is loaded with where neither it nor the studio brings any.

Those of a model in diffusers format will do that is of the same family and build: of other weights, but with as many
layers. What they need of a repository is small: everything but the weights.
"""

from collections.abc import Sequence
from pathlib import Path

from studio.catalogue.checkpoints import INDEX, WITH_WEIGHTS, read_json
from studio.catalogue.model_files import SeenFiles
from studio.catalogue.variants import texts
from studio.families import FAMILIES
from studio.families.base import Build

# Parts that a single file does not ask for.
ASIDE = ("safety_checker", "feature_extractor", "image_encoder")


def build_of_file(file: Path, family: str) -> Build:
    """The build of a single file; ModelError where it is damaged."""
    return _build(SeenFiles(file), family)


def repo_of(family: str, build: Build) -> str | None:
    """The repository that has what a single file of this family and build needs; None where none is known."""
    facts = FAMILIES[family].configs
    return facts.repos.get(build) if facts else None


def lends(folder: Path, family: str, build: Build) -> bool:
    """Whether a diffusers folder of the family has all that a single file of this build needs beside its weights."""
    index = folder / INDEX
    if not index.is_file():
        return False
    parts = [name for name, value in read_json(index).items() if isinstance(value, list) and value[0]]
    whole = all(_has_texts(folder / name, network=name in WITH_WEIGHTS) for name in parts if name not in ASIDE)
    return whole and _build(SeenFiles(folder), family) == build


def wanted(names: Sequence[str]) -> list[str]:
    """The files of a repository that are borrowed from it."""
    parts = {name.partition("/")[0] for name in names if name.count("/") == 1} - {*ASIDE}
    inside = {part: [name.partition("/")[2] for name in names if name.startswith(f"{part}/")] for part in sorted(parts)}
    return [INDEX, *(f"{part}/{name}" for part, files in inside.items() for name in texts(files) if "/" not in name)]


def files_of(family: str) -> list[str]:
    """The borrowed files by name patterns: of folders of tokenizers, all."""
    facts = FAMILIES[family].configs
    parts = facts.parts if facts else ()
    return [INDEX, *(f"{part}/*" if part.startswith("tokenizer") else f"{part}/*.json" for part in parts)]


def _build(files: SeenFiles, family: str) -> Build:
    facts = FAMILIES[family].configs
    return facts.build(files) if facts and facts.build else None


def _has_texts(part: Path, *, network: bool) -> bool:
    if network:
        return (part / "config.json").is_file()
    return part.is_dir() and bool(texts([path.name for path in part.iterdir()]))
