"""Pictures made in step: stock pipelines whose UNet is shared, each in a thread of its own."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import diffusers
import pytest
import torch
from PIL import Image

from studio.engine import profile, schedulers
from studio.engine.batcher import Batcher
from studio.engine.placement import sibling
from studio.engine.pools import Participant
from studio.engine.profile import Profile, measured
from studio.engine.shared import Seat, SharedNetwork, SharedUNet, SharedVae
from studio.engine.step import Call
from studio.engine.text import _encode
from studio.families import FAMILIES
from tests import tiny
from tests.engine.conftest import picture

ENCODING = Lock()


# Other tests measure in few of them.
ALL_SIZES = inspect.signature(measured).parameters["sizes"].default


def whole_steps(patch: pytest.MonkeyPatch) -> None:
    """Let as many rows be worth having in a step as there are sizes: how long they take changes with the load.

    Which sizes give the same bytes is measured, as ever.
    """

    def found(call: Call, _: Any, *args: Any, **facts: Any) -> Profile:
        whole = measured(call, ALL_SIZES, *args, **facts)
        return replace(whole, seconds={size: 1 + size / 8 for size in whole.seconds})

    patch.setattr(profile, "measured", found)


TASKS = ("text2img", "img2img", "inpaint", "controlnet")
# What a device may be like: any number of rows up to eight, and no two sizes that give the same bytes.
PLAIN = Profile({1: 1.0, 2: 1.5, 4: 2.0, 8: 3.0}, [])


def latents(pipe: Any, task: str, scheduler: str = "Euler", seed: int = 1, **changes: Any) -> torch.Tensor:
    """What the pipeline makes of noise of this seed, or of a picture, a masked one, or along a map."""
    pipe.scheduler = schedulers.build(scheduler, pipe.scheduler.config)
    mask = Image.new("L", (tiny.SIDE, tiny.SIDE))
    mask.paste(255, (16, 16, 40, 40))
    given: dict[str, Any] = {
        "text2img": {"width": tiny.SIDE, "height": tiny.SIDE},
        "img2img": {"image": picture(), "strength": 0.7},
        "inpaint": {"image": picture(), "mask_image": mask, "strength": 0.8, "width": tiny.SIDE, "height": tiny.SIDE},
        "controlnet": {"image": [picture(6)], "controlnet_conditioning_scale": [0.7], "control_guidance_end": [0.8]},
    }[task]
    call = {"num_inference_steps": 5, "guidance_scale": 4.0, "output_type": "latent", **given, **changes}
    made: torch.Tensor = pipe(**words(pipe, seed), generator=[torch.Generator().manual_seed(seed)], **call).images
    return made


def words(pipe: Any, seed: int) -> Any:
    """What the text encoders make of a prompt; they are no thread's own, so one asks them at a time."""
    with ENCODING:
        return _encode(pipe, f"a house, {seed}", "", True, 77)


def pipeline(base: Any, family: str, task: str, network: Any = None, **parts: Any) -> Any:
    """The stock pipeline of a task, with the modules of `base` or other `parts`."""
    names = FAMILIES[family].control_pipelines if task == "controlnet" else FAMILIES[family].pipelines
    if network is not None:
        parts["controlnet"] = diffusers.MultiControlNetModel([network])
    return sibling(base, names["text2img" if task == "controlnet" else task], **parts)


def shared(
    batcher: Batcher, who: Participant, base: Any, family: str, task: str, network: Any = None, **parts: Any
) -> Any:
    """The same pipeline with a part in the batcher's steps."""
    network = None if network is None else SharedNetwork(network, batcher.run)
    beside = Seat(batcher, who).beside_steps
    parts = {"unet": SharedUNet(base.unet, batcher, who), "vae": SharedVae(base.vae, beside, base.vae.dtype), **parts}
    return pipeline(base, family, task, network, **parts)


def batcher(profile: Profile = PLAIN, **facts: Any) -> Batcher:
    """One whose turns are the test's."""
    return Batcher(lambda call: profile, **facts)


def together(steps: Batcher, makers: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each makes, or the error it ends with; all of them have asked for their first step before it is made."""
    done = [steps.submit(maker) for maker in makers]
    while not all(one.done() for one in done):
        steps.turn()
    return [one.exception() or one.result() for one in done]
