"""`studio compare`: prompts by several models, local and hosted, side by side, with what each cost."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument
from studio.errors import InvalidRecipe
from studio.events import END, Finished, ImageFailed
from studio.gate.identity import COMMAND_LINE
from studio.recipe import SEEDS
from studio.storage.database import Database
from studio.storage.locks import alone

if TYPE_CHECKING:
    from studio.compare.making import Compare
    from studio.compare.store import Comparison, Contestant, Line

LOCK = "comparison.lock"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="What the pictures show.")
    parser.add_argument(
        "--prompts",
        type=Path,
        metavar="FILE",
        help="A file with one prompt per line; tags may follow a #, separated by commas.",
    )
    parser.add_argument(
        "--models",
        required=True,
        metavar="MODEL,MODEL,...",
        help="Local models, hosted ones as openai:gpt-image-2, or with their address as http://host/v1:model; each "
        "with settings of its own as starter?steps=8&width=128.",
    )
    parser.add_argument("--seed", type=int, metavar="SEED", help="The seed of models that have one.")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="The folder the pictures go to. The same command again makes what is missing there and nothing else.",
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object about the cells and nothing else.")
    names = ("home", "device", "offload", "precision", "output_check", "day_budget_usd", "unknown_prices")
    yes_argument(parser)
    settings_arguments(parser, *names)


def run(args: argparse.Namespace) -> int:
    """Compare; each picture's path, or with --json one object about all, on standard output, all else on the other."""
    settings = load_settings(args)
    if args.seed is not None and not 0 <= args.seed < SEEDS:
        raise InvalidRecipe("seed", f"{args.seed} is not a valid seed.", f"Give a number from 0 to {SEEDS - 1}.")
    with redirect_stdout(sys.stderr):
        from studio.compare import sheets
        from studio.compare.making import Compare
        from studio.studio import Studio

        lines = _lines(args)
        out = args.out.absolute()
        # Its database is in the folder, so that the same command goes on where it was broken off.
        with Studio(settings, images=out, durable=False, jobs=Database.of(out)) as studio:
            compare = Compare(studio)
            columns = [compare.column(name.strip(), COMMAND_LINE) for name in args.models.split(",") if name.strip()]
            # Two at once would pay for the same pictures.
            with alone(out / LOCK, f"the comparison in {out}"):
                whole = _begun(compare, lines, columns, args)
                places = _places(whole, lines, columns)
                interrupted = _make(compare, whole, places)
                studio.measuring.run("quick")
                whole = compare.store.get(whole.id, COMMAND_LINE.owner)
                sheets.write(whole, out)
    _say(_rows(whole, places), as_json=args.json)
    return Exit.INTERRUPTED if interrupted else Exit.DONE


def _lines(args: argparse.Namespace) -> "list[Line]":
    from studio.compare.store import read_lines

    if (args.prompt is None) == (args.prompts is None):
        raise InvalidRecipe("prompt", "Give prompts in exactly one way.", "Give PROMPT or --prompts.")
    if args.prompts is None:
        return read_lines(" ".join(args.prompt.splitlines()))
    try:
        return read_lines(args.prompts.read_text("utf-8"))
    except OSError as error:
        fault = f"{args.prompts} cannot be read: {error.strerror}."
        raise InvalidRecipe("prompts", fault, "Give a text file with one prompt per line.") from error
    except UnicodeDecodeError as error:
        raise InvalidRecipe("prompts", f"{args.prompts} is not UTF-8 text.", "Save it as UTF-8.") from error


def _begun(
    compare: "Compare", lines: "list[Line]", columns: "list[Contestant]", args: argparse.Namespace
) -> "Comparison":
    """The folder's comparison, extended, or a new one."""
    held = next(iter(compare.store.of(COMMAND_LINE.owner)), None)
    if held is None:
        return compare.store.get(compare.create(COMMAND_LINE, lines, columns, seed=args.seed), COMMAND_LINE.owner)
    if args.seed not in (None, held.seed):
        hint = "Leave the seed out, or choose another folder."
        raise InvalidRecipe("seed", f"The comparison in {args.out} has the seed {held.seed}.", hint)
    compare.extend(held.id, COMMAND_LINE, lines, columns)
    return compare.store.get(held.id, COMMAND_LINE.owner)


def _places(whole: "Comparison", lines: "list[Line]", columns: "list[Contestant]") -> list[tuple[int, int]]:
    """Line and column of each cell that is asked for."""
    prompts = {line.prompt for line in lines}
    wanted = [number for number, line in enumerate(whole.lines) if line.prompt in prompts]
    across = dict.fromkeys(whole.columns.index(column) for column in columns)
    return [(number, column) for number in wanted for column in across]


def _make(compare: "Compare", whole: "Comparison", places: list[tuple[int, int]]) -> bool:
    """Make what is missing and say how it goes; returns whether it was interrupted."""
    kept = sum(whole.cell(*place).state in ("done", "empty") for place in places)
    if kept:
        print(f"{kept} of {len(places)} pictures are there already.", file=sys.stderr)
    try:
        compare.start(whole.id, COMMAND_LINE, places)
        _watch(compare, whole, places)
    except KeyboardInterrupt:
        compare.stop(whole.id, COMMAND_LINE)
        now = compare.store.get(whole.id, COMMAND_LINE.owner)
        calls = sum(cell.state == "running" and now.columns[cell.column].kind == "hosted" for cell in now.cells)
        if calls:
            print(f"Waiting for {calls} answers that are paid for; Ctrl-C again leaves them.", file=sys.stderr)
        _watch(compare, whole, places)
        return True
    return False


def _watch(compare: "Compare", whole: "Comparison", places: list[tuple[int, int]]) -> None:
    """Say how many of the cells are there, each time that one more is, until nothing more comes."""
    before = -1
    for job in compare.jobs(compare.store.get(whole.id, COMMAND_LINE.owner), COMMAND_LINE):
        for event in job.follow():
            if not isinstance(event, (Finished, ImageFailed, *END)):
                continue
            now = compare.store.get(whole.id, COMMAND_LINE.owner)
            ended = sum(now.cell(*place).state in ("done", "failed", "empty") for place in places)
            if ended != before:
                print(f"{ended} of {len(places)} done, ${now.total_usd:.3f} so far", file=sys.stderr)
            before = ended


def _rows(comparison: "Comparison", places: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """What the command promises to say of each cell."""
    from studio.compare import sheets

    wanted = ("model", "prompt", "path", "seconds", "cost_usd", "error")
    places = [(cell.line, cell.column) for cell in comparison.cells]
    facts = dict(zip(places, sheets.rows(comparison), strict=True))
    return [{name: facts[place][name] for name in wanted} for place in places]


def _say(cells: list[dict[str, Any]], *, as_json: bool) -> None:
    total = round(sum(cell["cost_usd"] or 0 for cell in cells), 6)
    if as_json:
        print(json.dumps({"cells": cells, "total_usd": total}, ensure_ascii=False))
        return
    for cell in cells:
        if cell["path"]:
            print(cell["path"])
        else:
            why = cell["error"] or {"kind": "open", "message": "Not made."}
            print(f"{cell['model']}, “{cell['prompt']}”: {why['kind']}: {why['message']}", file=sys.stderr)
    print(f"Total: ${total:.3f}", file=sys.stderr)


COMMAND = Command(
    help="Compare local and hosted models, prompt by prompt, with what each cost.", arguments=arguments, run=run
)
