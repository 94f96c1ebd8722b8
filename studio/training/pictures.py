"""A creator's folder of pictures with captions, as training reads it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset

from studio.errors import InvalidTrainingData
from studio.training.loop import Batch

KINDS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
# Without some pictures that say nothing, guidance has nothing to hold the words against.
SILENT = 0.1


@dataclass(frozen=True)
class Picture:
    """A picture file and what it shows."""

    path: Path
    caption: str


def find_pictures(folder: Path, trigger: str = "", caption: str | None = None) -> list[Picture]:
    """The folder's pictures by name, each with the text beside it (dog.txt for dog.png), or all with one `caption`.

    The trigger is put before captions that do not name it. Raises InvalidTrainingData where there are no pictures, one
    cannot be read, or one has neither caption nor trigger.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in KINDS) if folder.is_dir() else []
    if not paths:
        kinds = ", ".join(sorted(KINDS))
        raise InvalidTrainingData(
            f"{folder} holds no pictures.", f"Put some there: {kinds}. Ten to thirty are a good number."
        )
    for path in paths:
        _check(path)
    return [Picture(path, _with_trigger(_caption(path, trigger, caption), trigger)) for path in paths]


class PictureFolder(Dataset[Batch]):
    """Random squares of the pictures, `side` pixels wide, with token ids; endless, and the same for the same seed."""

    def __init__(self, pictures: Sequence[Picture], side: int, ids_of: Callable[[str], Tensor], seed: int = 0) -> None:
        self.pictures, self.side, self.ids_of, self.seed = pictures, side, ids_of, seed

    def __getitem__(self, index: int) -> Batch:
        turn, place = divmod(index, len(self.pictures))
        order = random.Random(f"{self.seed} {turn}").sample(range(len(self.pictures)), len(self.pictures))
        picture, rng = self.pictures[order[place]], random.Random(f"{self.seed} {index} crop")
        text = "" if rng.random() < SILENT else picture.caption
        return {"images": _square(picture.path, self.side, rng), "ids": self.ids_of(text)}


def _check(path: Path) -> None:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidTrainingData(
            f"{path.name} cannot be read as a picture.", "Save it again as .png, or take it out of the folder."
        ) from error


def _caption(path: Path, trigger: str, caption: str | None) -> str:
    if caption is not None:
        return caption
    text = path.with_suffix(".txt")
    try:
        return " ".join(text.read_text(encoding="utf-8").split())
    except FileNotFoundError as error:
        if trigger:
            return trigger
        raise InvalidTrainingData(
            f"{path.name} has no caption: {text.name} is missing.",
            "Write one beside it, or give a caption for all of them, or a trigger word.",
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidTrainingData(f"{text.name} is not text in UTF-8.", "Save it again as plain text.") from error


def _with_trigger(caption: str, trigger: str) -> str:
    return caption if trigger.lower() in caption.lower() else f"{trigger}, {caption}"


def _square(path: Path, side: int, rng: random.Random) -> Tensor:
    """(3, side, side) between -1 and 1: the whole shorter side, a random part of the longer."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    scale = side / min(image.size)
    size = [max(side, round(length * scale)) for length in image.size]
    left, top = (rng.randint(0, length - side) for length in size)
    image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS).crop((left, top, left + side, top + side))
    return torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1) / 127.5 - 1)
