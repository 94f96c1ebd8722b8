"""What a model's files on disk are, read from configs and headers alone: no tensor is loaded, no pickle is opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.catalogue import variants
from studio.catalogue.tensor_files import PICKLES, refuse_pickle, tensor_shapes
from studio.errors import DamagedModel, UnsupportedModel
from studio.families import FAMILIES
from studio.parsing import ParseError, load_json

INDEX = "model_index.json"
DENOISERS = ("unet", "transformer")
WITH_WEIGHTS = (*DENOISERS, "vae", "text_encoder", "text_encoder_2", "text_encoder_3")
CHECKER = ("safety_checker/config.json", "feature_extractor/preprocessor_config.json")
CHECKER_PART = "safety_checker"
WITHOUT_WEIGHTS = ("scheduler", "feature_extractor")


def weights(folder: Path, variant: str | None = None) -> list[Path]:
    """The weight files of a diffusers folder, those of `variant` where it has them.

    Raises ModelError where the folder is none, or a part's weights are missing or only there as a pickle.
    """
    index = read_json(folder / INDEX)
    parts = [name for name in WITH_WEIGHTS if isinstance(index.get(name), list) and index[name][0]]
    if not parts:
        raise DamagedModel(f"{folder / INDEX} names no part with weights.", "Copy the whole model again.")
    return [path for part in parts for path in part_weights(folder / part, variant)]


def family_of_folder(folder: Path) -> str | None:
    """The id of the family that a diffusers folder belongs to, by its denoiser's config; None where none is known."""
    for name in DENOISERS:
        path = folder / name / "config.json"
        if path.is_file():
            config = read_json(path)
            fits = [i for i, family in FAMILIES.items() if family.signature.fits_config(config)]
            return max(fits, key=lambda i: len(FAMILIES[i].signature.facts), default=None)
    return None


def family_of_file(path: Path) -> str | None:
    """The id of the family that a single .safetensors file belongs to; None where none is known.

    Raises ModelError where the file is damaged or a pickle.
    """
    return family_of_tensors(tensor_shapes(path))


def family_of_tensors(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """The same of tensors of these names and shapes."""
    fits = [i for i, family in FAMILIES.items() if family.signature.fits_tensors(shapes)]
    return max(fits, key=lambda i: len(FAMILIES[i].signature.keys), default=None)


def has_checker(folder: Path) -> bool:
    """Whether a model's folder holds an output checker and what prepares pictures for it, named in its index or not."""
    return all((folder / part).is_file() for part in CHECKER)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object on disk; ModelError where it is missing or none."""
    try:
        values = load_json(path)
    except ParseError as error:
        raise DamagedModel(f"{path} {error.fault}.", "Copy the whole model again.") from error
    if not isinstance(values, dict):
        raise DamagedModel(f"{path} is damaged: it is not a JSON object.", "Copy the whole model again.")
    return values


def part_weights(folder: Path, variant: str | None) -> list[Path]:
    """The weight files of one network's folder, those of `variant` where it has them, else of the one that it has.

    Raises ModelError as `weights`.
    """
    for name in variants.names_of(variants.chosen_in(folder, variant)):
        path = folder / name
        if path.is_file():
            files = [path] if path.suffix == ".safetensors" else _shards(path)
            missing = next((file for file in files if not file.is_file()), None)
            if missing:
                raise DamagedModel(
                    f"{missing} is missing.", "The download or copy was interrupted: get the model again."
                )
            return files
    for pickle in sorted(p for p in folder.glob("*") if p.suffix.lower() in PICKLES):
        refuse_pickle(pickle)
    raise DamagedModel(f"{folder} holds no weights (.safetensors).", "Copy the whole model again.")


def repo_files(repo: str, names: Sequence[str], variant: str | None = None, *, checker: bool = False) -> list[str]:
    """Of the files of a repository, those of a model in diffusers format; with its output checker where that is asked.

    Raises ModelError where it holds no such model, or a part only as a pickle.
    """
    if INDEX not in names:
        raise UnsupportedModel(f"{repo} holds no model in diffusers format: it has no {INDEX}.", "Choose another one.")
    files, parts = [INDEX], (*WITH_WEIGHTS, *([CHECKER_PART] if checker else []))
    for part in dict.fromkeys(name.partition("/")[0] for name in names if name.count("/") == 1):
        inside = [name.partition("/")[2] for name in names if name.startswith(f"{part}/") and name.count("/") == 1]
        if part in parts:
            files += [f"{part}/{name}" for name in variants.network_files(f"{repo}/{part}", inside, variant)]
        elif part.startswith("tokenizer") or part in WITHOUT_WEIGHTS:
            files += [f"{part}/{name}" for name in variants.texts(inside)]
    return files


def _shards(index: Path) -> list[Path]:
    entries = read_json(index).get("weight_map")
    if not isinstance(entries, dict) or not entries:
        raise DamagedModel(f"{index} is damaged: it names no files.", "Copy the whole model again.")
    return sorted({index.parent / str(name) for name in entries.values()})
