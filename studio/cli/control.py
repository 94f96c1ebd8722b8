"""`studio control`: the map that a picture would be followed by, without painting anything."""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from PIL import Image

from studio.cli.base import PICTURES, Command, Exit, check_ending, load_settings, settings_arguments, yes_argument
from studio.cli.generate import announce
from studio.controls import CONTROLS
from studio.errors import InvalidRecipe, NotWritable
from studio.gate.identity import COMMAND_LINE
from studio.recipe import ControlUnit, Recipe


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", help=f"What to keep of the picture: {', '.join(CONTROLS)}.")
    parser.add_argument("image", metavar="IMAGE", help="The picture to make the map from.")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help="The file for the map: .png, .jpg or .webp.",
    )
    parser.add_argument(
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="A setting of the preprocessor that makes the map. May be repeated.",
    )
    parser.add_argument("--model", metavar="MODEL", help="The model that will follow the map.")
    yes_argument(parser)
    settings_arguments(parser, "home", "device")


def run(args: argparse.Namespace) -> Exit:
    """Make the map; its path on standard output, all else on the other."""
    studio_settings = load_settings(args)
    check_ending(args.out, "--out", PICTURES)
    Recipe.make(controls=[{"kind": args.kind, "options": _options(args.options)}])
    with redirect_stdout(sys.stderr):
        from studio.studio import Studio

        with Studio(studio_settings, durable=False) as studio:
            picture = announce(studio.inputs.add(Path(args.image), "controls", COMMAND_LINE), args.image)
            unit = ControlUnit(kind=args.kind, image=picture, options=_options(args.options))
            _write(studio.inputs.path(studio.control_map(unit, COMMAND_LINE, args.model).id), args.out)
    print(args.out)
    return Exit.DONE


def _options(texts: list[str]) -> tuple[tuple[str, float | int | str], ...]:
    """The options of `low=100`, each with its value."""
    pairs = [text.partition("=") for text in texts]
    if any(not value for _, _, value in pairs):
        raise InvalidRecipe("controls", f"{' '.join(texts)!r} is not a valid option.", "Write NAME=VALUE.")
    return tuple((name.strip(), _value(value.strip())) for name, _, value in pairs)


def _value(text: str) -> float | int | str:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _write(stored: Path, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".png":
            out.write_bytes(stored.read_bytes())
            return
        with Image.open(stored) as picture:
            # A ControlNet follows lines of a pixel: no colour is drawn together, and WebP loses nothing.
            picture.save(out, PICTURES[out.suffix.lower()], quality=95, subsampling=0, lossless=True)
    except OSError as error:
        raise NotWritable(f"{out} cannot be written: {error.strerror}.", "Choose another file.") from error


COMMAND = Command("Make only the control map of a picture, for a ControlNet to follow.", arguments, run)
