"""`studio verify`: a model's pictures by the studio and by bare diffusers, held against each other."""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument
from studio.doctor import versions
from studio.errors import InvalidRequest
from studio.settings import Settings

OFFLOADS = ("none", "model", "sequential")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="A model's name (see studio models), its folder or its file.")
    parser.add_argument(
        "--task",
        dest="tasks",
        action="append",
        choices=("text2img", "img2img", "inpaint", "control"),
        help="Verify this task alone; control is text to image along a map. May be repeated.",
    )
    parser.add_argument(
        "--controlnet",
        metavar="NAME",
        help="The ControlNet to follow (see studio models); else the first that fits the model and is here.",
    )
    parser.add_argument("--map", type=Path, metavar="FILE", help="The map to follow; else edges that the studio draws.")
    parser.add_argument(
        "--with-offload",
        dest="offloads",
        action="append",
        choices=OFFLOADS,
        help="Verify with this offload alone; all of them on a card, none on a CPU, where it changes nothing. "
        "May be repeated.",
    )
    parser.add_argument("--steps", help="How many steps (default: the model's own).")
    parser.add_argument("--width", help="The pictures' width (default: the model's own).")
    parser.add_argument("--height", help="The pictures' height (default: the model's own).")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="The folder for the report and the pictures."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object about all and nothing else.")
    yes_argument(parser)
    settings_arguments(parser, "home", "device")


def run(args: argparse.Namespace) -> int:
    """Say of each case how far the two are apart; exit 3 where they differ, 1 where nothing could be compared."""
    from studio.verify import cases, report
    from studio.verify.run import verify

    args.out.mkdir(parents=True, exist_ok=True)
    given = {name: getattr(args, name) for name in ("steps", "width", "height") if getattr(args, name)}
    outcomes = []
    with redirect_stdout(sys.stderr), _studio(args) as (studio, model):
        device = _device(studio.settings)
        offloads = args.offloads or (OFFLOADS if device != "CPU" else OFFLOADS[:1])
        follow = cases.along(studio, model, args.controlnet, args.map)
        for one in verify(studio, model, offloads, args.out.absolute(), args.tasks or (), follow=follow, **given):
            outcomes.append(one)
            print(report.line(one), file=sys.stderr if args.json else sys.__stdout__, flush=True)
        about = {"model": model.name, "family": model.family_facts().name, "device": device, "system": _system()}
        page = report.write(args.out, about | {"versions": versions()}, outcomes)
    print(json.dumps(report.as_dict(about, outcomes)) if args.json else f"The report is in {page}.")
    if any(one.verdict == "different" for one in outcomes):
        return Exit.DIFFERENT
    return Exit.DONE if any(one.mean is not None for one in outcomes) else Exit.FAILED


@contextmanager
def _studio(args: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """A studio that knows the model: the user's own, or for a folder or file one that has nothing else."""
    from studio.studio import Studio

    place = Path(args.model)
    if not place.exists():
        with Studio(load_settings(args), durable=False) as studio:
            yield studio, studio.catalogue[args.model]
        return
    with tempfile.TemporaryDirectory() as home:
        name, own = _linked(place.absolute(), Path(home) / "models"), load_settings(args)
        if (networks := own.home / "controlnets").is_dir():
            (Path(home) / "controlnets").symlink_to(networks.absolute())
        settings = Settings.load(home=Path(home), device=own.device)
        with Studio(settings, durable=False) as studio:
            yield studio, studio.catalogue[name]


def _linked(place: Path, models: Path) -> str:
    """Link the model, and a single file's configs beside it, into a folder of models; its name there."""
    models.mkdir()
    name = place.stem if place.is_file() else place.name
    (models / place.name).symlink_to(place)
    config = place.with_name(f"{name}.config")
    if place.is_file() and config.is_dir():
        (models / config.name).symlink_to(config)
    if not name or name.startswith("."):
        raise InvalidRequest(f"{place} has no name that a model can have.", "Give it one.")
    return name


def _device(settings: Settings) -> str:
    from studio.engine.device import Device

    return Device.choose(settings.device).name


def _system() -> str:
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


COMMAND = Command("Make a model's pictures by the studio and by bare diffusers, and compare them.", arguments, run)
