"""`studio export`: pictures handed on, in another format or without their recipes, as a sheet, as a training set."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, get_args

from studio.cli.base import Command, Exit, check_ending, load_settings, settings_arguments
from studio.errors import InvalidSetting
from studio.metadata.writing import Format, writing_of

FORMS = ("pictures", "sheet", "training")
SHEETS = {".html": "html", ".htm": "html", ".pdf": "pdf"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "form",
        choices=FORMS,
        help="pictures: in another format, with or without their recipes; sheet: a contact sheet as HTML or PDF; "
        "training: each picture with its caption as a file of text.",
    )
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="Pictures, and folders of them.")
    parser.add_argument(
        "--search",
        metavar="WORDS",
        help="Pictures of the library, as studio library search finds them; board:NAME are those of a board.",
    )
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="PLACE", help="A folder; for a sheet, its file."
    )
    parser.add_argument(
        "--format", choices=get_args(Format), help="The format of pictures (default: that of the settings)."
    )
    parser.add_argument(
        "--without-recipe",
        action="store_true",
        help="Leave out everything that says how the pictures were made, for publishing.",
    )
    parser.add_argument(
        "--cut-out",
        action="store_true",
        help="Leave out the plain background of pictures, for stickers and icons: it becomes transparent.",
    )
    parser.add_argument(
        "--marked",
        action="store_true",
        help="Mark pictures as made by an algorithm, whatever the settings say.",
    )
    parser.add_argument("--title", help="The title of a sheet (default: the name of its file).")
    parser.add_argument("--columns", type=int, default=4, metavar="N", help="How many pictures a sheet has in a row.")
    parser.add_argument(
        "--trigger", default="", metavar="WORD", help="What each caption of a training set begins with."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
    settings_arguments(parser, "home", "provenance")


def run(args: argparse.Namespace) -> int:
    """Write, and say what."""
    from studio.export import pictures
    from studio.library import LibraryIndex

    settings, paths = load_settings(args), pictures.found(args.images)
    if args.search is not None:
        paths += pictures.found_in_library(LibraryIndex.of(settings), args.search)
    if not paths:
        raise InvalidSetting("There is no picture in there.", "Name pictures, or folders of them.")
    if args.form == "sheet":
        files = [_sheet(args, paths)]
    elif args.form == "training":
        from studio.export import training

        files = training.export(paths, args.out, args.trigger)
    else:
        changes: dict[str, Any] = {"format": args.format} if args.format else {}
        changes |= {"marked": True} if args.marked else {}
        how = writing_of(settings, recipe=not args.without_recipe, **changes)
        files = pictures.export(paths, args.out, how, cut=args.cut_out)
    names = [str(file) for file in files]
    print(json.dumps({"files": names}) if args.json else "\n".join(names))
    return Exit.DONE


def _sheet(args: argparse.Namespace, paths: list[Path]) -> Path:
    from studio.export import contact_sheet

    out: Path = args.out
    check_ending(out, "--out", SHEETS)
    if not 1 <= args.columns <= 20:
        raise InvalidSetting(
            f"--columns {args.columns} is not a valid number of columns.", "Give a number from 1 to 20."
        )
    form: contact_sheet.Form = "pdf" if SHEETS[out.suffix.lower()] == "pdf" else "html"
    if note := contact_sheet.write(paths, out, args.title or out.stem, form, args.columns):
        print(note, file=sys.stderr)
    return out


COMMAND = Command("Export pictures: as files, as a contact sheet, or as a training set.", arguments, run)
