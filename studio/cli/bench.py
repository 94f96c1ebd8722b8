"""`studio bench`: measure this machine with the benchmarks of the source tree."""

import argparse
import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.base import Command, Exit
from studio.doctor import versions
from studio.errors import InvalidSetting, NotFound
from studio.suggestions import near

if TYPE_CHECKING:
    from benchmarks.base import Benchmark
    from studio.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- studio bench --write -->", "<!-- end -->"
TABLE = "| command | ratio | noise | load average | verdict |\n|---|---|---|---|---|"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="The benchmarks to run; all where none is named.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--write",
        action="store_true",
        help="Write the results into the table of benchmarks/README.md, each over its row.",
    )
    parser.add_argument("--list", action="store_true", help="Name the benchmarks and what each compares.")


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks, one line each as they end, or with --json one object about all."""
    benchmarks = _benchmarks()
    if unknown := [name for name in args.names if name not in benchmarks]:
        raise InvalidSetting(f"There is no benchmark {unknown[0]!r}.", near(unknown[0], benchmarks))
    if args.list:
        for name, benchmark in benchmarks.items():
            print(f"{name:11} {benchmark.compares} (goal {benchmark.goal}, accept {benchmark.accept})")
        return Exit.DONE
    results = {}
    for name in args.names or benchmarks:
        results[name] = _measure(name, benchmarks[name])
        print(_line(name, results[name]), file=sys.stderr if args.json else sys.stdout, flush=True)
        if args.write:
            _write(ROOT / "benchmarks" / "README.md", name, results[name])
    if args.json:
        print(json.dumps({"benchmarks": results, "machine": _machine()}))
    return Exit.DONE


def _benchmarks() -> "Registry[Benchmark]":
    if not (ROOT / "benchmarks").is_dir():
        raise NotFound("The benchmarks are not part of this installation.", "Run them from a clone of the repository.")
    sys.path.insert(0, str(ROOT))
    registry: Registry[Benchmark] = import_module("benchmarks").BENCHMARKS
    return registry


def _measure(name: str, benchmark: "Benchmark") -> dict[str, Any]:
    before = os.getloadavg()[0]
    measured = benchmark.measure()
    return {
        "compares": benchmark.compares,
        "ratio": round(measured.ratio, 4),
        "goal": benchmark.goal,
        "accept": benchmark.accept,
        "verdict": benchmark.verdict(measured),
        "noise": None if measured.noise is None else round(measured.noise, 4),
        "details": measured.details,
        "command": f"studio bench {name}",
        "load_average": {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)},
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": versions(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


def _write(page: Path, name: str, result: dict[str, Any]) -> None:
    """Put a result into the table between the page's marks: over the row of this benchmark, or in its place."""
    head, begin, rest = page.read_text("utf-8").partition(BEGIN)
    table, end, tail = rest.partition(END)
    rows = {row.split("`")[1].split()[-1]: row for row in table.splitlines() if row.startswith("| `")}
    rows[name] = _row(name, result)
    lines = "\n".join([TABLE, *(rows[known] for known in sorted(rows))])
    page.write_text(f"{head}{begin}\n\n{lines}\n\n{end}{tail}", "utf-8")


def _row(name: str, result: dict[str, Any]) -> str:
    noise = "–" if result["noise"] is None else f"{result['noise']:.1%}"
    load = max(result["load_average"].values())
    return f"| `studio bench {name}` | {result['ratio']:.3f} | {noise} | {load:.1f} | {result['verdict']} |"


def _line(name: str, result: dict[str, Any]) -> str:
    noise = "" if result["noise"] is None else f", noise {result['noise']:.1%}"
    bounds = f"goal {result['goal']}, accept {result['accept']}{noise}"
    return f"{name}: {result['ratio']:.3f} ({bounds}): {result['verdict']}"


COMMAND = Command("Measure speed and memory as ratios against bare diffusers.", arguments, run)
