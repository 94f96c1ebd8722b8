"""`studio upscale`: one picture, larger."""

import argparse

from studio.cli.base import Command, load_settings
from studio.cli.generate import make, output_arguments
from studio.recipe import setting_specs

OPTIONS = {"upscaler": "--upscaler", "upscale": "--scale"}
# What is left out: the best upscaler that is here, and twice as large.
USUAL = {"upscaler": ("the best one available", None), "upscale": ("2", 2)}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("init_image", metavar="IMAGE", help="The picture to enlarge.")
    for name, option in OPTIONS.items():
        setting = setting_specs()[name]
        words, usual = USUAL[name]
        description, metavar = f"{setting.help} If left out: {words}.", option.removeprefix("--").upper()
        parser.add_argument(option, dest=name, default=usual, metavar=metavar, help=description)
    output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Enlarge; the result's path, or with --json one object about it, on standard output, all else on the other."""
    return make(args, load_settings(args), {name: getattr(args, name) for name in ("init_image", *OPTIONS)})


COMMAND = Command("Make a picture larger.", arguments, run)
