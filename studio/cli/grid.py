"""`studio grid`: one recipe along up to three axes, a picture for each cell."""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from studio.cli import generate
from studio.cli.base import Command, Exit, check_ending, load_settings
from studio.errors import InvalidRecipe, NotFound
from studio.events import Failed, Finished, ImageFailed
from studio.gate.identity import COMMAND_LINE
from studio.grids.axes import names
from studio.hosted.spending import price_words
from studio.inputs import InputStore
from studio.recipe import Recipe
from studio.storage.database import Database

if TYPE_CHECKING:
    from studio.grids.axes import Axis
    from studio.grids.making import GridJob, Grids
    from studio.grids.store import Grid
    from studio.sheets import Kind
    from studio.studio import Studio

AXES = ("x", "y", "z")
# What a grid is written out as, and the endings of its file.
SHEETS: "Mapping[Kind, tuple[str, ...]]" = {"png": (".png",), "html": (".html", ".htm"), "csv": (".csv",)}
# Fields whose values are pictures: files on the command line.
PICTURED = ("init_image", "mask_image", "mask_sketch")


def arguments(parser: argparse.ArgumentParser) -> None:
    generate.arguments(parser, "--prompt")
    group = parser.add_argument_group("axes")
    for name in AXES:
        group.add_argument(
            f"--{name}",
            metavar="FIELD=A,B,C",
            help=f"What varies along {name}: a setting and its values; numbers also as 1-10:3 or 1-10[4]."
            + (f" FIELD is one of {', '.join(names())}." if name == "x" else ""),
        )
    group.add_argument(
        "--resume", action="store_true", help="Make only the missing pictures of the grid in the folder."
    )
    for kind, what in (
        ("png", "one picture with labels, which is grid.png in DIR where no sheet is named"),
        ("html", "a self-contained page"),
        ("csv", "a table"),
    ):
        group.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"Write the grid as {what}.")


def run(args: argparse.Namespace) -> int:
    """Make a grid; each picture's path, or with --json one object about all, on standard output, all else elsewhere."""
    studio_settings = load_settings(args)
    for kind, endings in SHEETS.items():
        if path := getattr(args, kind):
            check_ending(path, f"--{kind}", endings)
    given = generate.given_values(args)
    out = sys.stdout
    with redirect_stdout(sys.stderr):
        from studio.grids.making import Grids
        from studio.studio import Studio

        inputs = InputStore.of(studio_settings)
        axes = [_axis(words, inputs) for name in AXES if (words := getattr(args, name)) is not None]
        base = Recipe.make(**given | generate.stored(inputs, given))
        images = args.out.absolute()
        # Its database is in the folder, so that --resume finds there what the same command began.
        with Studio(studio_settings, images=images, durable=False, jobs=Database.of(images)) as studio:
            grids = Grids(studio)
            begun = _begun(studio, grids, base, axes, resume=args.resume)
            interrupted = _follow(begun, studio, None if args.json else out)
            grid = begun.grid
            if grid.total_usd:
                print(f"It cost ${grid.total_usd:.3f}.", file=sys.stderr)
            for kind, path in _sheets(args).items():
                print(grids.export(grid, path.absolute(), kind) or f"{path} is written.", file=sys.stderr)
    if args.json:
        print(json.dumps({"cells": _rows(grid, args.out.absolute())}))
    return _exit_code(grid, interrupted=interrupted)


def _sheets(args: argparse.Namespace) -> "dict[Kind, Path]":
    """The files that the grid is written out as: those that are asked for, or one picture beside its images."""
    wanted = {kind: path for kind in SHEETS if (path := getattr(args, kind))}
    return wanted or {"png": args.out / "grid.png"}


def _axis(words: str, inputs: InputStore) -> "Axis":
    """An axis; where its values are pictures, these are given as files, and stored."""
    from studio.grids.axes import Axis

    axis = Axis.parse(words)
    pictured = axis.field in PICTURED or re.fullmatch(r"control\.\d+\.(image|map)", axis.field)
    if not pictured:
        return axis
    add = inputs.add_mask if axis.field == "mask_image" else inputs.add
    stored = []
    for value in axis.values:
        try:
            stored.append(generate.announce(add(Path(value)), value) if value else "")
        except InvalidRecipe as error:
            raise InvalidRecipe(axis.field, f"{value}: {error.message}", error.hint) from error
    labels = tuple(Path(value).name or label for value, label in zip(axis.values, axis.labels, strict=True))
    return replace(axis, values=tuple(stored), labels=labels)


