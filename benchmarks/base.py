"""The contract of a benchmark, and how two things are compared on a machine that others use too.

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
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SCRIPTS = Path(__file__).resolve().parent / "scripts"
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


@dataclass(frozen=True)
class Measured:
    """What one benchmark found.

    `ratio` is candidate over reference; `noise` is how far the reference is from itself (0.02: two percent), None
    where nothing random is measured; `details` are the figures behind it, with their unit in the name.
    """

    ratio: float
    noise: float | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """One ratio: what it compares in a sentence, the goal, what is accepted, and the function that measures it."""

    compares: str
    goal: float
    accept: float
    measure: Callable[[], Measured]

    def verdict(self, measured: Measured) -> str:
        """How it went; noise larger than the margin between accept and 1, or the goal, makes it no result.

        Where the noise is larger than the goal itself, the goal cannot be shown to be reached.
        """
        if measured.noise is not None and measured.noise > max(abs(self.accept - 1), self.accept - self.goal, 0.02):
            return "no result: the machine is too noisy"
        if measured.ratio <= self.goal and (measured.noise or 0) <= self.goal:
            return "goal reached"
        return "accepted" if measured.ratio <= self.accept else "missed"


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
    source = {} if script.startswith("bare") else {"PYTHONPATH": str(ROOT)}
    return kept | source | dict(variables or {})


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
