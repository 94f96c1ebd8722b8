"""A studio on ZeroGPU as far as that can be had without a GPU: run as a program, it tells what happened as JSON.

`spaces` is real, and so are its fork, its pickling, its start-up hook and its calls to the scheduler, which is on
loopback. It is only kept from seeing torch, so that it pretends no GPU and moves nothing to one.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from studio.ui import serve

torch = sys.modules.get("torch")
sys.modules["torch"] = None  # type: ignore[assignment]
import spaces  # noqa: E402, F401

del sys.modules["torch"]
if torch:
    sys.modules["torch"] = torch

from PIL import ImageChops  # noqa: E402

from studio.backends.local import LocalBackend  # noqa: E402
from studio.backends.zerogpu import ZeroGpuBackend  # noqa: E402
from studio.errors import DeviceError, InvalidRecipe  # noqa: E402
from studio.events import Preview, Step, Stopped  # noqa: E402
from studio.recipe import Recipe  # noqa: E402
from studio.settings import Settings  # noqa: E402
from studio.studio import Studio  # noqa: E402
from tests.deploy.visitor import OWNER, picture  # noqa: E402
from tests.people import who  # noqa: E402

ASKED = Recipe(prompt="a red house", steps=4, seed=7)


def main(home: Path) -> dict[str, Any]:
    settings = Settings.load(home=home, port=0, device="cpu")
    with Studio(settings, durable=False) as studio, serve(studio) as address:
        backend = studio.backend
        assert isinstance(backend, ZeroGpuBackend)
        return {
            "of the page": _of_the_page(studio, address),
            "process": os.getpid(),
            "pixels": _same_pixels(studio),
            "stopped": _stopped(studio),
            "refused": _refused(studio, backend),
            "seconds": [backend.seconds(studio.resolve(ASKED.replace(steps=n, count=n))) for n in (1, 60)],
        }


def _of_the_page(studio: Studio, address: str) -> dict[str, Any]:
    """A picture that a visitor asks for: his proxy's token goes to the scheduler."""
    view = picture(address, **{"x-ip-token": "a.e30.b"})
    return {"state": view["job"]["state"], "made": len(studio.jobs_of(who(OWNER))[0].results)}


def _same_pixels(studio: Studio) -> bool:
    local = LocalBackend(studio.settings, studio.catalogue, studio.controlnets, studio.prompt_assets)
    (resolved,) = studio.resolve(ASKED)
    told: list[Any] = []
    (far,) = studio.backend.generate([resolved], told.append)
    (near,) = local.generate([resolved], lambda _: None)
    assert {type(event) for event in told} >= {Step, Preview}
    return ImageChops.difference(far.image, near.image).getbbox() is None


def _stopped(studio: Studio) -> list[str]:
    """A job that is stopped at its first step, and one after it."""
    first = studio.submit(ASKED.replace(steps=150, count=4), who("somebody"))
    for event in first.follow():
        if isinstance(event, Step):
            studio.stop(first.id, who("somebody"))
            break
    second = studio.submit(ASKED, who("somebody"))
    ends = [list(job.follow())[-1] for job in (first, second)]
    assert isinstance(ends[0], Stopped), ends
    return [type(end).__name__ for end in ends]


def _refused(studio: Studio, backend: ZeroGpuBackend) -> dict[str, Any]:
    (resolved,) = studio.resolve(ASKED)
    told: dict[str, Any] = {}
    try:
        list(backend.generate([resolved.model_copy(update={"scheduler": "Flow Euler"})], lambda _: None))
    except InvalidRecipe as error:
        told["field"] = error.field
    # The scheduler knows a call that is too long by its length.
    try:
        list(
            backend.generate(
                [resolved.model_copy(update={"seed": seed, "steps": 150}) for seed in range(900)], lambda _: None
            )
        )
    except DeviceError as error:
        told["quota"], told["cure"] = error.message, error.hint
    return told


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
