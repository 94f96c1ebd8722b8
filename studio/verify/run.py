"""Runs both sides, each in a process of its own for each offload: neither has the other's memory or settings."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.catalogue.models import Model
from studio.errors import DeviceFailed, NotDownloaded
from studio.studio import Studio
from studio.verify import cases
from studio.verify.comparing import Outcome, outcome
from studio.verify.sharing import shareable

BARE = Path(__file__).with_name("bare.py")
# What the studio sets for itself is not bare diffusers'; how many threads there are is the machine's.
OWN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "PYTORCH_CUDA_ALLOC_CONF", "PYTHONPATH")

Given = dict[str, Any]


def verify(
    studio: Studio,
    model: Model,
    offloads: Sequence[str],
    out: Path,
    wanted: Sequence[cases.Sort] = (),
    say: Callable[[str], None] = print,
    follow: cases.Along | None = None,
    **given: Any,
) -> Iterator[Outcome]:
    """Make every case of the model by both sides, one offload after the other, and tell what came of each.

    `given` are settings of the recipe for all; pictures go to `out`. The studio comes first, because it fetches what is
    not here: ModelError where it could not. DeviceError where a side ends without a word.
    """
    for offload in offloads:
        planned = cases.cases(studio, model, out, offload, wanted, follow, **given)
        say(f"{model.name}, offload {offload}: by the studio ...")
        ours = _ours(studio, offload, planned, out)
        say(f"{model.name}, offload {offload}: by bare diffusers ...")
        bare = _bare(studio, model, offload, planned, ours, out)
        shutil.rmtree(out / "images", ignore_errors=True)
        for case, one, other in zip(planned, ours, bare, strict=True):
            yield outcome(case.task, offload, one, other, {"ours": case.ours, "bare": case.bare})


def _ours(studio: Studio, offload: str, planned: Sequence[cases.Case], out: Path) -> list[Given]:
    settings = studio.settings
    plan = {
        "settings": {
            "home": str(settings.home),
            "device": settings.device,
            "offload": offload,
            "watermark": "off",
        },
        "recipes": [case.recipe.to_json() for case in planned],
        "places": [case.ours for case in planned],
        "images": str(out / "images"),
    }
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return _child([sys.executable, "-m", "studio.verify.ours"], plan, out, dict(os.environ) | {"PYTHONPATH": path})


def _bare(
    studio: Studio, model: Model, offload: str, planned: Sequence[cases.Case], ours: Sequence[Given], out: Path
) -> list[Given]:
    """On the device and in the number format that the studio took."""
    facts: Given = next((one["facts"] for one in ours if "facts" in one), {})
    if not studio.catalogue.present(model):
        raise NotDownloaded(
            f"{model.name} could not be fetched.", next((one["error"] for one in ours if "error" in one), "")
        )
    plan = {
        **cases.source(studio, model),
        "dtype": facts.get("dtype", "float32"),
        "device": facts.get("kind", "cpu"),
        "offload": offload,
        "cases": [asdict(case) | {"recipe": None, "network": cases.network_source(studio, case)} for case in planned],
    }
    plain = {name: value for name, value in os.environ.items() if name not in OWN and not name.startswith("STUDIO_")}
    return _child([sys.executable, str(BARE)], plan, out, plain)


def _child(command: list[str], plan: Given, out: Path, environment: dict[str, str]) -> list[Given]:
    """What a side tells; its own words go to our standard error."""
    plan_file, result_file = out / "plan.json", out / "told.json"
    result_file.unlink(missing_ok=True)
    plan_file.write_text(json.dumps({**plan, "told": str(result_file)}), "utf-8")
    try:
        ended = subprocess.run([*command, str(plan_file)], env=environment, stdout=sys.stderr, check=False)  # noqa: S603
        if ended.returncode or not result_file.is_file():
            raise DeviceFailed(
                f"A side of the comparison ended without its pictures (exit {ended.returncode}).",
                "See what it said above; memory may have run out. Try one offload or task alone.",
            )
        return [shareable(one) for one in json.loads(result_file.read_text("utf-8"))]
    finally:
        plan_file.unlink(missing_ok=True)
        result_file.unlink(missing_ok=True)
