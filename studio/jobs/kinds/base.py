"""The contract of a kind of job: what its images are for, and what a fault of one means to the others."""

from dataclasses import dataclass
from typing import Literal

# Of one owner, what stands first here is made first; what is in the background only where nothing else waits.
Priority = Literal["interactive", "normal", "background"]
PRIORITIES: tuple[Priority, ...] = ("interactive", "normal", "background")
# The two passes in which an image is measured: at once, and when the device is free.
Pass = Literal["quick", "slow"]
PASSES: tuple[Pass, ...] = ("quick", "slow")


@dataclass(frozen=True)
class Kind:
    """One kind of job; `label` is what a person reads, `priority` what it has where none is said.

    `one_fault_ends`: where one image cannot be made, the others are not tried; else each is tried by itself.
    `limited`: it makes as many images as one job may (STUDIO_MAX_IMAGES); else what plans it sets the limit.
    `referred`: something else refers to its jobs, so that they are kept until that is removed.
    `each_pays`: a hosted image without a key, or that costs too much, fails by itself; else the job is refused for it.
    `each_step`: what each step predicts is kept beside the image.
    `measured`: the passes in which the metrics measure what it makes.
    """

    label: str
    priority: Priority = "normal"
    one_fault_ends: bool = False
    limited: bool = False
    referred: bool = True
    each_pays: bool = False
    each_step: bool = False
    measured: tuple[Pass, ...] = ()
