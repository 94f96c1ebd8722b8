"""What single files of EDM models say beside their weights: levels of noise, and how their latents are scaled.

diffusers takes both from a folder of configs, which for these models is often that of plain Stable Diffusion XL.
"""

from pathlib import Path
from typing import Any

from diffusers import EDMDPMSolverMultistepScheduler, EDMEulerScheduler
from safetensors import safe_open

from studio.catalogue.noise_schedules import COSXL, PLAYGROUND
from studio.catalogue.tensor_files import tensor_shapes

# Of Playground 2.5, by its published config.
PLAYGROUND_SCALING = 0.5


def adopt(pipeline: Any, file: Path) -> None:
    """Give a pipeline that was loaded from `file` the scheduler and the scaling of latents that the file asks for."""
    shapes = tensor_shapes(file)
    with safe_open(file, "pt") as tensors:
        if COSXL in shapes:
            low, high = (float(tensors.get_tensor(f"edm_vpred.sigma_{end}")) for end in ("min", "max"))
            pipeline.scheduler = EDMEulerScheduler(
                sigma_min=low,
                sigma_max=high,
                sigma_data=1.0,
                sigma_schedule="exponential",
                prediction_type="v_prediction",
            )
        elif PLAYGROUND in shapes:
            mean, std = (tensors.get_tensor(f"edm_{name}").flatten().tolist() for name in ("mean", "std"))
            pipeline.scheduler = EDMDPMSolverMultistepScheduler()
            pipeline.vae.register_to_config(latents_mean=mean, latents_std=std, scaling_factor=PLAYGROUND_SCALING)