def _begun(studio: "Studio", grids: "Grids", base: Recipe, axes: "list[Axis]", *, resume: bool) -> "GridJob":
    """The grid that is asked for, begun; with `resume` the newest in the folder of the same recipe and axes."""
    from studio.grids.making import plan

    if resume:
        for one in (found.grid for found in grids.of(COMMAND_LINE)):
            if not axes or (list(one.axes) == axes and _same(one.base, base)):
                return grids.resume(one.id, COMMAND_LINE)
        if not axes:
            raise NotFound("This folder holds no grid to continue.", "Name its axes: --x FIELD=A,B,C begins a new one.")
        print("studio grid: the folder has no such grid yet; starting a new one.", file=sys.stderr)
    grid = plan(studio, base, axes)
    possible = sum(cell.recipe is not None for cell in grid.cells)
    price = price_words(studio.most_usd([cell.recipe for cell in grid.cells if cell.recipe]))
    print(" ".join(filter(None, (f"{possible} pictures, {grid.steps} steps.", price))), file=sys.stderr)
    return grids.begin(grid, COMMAND_LINE)


def _same(made: Recipe, wanted: Recipe) -> bool:
    """Whether a grid's recipe is the one that is asked for; what was left open had been drawn."""
    drawn = {name: made.get(name) for name in ("seed", "variation_seed") if wanted.get(name) is None}
    return wanted.replace(count=1, **drawn) == made


def _follow(begun: "GridJob", studio: "Studio", out: TextIO | None) -> bool:
    """Watch the grid to its end, saying what comes; returns whether it was interrupted."""
    reported: set[object] = set()
    try:
        _watch(begun, out, reported)
    except KeyboardInterrupt:
        studio.stop(begun.job.id, COMMAND_LINE)
        _watch(begun, out, reported)
        return True
    return False


def _watch(begun: "GridJob", out: TextIO | None, reported: set[object]) -> None:
    """Tell what can be told, each picture and each fault once, as often as a cell is over."""
    _tell(begun, out, reported)
    for event in begun.job.follow():
        if isinstance(event, Finished | ImageFailed | Failed):
            _tell(begun, out, reported)


def _tell(begun: "GridJob", out: TextIO | None, reported: set[object]) -> None:
    grid = begun.grid
    for cell in grid.cells:
        # The same fault in many cells is told once.
        if cell.error and cell.error not in reported:
            where = ", ".join(f"{title} {label}" for title, label in grid.labels(cell.at))
            print(f"{where}: {cell.error}", file=sys.stderr)
        elif cell.path and cell.at not in reported and out:
            print(begun.folder / cell.path, file=out, flush=True)
        reported |= {cell.error, cell.at} if cell.error or cell.path else set()


def _rows(grid: "Grid", folder: Path) -> list[dict[str, Any]]:
    return [
        {
            **{name: axis.labels[place] for name, axis, place in zip(AXES, grid.axes, cell.at, strict=False)},
            **dict.fromkeys(AXES[len(grid.axes) :]),
            "path": str(folder / cell.path) if cell.path else None,
            "error": cell.error or None,
        }
        for cell in grid.cells
    ]


def _exit_code(grid: "Grid", *, interrupted: bool) -> Exit:
    """A cell that cannot be made is told as such, and is no failure of the command."""
    if interrupted:
        print("studio grid: stopped; add --resume to make the rest.", file=sys.stderr)
        return Exit.INTERRUPTED
    if grid.fault:
        print(f"studio grid: {grid.fault}", file=sys.stderr)
    return Exit.FAILED if grid.fault or not any(cell.path for cell in grid.cells) else Exit.DONE


COMMAND = Command("Make a picture for each combination of settings along up to three axes.", arguments, run)
