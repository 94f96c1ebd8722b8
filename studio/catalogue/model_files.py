"""What can be seen of a model's files without loading it, and what that says of how the model was trained."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from studio.catalogue.checkpoints import read_json
from studio.catalogue.tensor_files import header, tensor_values
from studio.families import FAMILIES

PredictionType = Literal["epsilon", "v_prediction"]
# How the tool says it that wrote the file.
PREDICTIONS: dict[str, PredictionType] = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}


class SeenFiles:
    """`studio.families.base.ModelFiles` of a diffusers folder or single file; ModelError where one is damaged."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._single = place.is_file()

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return header(self._place).shapes if self._single else {}

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        return header(self._place).metadata if self._single else {}

    @property
    def prediction(self) -> PredictionType | None:
        if "v_pred" in self.shapes:
            return "v_prediction"
        return PREDICTIONS.get(self.metadata.get("modelspec.prediction_type", "").lower())

    @cached_property
    def denoiser(self) -> Mapping[str, object]:
        configs = (self._place / part / "config.json" for part in ("transformer", "unet"))
        found = next((config for config in configs if not self._single and config.is_file()), None)
        return read_json(found) if found else {}

    def spread(self, tensor: str) -> float | None:
        values = tensor_values(self._place, tensor) if self._single else None
        return None if values is None else float(values.std())


def facts_of(place: Path, family: str) -> dict[str, Any]:
    """In what a model differs from its family by what its files say, as keys of a model; ModelError as above."""
    files, variant = SeenFiles(place), FAMILIES[family].variant
    marked: dict[str, Any] = {"prediction_type": files.prediction} if files.prediction else {}
    return {**marked, **(variant(files) if variant else {})}
