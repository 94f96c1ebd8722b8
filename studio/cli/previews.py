"""`studio previews`: the small pictures of styles that the page shows, made by a model of this machine."""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image

from studio.atomic_files import AtomicFolder
from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument
from studio.cli.generate import exit_code, follow
from studio.errors import InvalidRecipe
from studio.events import Finished
from studio.gate.identity import COMMAND_LINE
from studio.presets.reading import StylePreset, named
from studio.recipe import Recipe
from studio.suggestions import near

if TYPE_CHECKING:
    from studio.studio import Studio

PROMPT = "a house by the sea"
SIDE = 192


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("styles", nargs="*", metavar="STYLE", help="Default: all that suit the model and have none.")
    parser.add_argument("--model", metavar="MODEL", help="The model that draws them (default: the studio's own).")
    parser.add_argument("--prompt", default=PROMPT, metavar="PROMPT", help=f"What they show (default: {PROMPT}).")
    parser.add_argument("--steps", type=int, metavar="STEPS", help="In how many steps (default: the model's own).")
    yes_argument(parser)
    settings_arguments(parser, "home", "device", "offload", "precision", "output_check")


def run(args: argparse.Namespace) -> int:
    """Put NAME.webp beside one's own styles, for each style, and print its path."""
    settings = load_settings(args)
    out, images = sys.stdout, dict[int, Finished]()
    with redirect_stdout(sys.stderr), TemporaryDirectory() as folder:
        from studio.studio import Studio

        with Studio(settings, images=Path(folder), durable=False) as studio:
            styles = _chosen(studio, args)
            if not styles:
                print("All styles that suit the model have a picture.", file=out)
                return Exit.DONE
            base = Recipe.make(prompt=args.prompt, model=args.model, steps=args.steps, seed=1)
            job = studio.submit([base.replace(styles=(style.id,)) for style in styles], COMMAND_LINE)
            end = follow(studio, job, images, None)
        for number, image in images.items():
            path = settings.home / "presets" / "styles" / f"{styles[number].id}.webp"
            _save(image.path, path)
            print(path, file=out)
    return exit_code(end, args)


def _chosen(studio: "Studio", args: argparse.Namespace) -> list[StylePreset]:
    """The styles that are named, or those without a picture; InvalidRecipe for a name that there is not."""
    presets = studio.presets
    family = studio.catalogue[args.model or studio.settings.model].family
    chosen = []
    for name in args.styles:
        style = named(name, presets.styles)
        if style is None:
            raise InvalidRecipe("styles", f"There is no style “{name}”.", near(name, presets.styles))
        chosen.append(style)
    every = presets.styles.values()
    return chosen or [style for style in every if style.suits(family) and not presets.picture_of(style)]


def _save(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    AtomicFolder(target.parent).write(target, lambda file: small.save(file, "WEBP", quality=80))


COMMAND = Command("Make the small pictures of styles.", arguments, run)
