"""`studio library`: what pictures there are, found by words and filters, and the room that they take."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.gate.identity import COMMAND_LINE

if TYPE_CHECKING:
    from studio.library import Entry, Usage

LANGUAGE = """Words are looked for in the prompt, in notes and tags; -word leaves pictures out, "two words" stand
together. Filters are written name:value, as in: lora:ink red house -night size:>512 star:yes date:2026-11
board:"my board". Put the whole search in quotes where it has a - or a >."""
COUNT = 20
ACTIONS = ("search", "sidecars", "filters")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{COMMAND.help} {LANGUAGE}"
    parser.add_argument(
        "action",
        nargs="?",
        choices=ACTIONS,
        default="search",
        help="search: find pictures; sidecars: write what was said of them beside them; filters: name the filters.",
    )
    parser.add_argument("search", nargs="*", metavar="WORDS", help="What to search for; if left out, all pictures.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"How many to list (default: {COUNT}).")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """One line for each picture, newest first, or with --json one object."""
    if args.action == "filters":
        return _filters(args)
    from studio.library import LibraryIndex, Query

    index = LibraryIndex.of(load_settings(args))
    query = Query.parse(" ".join(args.search))
    index.look()
    if args.action == "sidecars":
        return _sidecars(args, index.exports.write_sidecars(index.ids(query, COMMAND_LINE), COMMAND_LINE))
    page = index.search(query, COMMAND_LINE, 0, max(args.count, 1))
    usage = index.usages.of(COMMAND_LINE)
    if args.json:
        pictures = [facts(entry) for entry in page.entries]
        print(json.dumps({"search": str(query), "total": page.total, "pictures": pictures, "usage": asdict(usage)}))
        return Exit.DONE
    for entry in page.entries:
        print(_line(entry))
    more = f", of which the newest {len(page.entries)} are listed" if page.total > len(page.entries) else ""
    print(f"{_pictures(page.total)}{' found' if query.terms else ''}{more}. {_room(usage)}")
    return Exit.DONE


def facts(entry: "Entry") -> dict[str, Any]:
    """A picture as JSON has it."""
    return {**asdict(entry), "path": str(entry.path) if entry.path else None}


def _line(entry: "Entry") -> str:
    marks = ("★ " if entry.star else "") + "".join(f"#{tag} " for tag in entry.tags)
    seed = "" if entry.seed is None else f"seed {entry.seed}, "
    made = datetime.fromtimestamp(entry.created).astimezone()
    models = ", ".join(entry.models) or entry.tool or entry.kind
    prompt = " ".join(entry.prompt.split())[:80]
    return (
        f"{entry.path}  {made:%Y-%m-%d %H:%M}  {entry.width}x{entry.height}  {seed}{models}  {marks}{prompt}".rstrip()
    )


def _room(usage: "Usage") -> str:
    binned = f", {_pictures(usage.binned_count)} more in the bin take {usage.binned_bytes / 1e6:.0f} MB"
    most = f" of {usage.most / 1e6:.0f} MB each that a person may take" if usage.most else ""
    taken = f"All take {usage.bytes / 1e6:.0f} MB{most}{binned if usage.binned_count else ''}"
    return f"{taken}; {usage.free / 1e9:.1f} GB are free on the disk.{_cleared(usage)}"


def _cleared(usage: "Usage") -> str:
    if usage.cleared is None:
        return ""
    count, size, when = usage.cleared
    day = datetime.fromtimestamp(when).astimezone()
    what = "unused inputs and control maps, filmstrips and pictures made again"
    return f" Of {what}, {count} were cleared so far ({size / 1e6:.0f} MB), the last on {day:%Y-%m-%d}."


def _pictures(count: int) -> str:
    return f"{count} picture" if count == 1 else f"{count} pictures"


def _sidecars(args: argparse.Namespace, written: Sequence[Path]) -> int:
    if args.json:
        print(json.dumps({"files": [str(path) for path in written]}))
    else:
        print(f"What was said about {_pictures(len(written))} was written beside them, as <picture>.json.")
    return Exit.DONE


def _filters(args: argparse.Namespace) -> int:
    from studio.library.filters import FILTERS

    found: Mapping[str, Mapping[str, str]] = {
        name: {"help": one.help, "example": one.example} for name, one in FILTERS.items()
    }
    if args.json:
        print(json.dumps({"filters": found}))
    else:
        for name, one in found.items():
            print(f"{name:16} {one['help']}, as in {one['example']}")
    return Exit.DONE


COMMAND = Command("List the pictures of the library, or find some by words and filters.", arguments, run)
