"""`studio watermark`: the invisible watermark of a picture, and which picture of the library it belongs to."""

import argparse
import json
from pathlib import Path

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.gate.identity import COMMAND_LINE


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "init_image", type=Path, metavar="IMAGE", help="Any picture, even one that was saved again as JPEG."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Print the id and the files of the library that carry it; exit 3 where no watermark is found."""
    from studio.inputs import InputStore
    from studio.library import LibraryIndex
    from studio.safety import watermark

    settings = load_settings(args)
    index = LibraryIndex.of(settings)
    with InputStore.of(settings).opened(args.init_image) as image:
        found = watermark.find(image.convert("RGB"))
    files = [str(one.path) for one in index.search(f"watermark:={found.id}", COMMAND_LINE).entries] if found else []
    index.close()
    if args.json:
        about = {"watermark": found.id, "mended_bits": found.mended} if found else {"watermark": None}
        print(json.dumps({"image": str(args.init_image), **about, "files": files}, ensure_ascii=False))
    elif found:
        print("\n".join([f"Watermark {found.id}", *(files or ["No picture of this library carries it."])]))
    else:
        print("No watermark is found in it.")
    return Exit.DONE if found else Exit.DIFFERENT


COMMAND = Command("Read the invisible watermark of a picture, and find the picture that carries it.", arguments, run)
