"""`studio bench`: measure this machine with the benchmarks of the source tree."""

import argparse
import json
import os
import platform
import subprocess
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
DEVICES = ("cpu", "cuda", "xpu", "mps")
BEGIN, END = "<!-- studio bench --write -->", "<!-- end -->"
TABLE = "| command | ratio | noise | load average | verdict |\n|---|---|---|---|---|"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="The benchmarks to run; all if none is named.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument(
        "--write",
        action="store_true",
        help="Write the results into the table of benchmarks/README.md, each over its row.",
    )
    parser.add_argument(
        "--suite",
        default="starter",
        metavar="NAME",
        help="What is drawn with: starter, the embedded model; sd15 or sdxl, of real size with random weights (2 and 7 "
        "GB, made once).",
    )
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="Where it is drawn.")
    parser.add_argument("--list", action="store_true", help="Name the benchmarks and what each compares.")


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks of a suite, one line each as they end, or with --json one object about all."""
    benchmarks = _of_suite(args)
    if args.list:
        for name, benchmark in benchmarks.items():
            goal, accept = benchmark.goals[args.suite]
            print(f"{name:11} {benchmark.compares} (goal {goal}, accept {accept})")
        return Exit.DONE
    from benchmarks.base import Suite, drawing

    results = {}
    with drawing(Suite.named(args.suite, args.device)):
        for name, benchmark in benchmarks.items():
            results[name] = _measure(name, benchmark, args.suite, args.device)
            print(_line(name, results[name]), file=sys.stderr if args.json else sys.stdout, flush=True)
            if args.write:
                _keep(name, results[name], args.suite, args.device)
    if args.json:
        print(json.dumps({"benchmarks": results, "machine": _machine(args.device)}))
    return Exit.DONE


def _of_suite(args: argparse.Namespace) -> "dict[str, Benchmark]":
    """The benchmarks asked for, all of the suite where none is named; InvalidSetting where one is not of it."""
    every = _benchmarks()
    from benchmarks.base import SUITES

    if args.suite not in SUITES:
        raise InvalidSetting(f"There is no suite {args.suite!r}.", near(args.suite, SUITES))
    if unknown := [name for name in args.names if name not in every]:
        raise InvalidSetting(f"There is no benchmark {unknown[0]!r}.", near(unknown[0], every))
    found = {name: every[name] for name in args.names or every if args.suite in every[name].goals}
    if other := [name for name in args.names if name not in found]:
        suites = " or ".join(f"--suite {suite}" for suite in every[other[0]].goals)
        raise InvalidSetting(f"{other[0]} is not measured with {args.suite}.", f"Take {suites}.")
    return found


def _benchmarks() -> "Registry[Benchmark]":
    if not (ROOT / "benchmarks").is_dir():
        raise NotFound("The benchmarks are not part of this installation.", "Run them from a clone of the repository.")
    sys.path.insert(0, str(ROOT))
    registry: Registry[Benchmark] = import_module("benchmarks").BENCHMARKS
    return registry


def _measure(name: str, benchmark: "Benchmark", suite: str, device: str) -> dict[str, Any]:
    before = os.getloadavg()[0]
    measured = benchmark.measure()
    goal, accept = benchmark.goals[suite]
    return {
        "compares": benchmark.compares,
        "ratio": round(measured.ratio, 4),
        "goal": goal,
        "accept": accept,
        "verdict": benchmark.verdict(measured, suite),
        "noise": None if measured.noise is None else round(measured.noise, 4),
        "details": measured.details,
        "command": _command(name, suite, device),
        "load_average": {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)},
    }


def _machine(device: str = "cpu") -> dict[str, Any]:
    return {
        **({"card": _card(device)} if device != "cpu" else {}),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": versions(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


def _card(device: str) -> str:
    """What the card is called; asked in a process of its own, as this one only waits for others."""
    question = f"import torch; print(torch.{device}.get_device_name())" if device != "mps" else "print('Apple GPU')"
    done = subprocess.run([sys.executable, "-c", question], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 (its own words)
    return done.stdout.strip()


def _command(name: str, suite: str, device: str) -> str:
    suite = "" if suite == "starter" else f" --suite {suite}"
    return f"studio bench {name}{suite}" + ("" if device == "cpu" else f" --device {device}")


def _keep(name: str, result: dict[str, Any], suite: str, device: str) -> None:
    """Put a result into the table where it is one of the embedded model on the processor, else into `results/`."""
    folder = ROOT / "benchmarks"
    if (suite, device) == ("starter", "cpu"):
        _write(folder / "README.md", name, result)
        return
    path = folder / "results" / f"{suite}-{device}.json"
    path.parent.mkdir(exist_ok=True)
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {"benchmarks": {}}
    results = {"benchmarks": {**kept["benchmarks"], name: result}, "machine": _machine(device)}
    path.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


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
