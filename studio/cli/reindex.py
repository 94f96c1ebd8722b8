"""`studio reindex`: the library's index made anew of the files."""

import argparse
import json
import sys
from typing import Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.gate.identity import COMMAND_LINE


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Ask each file; say what came and went, and what was left out and why."""
    from studio.library import LibraryIndex

    index = LibraryIndex.of(load_settings(args))
    found = index.reindex(progress("read") if sys.stderr.isatty() else None)
    total = index.search("", COMMAND_LINE, 0, 1).total
    if args.json:
        facts: dict[str, Any] = {"pictures": total, "added": found.added, "removed": found.removed}
        print(json.dumps(facts | {"faults": found.faults}))
        return Exit.DONE
    for name, why in sorted(found.faults.items()):
        print(f"{name}: {why}", file=sys.stderr)
    left = f"; {len(found.faults)} left out" if found.faults else ""
    print(f"The library has {total} pictures: {found.added} new, {found.removed} gone{left}.")
    print("Stars, ratings, notes, tags and boards are as they were.")
    return Exit.DONE


def progress(what: str) -> Any:
    """Shows on the last line of the terminal how far it is."""

    def say(done: int, total: int) -> None:
        sys.stderr.write(f"\r\x1b[K{what} {done} of {total}" if done < total else "\r\x1b[K")
        sys.stderr.flush()

    return say


COMMAND = Command("Rebuild the library's index from its files; stars, tags and boards stay.", arguments, run)
