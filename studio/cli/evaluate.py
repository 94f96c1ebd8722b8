"""`studio evaluate`: the figures of the embedded model and its family, measured again from the stored weights."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.errors import DamagedModel, InvalidSetting, NotFound
from studio.settings import PRESETS

if TYPE_CHECKING:
    from starter_factory.sitting import Sitting, Table

ROOT = Path(__file__).resolve().parents[2]
# What every measure stands on.
GROUND = ("text_to_image", "probe")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=["starter", "schedulers", "candidates", "races"],
        help="Each member of the starter's family; or its schedulers at their steps: an hour, kept in the data folder; "
        "or what the ranking of its candidates means; or how often a race keeps the best of them.",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="Only these members of the family.")
    parser.add_argument(
        "--count", type=int, help="Pictures a figure (default: 96, 64 for the schedulers); 32 sets of candidates."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--cards", action="store_true", help="Also write the tables into the model cards and docs.")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="Also write the fixed prompts' pictures to it.")
    parser.add_argument(
        "--folder", type=Path, default=PRESETS.parent / "assets" / "starter", help="Where the model lies."
    )
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Print each table as it is measured, or with --json one object of them; exit 2 where weights are missing."""
    sitting, out = _sitting(args), sys.stdout
    from starter_factory.cards import markdown, write_figures

    tables: dict[str, Table | None] = {}
    with redirect_stdout(sys.stderr):
        if args.sheet:
            _write_sheet(sitting, args.sheet)
        for name, found in _tables(args, sitting):
            tables[name] = None if isinstance(found, str) else found
            if args.cards and not isinstance(found, str):
                write_figures(_pages(args.folder), name, found, sitting.count)
            if not args.json:
                print(f"## {name}\n\n{found if isinstance(found, str) else markdown(found)}\n", file=out, flush=True)
            elif isinstance(found, str):
                print(found, file=sys.stderr)
    if args.json:
        print(json.dumps(tables))
    return Exit.WRONG if None in tables.values() else Exit.DONE


def _sitting(args: argparse.Namespace) -> "Sitting":
    """What measures the model in the folder; an error where it cannot be measured."""
    if not (ROOT / "starter_factory").is_dir():
        raise NotFound(
            "What measures the starter is not part of this installation.", "Run it from a clone of the repository."
        )
    sys.path.insert(0, str(ROOT))
    from starter_factory.family import MEMBERS
    from starter_factory.sitting import Sitting

    if _count(args) < 2:
        raise InvalidSetting(f"--count {args.count} is too few.", "Measure at least 2 pictures a figure.")
    if unknown := [name for name in args.only if name not in MEMBERS]:
        raise InvalidSetting(f"The family has no member {unknown[0]!r}.", f"Known are: {', '.join(MEMBERS)}.")
    if missing := [path for name in GROUND for path in MEMBERS[name].missing(args.folder)]:
        raise DamagedModel(f"{missing[0]} is missing.", "Copy the whole model again, or name its folder with --folder.")
    return Sitting(args.folder, _count(args))


def _count(args: argparse.Namespace) -> int:
    count: int = {"starter": 96, "schedulers": 64, "candidates": 32, "races": 32}[args.what]
    return count if args.count is None else args.count


def _tables(args: argparse.Namespace, sitting: "Sitting") -> "Iterator[tuple[str, Table | str]]":
    settings = load_settings(args)
    if args.what == "starter":
        yield from _members(sitting, args.only)
    elif args.what == "schedulers":
        from starter_factory import schedulers

        yield "schedulers", schedulers.measure(sitting, settings.home / "evaluations")
    elif args.what == "races":
        from starter_factory import races

        yield "races", races.measure(sitting, settings)
    else:
        from starter_factory import triage

        yield "candidates", triage.measure(sitting, settings)


def _members(sitting: "Sitting", only: list[str]) -> "Iterator[tuple[str, Table | str]]":
    """Each member's table, or the line that says which of its weights are missing."""
    from starter_factory.family import MEMBERS

    for name in only or MEMBERS:
        member = MEMBERS[name]
        if missing := member.missing(sitting.folder):
            train = f"python -m starter_factory train {name} --work DIR"
            yield name, f"{member.title}: {missing[0]} is missing. Train it: {train}"
        else:
            yield name, member.measure(sitting)


def _write_sheet(sitting: "Sitting", path: Path) -> None:
    from starter_factory.sampling import FIXED_PROMPTS, paint, write_sheet

    write_sheet(paint(sitting.pipeline(), FIXED_PROMPTS), path)


def _pages(folder: Path) -> list[Path]:
    """Where figures may stand: the cards beside the weights, and the docs."""
    return [*folder.parent.rglob("*.md"), *(PRESETS.parent / "docs").glob("*.md")]


COMMAND = Command("Measure the embedded model and its family from their stored weights.", arguments, run)
