"""`studio replay`: a picture made again by what its file says, and held against it."""

import argparse
import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument
from studio.cli.generate import exit_code, follow
from studio.events import Done, Finished
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.replay.replay import Outcome

CODES = {"identical": Exit.DONE, "close": Exit.DIFFERENT, "different": Exit.FAR}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="A picture that the studio made, with its recipe.")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="The folder for the new picture and the difference (default: the data folder).",
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
    yes_argument(parser)
    settings_arguments(parser, "home", "device", "offload", "precision")


def run(args: argparse.Namespace) -> int:
    """Exit 0 where the two are identical, 3 within tolerance, 4 where they differ, as where one cannot be made."""
    studio_settings, made = load_settings(args), own.read_made(args.image)
    from studio.replay.replay import Outcome, begin, compared
    from studio.studio import Studio

    images: dict[int, Finished] = {}
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        with Studio(studio_settings, images=Path(folder), durable=False) as studio:
            begun = begin(studio, made, COMMAND_LINE)
            if not isinstance(begun, Outcome):
                end = follow(studio, begun, images, None)
                if not isinstance(end, Done):
                    return exit_code(end, args)
        outcome = begun if isinstance(begun, Outcome) else compared(args.image, images[0].path)
        written = _written(args, studio_settings, images[0].path, outcome) if images else {}
    _say(args, outcome, written)
    return CODES[outcome.verdict]


def _written(args: argparse.Namespace, settings: Settings, again: Path, outcome: "Outcome") -> dict[str, str]:
    """Keep the new picture and where it differs; their places."""
    from studio.studio import REPLAYS

    folder = (args.out or settings.home / REPLAYS).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    places = {"again": folder / f"{args.image.stem}-again{again.suffix}"}
    places["again"].write_bytes(again.read_bytes())
    if outcome.difference:
        places["difference"] = folder / f"{args.image.stem}-difference.png"
        outcome.difference.save(places["difference"])
    return {name: str(place) for name, place in places.items()}


def _say(args: argparse.Namespace, outcome: "Outcome", written: dict[str, str]) -> None:
    if args.json:
        facts: dict[str, Any] = {"image": str(args.image), **outcome.as_dict(), **written}
        print(json.dumps(facts, ensure_ascii=False))
        return
    print(outcome.words)
    for because in outcome.because:
        print(f"  {because}")
    for name, place in written.items():
        print(f"{name}: {place}")


COMMAND = Command("Make a picture again from its own recipe, and compare the two.", arguments, run)
