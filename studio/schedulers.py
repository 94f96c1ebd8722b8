"""The schedulers, named as creators know them, each with its diffusers class and options: one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Process = Literal["diffusion", "edm", "flow"]


@dataclass(frozen=True)
class Scheduler:
    """A sampler: `diffusers` is its class name, `options` override the model's own scheduler config.

    `evaluations` is how many times a step asks the denoiser (Heun and DPM2 ask twice); `process` says whether the
    model it samples learned to remove noise ("diffusion"), to do so at any noise level ("edm", Karras et al. 2022), or
    to follow a straight flow ("flow"). `zero_snr` says that it can start from noise alone, for models that were trained
    with a zero terminal signal-to-noise ratio (Lin et al. 2023). `eta` and `churn` say which of these settings it knows,
    `resamples` whether a step depends on no earlier one, so that it can be made again, `fresh_noise` whether each step
    adds some.

    `known_as` is how others write it: A1111, ComfyUI and NovelAI (k_), InvokeAI, stable-diffusion.cpp, diffusers. A1111
    is told it as `infotext` (default: its name), and takes the schedule `automatic` with it where none is named.
    """

    name: str
    diffusers: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    evaluations: int = 1
    process: Process = "diffusion"
    zero_snr: bool = False
    eta: bool = False
    churn: bool = False
    resamples: bool = False
    fresh_noise: bool = False
    help: str = ""
    known_as: tuple[str, ...] = ()
    infotext: str = ""
    automatic: str = ""


def _table(*rows: Scheduler) -> Mapping[str, Scheduler]:
    return MappingProxyType({row.name: row for row in rows})


SCHEDULERS: Mapping[str, Scheduler] = _table(
    Scheduler(
        "DPM++ 2M Karras",
        "DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True},
        help="Sharp in 20 to 30 steps; a good first choice.",
    ),
    Scheduler(
        "DPM++ 2M",
        "DPMSolverMultistepScheduler",
        zero_snr=True,
        help="Fast and even; 20 to 30 steps.",
        known_as=("dpmpp_2m", "DPM++ 2M", "DPMSolverMultistepScheduler", "dpm++2m", "DPM Solver++"),
        automatic="karras",
    ),
    Scheduler(
        "DPM++ 2M SDE",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++"},
        fresh_noise=True,
        zero_snr=True,
        help="Adds fresh noise at each step: more variety, more texture.",
        known_as=("dpmpp_2m_sde", "DPM++ 2M SDE", "dpmpp_2m_sde_gpu"),
        automatic="exponential",
    ),
    Scheduler(
        "DPM++ 2M SDE Karras",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
        fresh_noise=True,
        help="The same with finer steps near the end.",
    ),
    Scheduler(
        "UniPC",
        "UniPCMultistepScheduler",
        zero_snr=True,
        help="Good in as few as 10 steps.",
        known_as=("uni_pc", "UniPC", "uni_pc_bh2", "unipc_snr", "unipc_tu", "unipc_tq", "UniPCMultistepScheduler"),
    ),
    Scheduler(
        "Euler",
        "EulerDiscreteScheduler",
        zero_snr=True,
        churn=True,
        resamples=True,
        help="Simple and steady; 20 to 30 steps.",
        known_as=("euler", "Euler", "EulerDiscreteScheduler"),
    ),
    Scheduler(
        "Euler a",
        "EulerAncestralDiscreteScheduler",
        fresh_noise=True,
        zero_snr=True,
        resamples=True,
        help="Fresh noise at each step: never settles, often livelier.",
        known_as=("euler_ancestral", "Euler a", "euler_a", "Euler Ancestral", "EulerAncestralDiscreteScheduler"),
    ),
    Scheduler(
        "Heun",
        "HeunDiscreteScheduler",
        evaluations=2,
        help="Two looks a step: slower, more exact.",
        known_as=("heun", "Heun", "HeunDiscreteScheduler"),
    ),
    Scheduler(
        "LMS",
        "LMSDiscreteScheduler",
        help="The classic multistep method; 30 to 50 steps.",
        known_as=("lms", "LMS", "LMSDiscreteScheduler"),
    ),
    Scheduler(
        "PLMS",
        "PNDMScheduler",
        {"skip_prk_steps": True},
        help="What the first Stable Diffusion shipped with; 25 to 50 steps.",
        known_as=("plms", "pndm", "PNDMScheduler"),
    ),
    Scheduler(
        "DPM2",
        "KDPM2DiscreteScheduler",
        evaluations=2,
        help="Two looks a step; 15 to 25 steps.",
        known_as=("dpm_2", "DPM2", "kdpm_2", "KDPM2DiscreteScheduler"),
    ),
    Scheduler(
        "DEIS",
        "DEISMultistepScheduler",
        help="Exponential integrator; 15 to 25 steps.",
        known_as=("deis", "DEIS", "DEISMultistepScheduler"),
    ),
    Scheduler(
        "DDIM",
        "DDIMScheduler",
        zero_snr=True,
        eta=True,
        resamples=True,
        help="The reference for repeatable results; 50 steps.",
        known_as=("ddim", "DDIM", "DDIMScheduler"),
    ),
    # It learned the steps 0 to 999: an offset, which configs name for DDIM's sake, would lead beyond the last of them.
    Scheduler(
        "DDPM",
        "DDPMScheduler",
        {"steps_offset": 0},
        fresh_noise=True,
        zero_snr=True,
        help="The original, noisy all the way; hundreds of steps.",
        known_as=("ddpm", "DDPM", "DDPMScheduler"),
    ),
    Scheduler(
        "LCM",
        "LCMScheduler",
        fresh_noise=True,
        zero_snr=True,
        help="For distilled models: 4 to 8 steps, little guidance.",
        known_as=("lcm", "LCM", "LCMScheduler"),
    ),
    Scheduler(
        "EDM DPM++ 2M",
        "EDMDPMSolverMultistepScheduler",
        process="edm",
        help="For Playground 2.5 and CosXL.",
        infotext="DPM++ 2M",
    ),
    Scheduler(
        "EDM DPM++ 2M SDE",
        "EDMDPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++"},
        fresh_noise=True,
        process="edm",
        help="For the same models, with fresh noise at each step.",
        infotext="DPM++ 2M SDE",
    ),
    Scheduler(
        "EDM Euler",
        "EDMEulerScheduler",
        process="edm",
        churn=True,
        help="For the same models; simple and steady.",
        infotext="Euler",
    ),
    Scheduler(
        "Flow Euler",
        "FlowMatchEulerDiscreteScheduler",
        process="flow",
        help="For SD 3.5 and Flux.",
        known_as=("Euler FlowMatch", "Flow Euler", "FlowMatchEulerDiscreteScheduler", "flowmatch_euler"),
        infotext="Euler",
    ),
)


def sampling(process: Process, *, zero_snr: bool = False) -> tuple[str, ...]:
    """The names of the schedulers for models of this process; with `zero_snr`, those that start from noise alone."""
    return tuple(name for name, row in SCHEDULERS.items() if row.process == process and (row.zero_snr or not zero_snr))
