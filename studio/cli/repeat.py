"""`studio repeat`: do the same to these: the way that a picture went, for a folder or a list of prompts."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from studio.cli import generate
from studio.cli.base import Command, load_settings
from studio.errors import InvalidSetting, NotFound, Unreadable
from studio.events import Finished, ImageFailed
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own

STDIN = "-"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="The picture whose way the others go.")
    parser.add_argument(
        "--to",
        nargs="+",
        type=Path,
        default=[],
        metavar="PICTURE",
        help="Pictures and folders: each takes the place of what the picture started from, or followed.",
    )
    parser.add_argument(
        "--prompts", metavar="FILE", help="A file with a prompt a line, or - for standard input: one picture for each."
    )
    generate.output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make them; each path, or with --json one object about all, on standard output."""
    if bool(args.to) == bool(args.prompts):
        raise InvalidSetting("Say what the same is to be done to.", "Give either --to PICTURE or --prompts FILE.")
    studio_settings, recipe = load_settings(args), own.read(args.image)
    images: dict[int, Finished] = {}
    out = sys.stdout
    with redirect_stdout(sys.stderr):
        from studio.export.pictures import found
        from studio.repeat import for_pictures, for_prompts, repeat
        from studio.studio import Studio

        with Studio(studio_settings, images=args.out.absolute(), durable=False) as studio:
            if args.prompts:
                recipes = for_prompts(recipe, _lines(args.prompts))
            else:
                recipes = for_pictures(studio, recipe, found(args.to), COMMAND_LINE)
            job = repeat(studio, recipes, COMMAND_LINE)
            end = generate.follow(studio, job, images, None if args.json else out)
    faults = {event.image: event.fault.sentence for event in job.events if isinstance(event, ImageFailed)}
    for number, fault in faults.items():
        print(f"Picture {number + 1}: {fault}", file=sys.stderr)
    if args.json:
        made = {number: str(image.path) for number, image in images.items()}
        rows = [{"path": made.get(number, ""), "error": faults.get(number, "")} for number in range(len(recipes))]
        print(json.dumps({"images": rows}, ensure_ascii=False))
    return generate.exit_code(end, args)


def _lines(name: str) -> list[str]:
    """The prompts of a file, a line each, without those that are empty or begin with #."""
    try:
        text = sys.stdin.read() if name == STDIN else Path(name).read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"{name} is not there.", "Name a file with a prompt a line.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{name} is no text that can be read.", "Write it in UTF-8, a prompt a line.") from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


COMMAND = Command("Do the same to these: one picture's way for other pictures or prompts, as one job.", arguments, run)
