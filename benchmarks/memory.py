"""A second task on a model that is loaded: it must not cost a second copy of the weights."""

import json
import subprocess
import sys
import tempfile

from benchmarks.base import SCRIPTS, Benchmark, Measured, environment

# Both processes make two images, so that they differ in the second pipeline only.
ONE, TWO = ("text2img", "text2img"), ("text2img", "img2img")


def measure() -> Measured:
    before, second, after = _run(ONE), _run(TWO), _run(ONE)
    return Measured(
        ratio=second["peak_bytes"] / ((before["peak_bytes"] + after["peak_bytes"]) / 2),
        noise=abs(after["peak_bytes"] / before["peak_bytes"] - 1),
        details={
            "reference_peak_bytes": before["peak_bytes"],
            "candidate_peak_bytes": second["peak_bytes"],
            "copies_of_the_weights": second["copies_of_the_weights"],
        },
    )


def _run(tasks: tuple[str, ...]) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(SCRIPTS / "studio_peak.py"), home, *tasks]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment())
        answer: dict[str, int] = json.loads(done.stdout)
        return answer


BENCHMARK = Benchmark("peak memory with a second task's pipeline / with one", 1.01, 1.03, measure)
