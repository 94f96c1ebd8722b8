"""How two things are compared on a machine that others use too.

Each side is a script in a process of its own, in nobody's environment: what one sets for itself reaches no other. Both
run in one session, in the order reference, candidate, reference, so that a drift of the machine falls on both. The two
halves of the reference, held against each other, tell how much of a ratio is noise.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.base.contract import Measured
from benchmarks.base.suites import VARIABLE, current

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
ROOT = SCRIPTS.parent.parent
# What finds programs, libraries, a person's files and the card; nothing that says how anything computes.
KEPT = (
    "PATH",
    "HOME",
    "USERPROFILE",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "LANG",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
)


class Script:
    """A script of `scripts/` in a process of its own; each call does one of its works, and returns the seconds.

    Those of the processor are kept. Leaving the `with` block ends the process.
    """

    def __init__(self, name: str, *arguments: object, variables: Mapping[str, str] | None = None) -> None:
        self.cpu_seconds: list[float] = []
        self._name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, SCRIPTS / f"{name}.py", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(name, variables),
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._errors.close()

    def __call__(self, work: int = 0) -> float:
        return self.figures(work)["seconds"]

    def figures(self, work: int = 0) -> dict[str, float]:
        """All that it tells of one of its works."""
        assert self._process.stdin
        print(work, file=self._process.stdin, flush=True)
        took: dict[str, float] = json.loads(self._answer())
        self.cpu_seconds.append(took["cpu_seconds"])
        return took

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            self._errors.seek(0)
            errors = self._errors.read()
            self._errors.close()
            raise RuntimeError(f"{self._name} ended: {errors}")
        return line


def environment(script: str = "", variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a script: nobody's, with these `variables`; those of the studio find its source tree."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    if not script.startswith("bare"):
        kept |= {"PYTHONPATH": str(ROOT), VARIABLE: current().to_json()}
    return kept | dict(variables or {})


def compare(
    reference: Callable[[], float],
    candidate: Callable[[], float],
    rounds: int,
    estimate: Callable[[Sequence[float]], float] = statistics.median,
) -> Measured:
    """Run reference, candidate, reference `rounds` times, each returning its seconds; `estimate` sums up each side."""
    before, between, after = [], [], []
    for _ in range(rounds):
        before.append(reference())
        between.append(candidate())
        after.append(reference())
    return Measured(
        ratio=estimate(between) / estimate([*before, *after]),
        noise=abs(estimate(after) / estimate(before) - 1),
        details={
            "estimate": estimate.__name__,
            "rounds": rounds,
            "reference_seconds": round(estimate([*before, *after]), 4),
            "candidate_seconds": round(estimate(between), 4),
        },
    )


def compare_scripts(reference: Script, candidate: Script, rounds: int) -> Measured:
    """The same of two scripts, with the ratio of their processor seconds.

    Others on the machine lengthen the wall time of a side by chance, but hardly its own work.
    """
    measured = compare(reference, candidate, rounds)
    cpu_ratio = statistics.median(candidate.cpu_seconds) / statistics.median(reference.cpu_seconds)
    return replace(measured, details=measured.details | {"cpu_ratio": round(cpu_ratio, 4)})
