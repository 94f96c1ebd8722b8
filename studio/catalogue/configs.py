"""What the studio knows of the families of single files, so that one needs no folder of configs beside it.

`assets/configs/FAMILY` is a diffusers folder without weights, by the published architecture; the tokenizers in it say
what pads, and all share one vocabulary.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from studio.catalogue.tensor_files import header, tensor_values
from studio.settings import ASSETS

PredictionType = Literal["epsilon", "v_prediction"]
CONFIGS = ASSETS / "configs"
CLIP = CONFIGS / "clip" / "merges.txt"
CLIP_SPECIAL = ("<|startoftext|>", "<|endoftext|>")
# How the tool says it that wrote the file.
PREDICTIONS: dict[str, PredictionType] = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}
# Where the two models of Stable Diffusion 2 differ for sure, and by how much; what ComfyUI tells them apart by.
TELLING, SPREAD = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias", 0.09
Pairs = list[tuple[str, str]]


def bundled(family: str) -> Path | None:
    """The folder of configs for single files of a family; None where the studio has none."""
    folder = CONFIGS / family
    return folder if folder.is_dir() else None


def facts_of(file: Path, family: str) -> dict[str, Any]:
    """What a single file says of how its model was trained, as keys of a model; ModelError where it is damaged."""
    said = header(file)
    predicted = PREDICTIONS.get(said.metadata.get("modelspec.prediction_type", "").lower())
    if "v_pred" in said.shapes:
        predicted = "v_prediction"
    elif predicted is None and family == "sd21":
        predicted = _of_second(file)
    facts: dict[str, Any] = {"prediction_type": predicted} if predicted else {}
    side = re.fullmatch(r"(\d+)x\1", said.metadata.get("modelspec.resolution", ""))
    if family == "sd21" and (predicted == "epsilon" or (side and side[1] == "512")):
        facts |= {"width": 512, "height": 512}
    return facts


def _of_second(file: Path) -> PredictionType | None:
    """Which of both a file of Stable Diffusion 2 predicts, where its tool did not say it."""
    bias = tensor_values(file, TELLING)
    if bias is None:
        return None
    return "v_prediction" if float(bias.std()) > SPREAD else "epsilon"


@cache
def clip_vocabulary() -> tuple[dict[str, int], Pairs]:
    """CLIP's tokens with their numbers, and the pairs that are merged, in order."""
    pairs = [tuple(line.split(" ")) for line in CLIP.read_text("utf-8").splitlines()[1:]]
    letters = [*_printable()]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in pairs), *CLIP_SPECIAL]
    return {piece: number for number, piece in enumerate(pieces)}, [(first, second) for first, second in pairs]


def _printable() -> list[str]:
    """A letter for each byte: its own where it has one that is seen, else one from behind Latin-1."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(seen)
    return [chr(byte) for byte in seen] + [chr(256 + number) for number in range(others)]
