"""Which noise a model was trained with, where that is not its family's: told by its scheduler's config or its file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from studio.catalogue.checkpoints import read_json
from studio.catalogue.tensor_files import tensor_shapes

# "zero_snr": down to noise alone, without a trace of the picture. "edm": any level of noise, and no numbered steps.
NoiseSchedule = Literal["zero_snr", "edm"]
CONFIG = Path("scheduler") / "scheduler_config.json"
# Tensors of single files that say it. Playground 2.5 has the first, CosXL the second.
PLAYGROUND, COSXL = "edm_mean", "edm_vpred.sigma_max"
MARKS: Mapping[str, NoiseSchedule] = {PLAYGROUND: "edm", COSXL: "edm", "ztsnr": "zero_snr"}


def of_config(config: Mapping[str, Any], scheduler: str = "") -> NoiseSchedule | None:
    """What the config of a scheduler says, whose class is named in it or given; None for the family's own noise."""
    name = scheduler or str(config.get("_class_name", ""))
    if name.startswith("EDM") or config.get("timestep_type") == "continuous":
        return "edm"
    return "zero_snr" if config.get("rescale_betas_zero_snr") else None


def of_folder(folder: Path) -> NoiseSchedule | None:
    """What a diffusers folder, or one of configs alone, says; ModelError where its scheduler's config is damaged."""
    path = folder / CONFIG
    return of_config(read_json(path)) if path.is_file() else None


def of_file(file: Path, config: Path | None) -> NoiseSchedule | None:
    """What a single file says, else the folder of configs that it is loaded with; ModelError where it is damaged."""
    shapes = tensor_shapes(file)
    marked = next((schedule for mark, schedule in MARKS.items() if mark in shapes), None)
    return marked or (of_folder(config) if config else None)
