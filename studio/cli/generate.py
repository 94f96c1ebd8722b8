"""`studio generate`: one recipe from the command line, its images in a folder."""

import argparse
import json
import os
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, get_origin

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.events import Done, Event, Failed, Finished, Loading, Step, Stopped
from studio.recipe import Recipe, settings

if TYPE_CHECKING:
    from studio.jobs import Job
    from studio.studio import Studio

OWNER = "command line"
# Where the option is not simply the field's name.
OPTIONS = {"negative_prompt": "--negative", "negative_presets": "--negative-preset", "guidance_scale": "--guidance"}
BAR = 24


def arguments(parser: argparse.ArgumentParser) -> None:
    for name, setting in settings().items():
        if name == "prompt":
            parser.add_argument("prompt", metavar="PROMPT", help=setting.help)
            continue
        many = get_origin(Recipe.model_fields[name].annotation) is tuple
        parser.add_argument(
            OPTIONS.get(name, f"--{name.replace('_', '-')}"),
            dest=name,
            metavar="NAME" if many else setting.label.upper().replace(" ", "_"),
            # None, so that the recipe's own default holds where the option is not given.
            default=None,
            action="append" if many else "store",
            help=setting.help.replace("%", "%%") + (" May be given again." if many else ""),
        )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="The folder the images go to.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object about the images and nothing else.")
    settings_arguments(parser, "home", "device", "offload")


def run(args: argparse.Namespace) -> int:
    """Generate; each image's path, or with --json one object about all, on standard output, all else on the other."""
    studio_settings = load_settings(args)
    given = {name: value for name in settings() if (value := getattr(args, name)) is not None}
    recipe = Recipe.make(**given)
    began = time.monotonic()
    out, images = sys.stdout, dict[int, Finished]()
    with redirect_stdout(sys.stderr):
        from studio.studio import Studio

        with Studio(studio_settings, images=args.out.absolute(), durable=False) as studio:
            end = _follow(studio, studio.submit(recipe, OWNER), images, None if args.json else out)
    if args.json:
        facts = [_facts(image) for image in images.values()]
        print(json.dumps({"images": facts, "seconds": round(time.monotonic() - began, 3)}))
    return _exit_code(end)


def _follow(studio: "Studio", job: "Job", images: dict[int, Finished], out: TextIO | None) -> Event:
    """Watch the job to its end and return that; Ctrl-C stops the job, and what had finished is kept."""
    try:
        return _watch(job, images, out)
    except KeyboardInterrupt:
        studio.stop(job.id, OWNER)
        return _watch(job, images, out)


def _watch(job: "Job", images: dict[int, Finished], out: TextIO | None) -> Event:
    """Fill `images` as they come and print their paths on `out`; a second watch repeats nothing."""
    screen = sys.stderr if sys.stderr.isatty() else None
    for event in job.follow():
        if screen:
            _draw(event, len(job.recipes), screen)
        if isinstance(event, Finished) and event.image not in images:
            images[event.image] = event
            if out:
                print(event.path, file=out, flush=True)
    return event


def _draw(event: Event, count: int, screen: TextIO) -> None:
    """Show `event` on the last line of the terminal."""
    match event:
        case Loading(what):
            line = what
        case Step(images, step, steps, seconds_left):
            done = BAR * step // steps
            bar = "█" * done + "░" * (BAR - done)
            line = f"{bar} image {images[0] + 1} of {count}, step {step} of {steps}, {seconds_left:.0f} s left"
        case Finished() | Done() | Stopped() | Failed():
            line = ""
        case _:
            return
    width = os.get_terminal_size(screen.fileno()).columns or 80
    screen.write("\r\x1b[K" + line[: width - 1])
    screen.flush()


def _facts(image: Finished) -> dict[str, Any]:
    recipe = image.recipe
    return {
        "path": str(image.path),
        "seed": recipe.seed,
        "width": recipe.width,
        "height": recipe.height,
        "recipe": json.loads(recipe.to_json()),
    }


def _exit_code(end: Event) -> Exit:
    match end:
        case Stopped():
            print("studio generate: stopped; the finished images are kept.", file=sys.stderr)
            return Exit.INTERRUPTED
        case Failed(message, hint, field):
            where = f"{field}: " if field else ""
            print("studio generate:", " ".join(f"{where}{message} {hint}".split()), file=sys.stderr)
            return Exit.WRONG if field else Exit.FAILED
        case _:
            return Exit.DONE


COMMAND = Command("Make images from text.", arguments, run)
