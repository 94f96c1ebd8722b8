"""`studio eject`: a recipe as a script of diffusers that needs nothing of the studio."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument
from studio.errors import InvalidRecipe, NotFound, Unreadable
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own
from studio.metadata.own import Made
from studio.recipe import Recipe

RECIPES = (".json", ".txt")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "image", type=Path, metavar="IMAGE", help="A picture that the studio made, or a recipe as a JSON file."
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="The folder for the script and everything it needs.",
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
    yes_argument(parser)
    settings_arguments(parser, "home", "device", "precision")


def run(args: argparse.Namespace) -> int:
    """Write the script, and say where."""
    studio_settings, made = load_settings(args), _made(args.image)
    with redirect_stdout(sys.stderr):
        from studio.eject.eject import eject
        from studio.studio import Studio

        with Studio(studio_settings, durable=False) as studio:
            script = eject(studio, made, args.out, COMMAND_LINE)
    files = sorted(path.name for path in script.parent.iterdir())
    print(json.dumps({"script": str(script), "files": files}) if args.json else script)
    return Exit.DONE


def _made(path: Path) -> Made:
    """What a picture says, or a recipe by itself."""
    if path.suffix.lower() not in RECIPES:
        return own.read_made(path)
    try:
        return Made(Recipe.from_json(path.read_text("utf-8")), {})
    except FileNotFoundError as error:
        raise NotFound(f"{path.name} is not there.", "It may have been moved or deleted.") from error
    except (OSError, UnicodeDecodeError, InvalidRecipe) as error:
        raise Unreadable(f"{path.name} holds no recipe.", "Choose a picture that the studio made.") from error


COMMAND = Command("Write a recipe as a diffusers script with its own requirements.", arguments, run)
