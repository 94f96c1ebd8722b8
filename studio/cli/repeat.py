"""`studio repeat`: do the same to these: the way that a picture went, for a folder, a search or a list of prompts."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli import generate
from studio.cli.base import Command, load_settings
from studio.errors import InvalidSetting, NotFound, Unreadable
from studio.events import Done, Event, Finished, ImageFailed
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe

if TYPE_CHECKING:
    from studio.repeat.making import Plan
    from studio.studio import Studio

STDIN = "-"
# What came of each: its picture, or why there is none.
Outcomes = dict[int, Path | str]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="The picture whose steps the others follow.")
    parser.add_argument(
        "--to",
        nargs="+",
        type=Path,
        default=[],
        metavar="PICTURE",
        help="Pictures and folders: each takes the place of what the picture started from, or followed.",
    )
    parser.add_argument(
        "--search",
        metavar="WORDS",
        help="Pictures of the library instead, as studio library search finds them; board:NAME are those of a board.",
    )
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="A file with one prompt per line, or - for standard input: one picture for each.",
    )
    parser.add_argument(
        "--last-step",
        action="store_true",
        help="Repeat only the last step, not everything that the library knows the picture came from.",
    )
    generate.output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make them, each step of the way as one job; each path, or with --json one object about all."""
    if sum(map(bool, (args.to, args.search, args.prompts))) != 1:
        raise InvalidSetting(
            "Say what to repeat it for.", "Give one of --to PICTURE, --search WORDS and --prompts FILE."
        )
    studio_settings = load_settings(args)
    with redirect_stdout(sys.stderr):
        from studio.studio import Studio

        with Studio(studio_settings, images=args.out.absolute(), durable=False) as studio:
            outcomes, end = _made(studio, args)
    rows = [
        {"path": "", "error": one} if isinstance(one, str) else {"path": str(one), "error": ""}
        for _, one in sorted(outcomes.items())
    ]
    for number, row in enumerate(rows):
        if row["error"]:
            print(f"Picture {number + 1}: {row['error']}", file=sys.stderr)
    paths = "\n".join(row["path"] for row in rows if row["path"])
    print(json.dumps({"images": rows}, ensure_ascii=False) if args.json else paths)
    return generate.exit_code(end, args)


def _made(studio: "Studio", args: argparse.Namespace) -> tuple[Outcomes, Event]:
    """All steps of the way; what cannot be made at one step is left out of the next."""
    planned = _planned(studio, args)
    outcomes, end = _step(studio, dict(enumerate(planned.recipes)))
    steps = planned.steps
    while steps.later and isinstance(end, Done):
        made = {place: one for place, one in outcomes.items() if isinstance(one, Path)}
        each, faults = studio.repeats.next(steps, made, COMMAND_LINE)
        later, end = _step(studio, each) if each else ({}, end)
        outcomes |= later | {place: error.sentence for place, error in faults.items()}
        steps = steps.after([*each])
    return outcomes, end


def _planned(studio: "Studio", args: argparse.Namespace) -> "Plan":
    from studio.export.pictures import found, found_in_library
    from studio.repeat.recipes import for_prompts

    steps = studio.repeats.way(args.image, COMMAND_LINE)[-1 if args.last_step else 0 :]
    if args.prompts:
        prompts = _lines(args.prompts)
        for_prompts(steps[0], prompts)  # without any there is nothing to plan
        return studio.repeats.plan(steps, COMMAND_LINE, prompts=prompts)
    paths = found(args.to) if args.to else found_in_library(studio.index, args.search)
    return studio.repeats.plan(steps, COMMAND_LINE, paths=paths)


def _step(studio: "Studio", recipes: dict[int, Recipe]) -> tuple[Outcomes, Event]:
    """One step for all that are left, as one job."""
    from studio.repeat.making import KIND

    images: dict[int, Finished] = {}
    job = studio.submit(list(recipes.values()), COMMAND_LINE, kind=KIND)
    end = generate.follow(studio, job, images, None)
    faults = {event.image: event.fault.sentence for event in job.events if isinstance(event, ImageFailed)}
    places = dict(enumerate(recipes))
    made: Outcomes = {places[number]: image.path for number, image in images.items()}
    return made | {places[number]: fault for number, fault in faults.items()}, end


def _lines(name: str) -> list[str]:
    """The prompts of a file, a line each, without those that are empty or begin with #."""
    try:
        text = sys.stdin.read() if name == STDIN else Path(name).read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"{name} is not there.", "Name a file with one prompt per line.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{name} is not text that can be read.", "Write it in UTF-8, one prompt per line.") from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


COMMAND = Command("Repeat how one picture was made, for other pictures or prompts, as one job.", arguments, run)
