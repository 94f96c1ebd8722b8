"""Weights that come in several variants (half precision, without EMA): which files of a folder or repository count."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.catalogue.tensor_files import PICKLES, refuse_pickle
from studio.errors import AmbiguousModel, DamagedModel

STEMS = ("diffusion_pytorch_model", "model")
_STEM = f"(?:{'|'.join(STEMS)})"
_SHARD = r"-\d{5}-of-\d{5}"
# As diffusers and transformers write them: the variant before the number of a part, and in older files after it.
_FILE = re.compile(rf"{_STEM}(?:\.(\w+))?(?:{_SHARD}(?:\.(\w+))?)?\.safetensors")
_INDEX = re.compile(rf"{_STEM}\.safetensors\.index(?:\.(\w+))?\.json")
# Where none is wanted and the plain one is not there.
PREFERRED = (None, "fp16", "bf16")
# What belongs to weights: configs, and the words of tokenizers.
TEXTS = (".json", ".txt", ".model")


def choose(where: Path | str, names: Sequence[str], wanted: str | None = None) -> str | None:
    """The variant that is taken of the files of one network; None is the plain one.

    It is the wanted one, else the plain one, else the only one that is there. ModelError where that is not clear.
    """
    there = {found for name in names if (found := _variant(name)) is not False}
    for variant in (wanted, *PREFERRED, *(there if len(there) == 1 else ())):
        if variant in there or not there:
            return variant or None
    raise AmbiguousModel(
        f"{where} holds its weights in {len(there)} variants: {', '.join(sorted(map(str, there)))}.",
        "Say which, such as variant = “fp16”, in its .toml file, or keep one.",
    )


def chosen_in(folder: Path, wanted: str | None = None) -> str | None:
    """The variant that is taken of a network's folder; as `choose`."""
    return choose(folder, [path.name for path in folder.glob("*")], wanted)


def names_of(variant: str | None) -> Iterator[str]:
    """What a network's weights in this variant, or the index of their parts, may be called."""
    middle = f".{variant}" if variant else ""
    for stem in STEMS:
        yield f"{stem}{middle}.safetensors"
        yield f"{stem}.safetensors.index{middle}.json"


def network_files(where: str, names: Sequence[str], wanted: str | None = None) -> list[str]:
    """Of the files of one network's folder in a repository, those that make it: its weights in one variant, its texts.

    Raises ModelError where there are no weights, or only a pickle.
    """
    variant = choose(where, names, wanted)
    weights = [name for name in names if _variant(name) is not False and _variant(name) == variant]
    if not any(name.endswith(".safetensors") for name in weights):
        for pickle in (name for name in names if Path(name).suffix in PICKLES):
            refuse_pickle(Path(where) / pickle)
        raise DamagedModel(f"{where} holds no weights (.safetensors).", "Choose another model.")
    return [*texts(names), *weights]


def texts(names: Sequence[str]) -> list[str]:
    """Of these files, those that are no weights and belong to them."""
    return [name for name in names if name.endswith(TEXTS) and not _INDEX.fullmatch(name)]


def _variant(name: str) -> str | bool | None:
    """The variant that a file of weights is of, None for the plain one; False where it is no file of weights."""
    found = _FILE.fullmatch(name) or _INDEX.fullmatch(name)
    return next(filter(None, found.groups()), None) if found else False
