"""`studio import`: pictures of this disk, whatever tool wrote them, copied into the library."""  # noqa: N999 - by the command

import argparse
import json
import sys
from pathlib import Path

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.gate.identity import COMMAND_LINE


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="A picture, or a folder of pictures.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Copy each picture into the library; what is refused is said with the reason, and stops no other."""
    from studio.library import LibraryIndex

    index = LibraryIndex.of(load_settings(args))
    result = index.importer.bring([path.expanduser().absolute() for path in args.paths], COMMAND_LINE)
    if args.json:
        entries = {entry.id: str(entry.path) for entry in index.entries(result.added, COMMAND_LINE)}
        print(json.dumps({"added": entries, "known": result.known, "refused": result.refused, "passed": result.passed}))
    else:
        for name, why in result.refused.items():
            print(f"studio import: {name}: {why}", file=sys.stderr)
        known = f", {len(result.known)} were there already" if result.known else ""
        refused = f", {len(result.refused)} refused" if result.refused else ""
        passed = f", {result.passed} other files skipped" if result.passed else ""
        print(f"{len(result.added)} pictures were imported into the library{known}{refused}{passed}.")
    return Exit.WRONG if result.refused and not (result.added or result.known) else Exit.DONE


COMMAND = Command(
    "Copy pictures from this disk into the library, with what they say about how they were made.", arguments, run
)
