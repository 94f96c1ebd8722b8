"""`studio filmstrip`: what each step of a picture predicts, as a strip and as a short animation."""

import argparse
import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument
from studio.cli.generate import exit_code, follow
from studio.errors import InvalidRequest
from studio.events import Done, Finished
from studio.filmstrip import animate, frames_of, strip
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own

KIND = "filmstrip"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="A picture that the studio made, with its recipe.")
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="DIR", help="The folder for the strip and the animation."
    )
    parser.add_argument("--gif", action="store_true", help="Write the animation as GIF; else it is WebP.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
    yes_argument(parser)
    settings_arguments(parser, "home", "device", "offload", "precision")


def run(args: argparse.Namespace) -> int:
    """Make the picture again, and keep what each step predicts."""
    studio_settings, recipe = load_settings(args), own.read_again(args.image)
    from studio.studio import Studio

    images: dict[int, Finished] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        redirect_stdout(sys.stderr),
        Studio(studio_settings, images=Path(folder), durable=False) as studio,
    ):
        job = studio.submit(recipe, COMMAND_LINE, kind=KIND)
        end = follow(studio, job, images, None)
        if not isinstance(end, Done):
            return exit_code(end, args)
        place = studio.filmstrips.place(images[0].path)
    if not place.is_file():
        raise InvalidRequest(
            "This picture has no steps that can be seen.", "Choose one that a model of this machine painted."
        )
    frames = frames_of(place)
    place.unlink()
    args.out.mkdir(parents=True, exist_ok=True)
    files = {
        "strip": args.out / f"{args.image.stem}-steps.png",
        "animation": args.out / f"{args.image.stem}-steps.{'gif' if args.gif else 'webp'}",
    }
    strip(frames).save(files["strip"])
    animate(frames, files["animation"])
    written = {name: str(path) for name, path in files.items()}
    print(json.dumps({**written, "frames": len(frames)}) if args.json else "\n".join(written.values()))
    return Exit.DONE


COMMAND = Command("Show what each step of a picture predicts, as a strip and as a short animation.", arguments, run)
