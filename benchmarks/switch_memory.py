"""Ten switches between text to image, image to image and inpainting: nothing may be left of them in memory."""

import json
import subprocess
import sys

from benchmarks.base import Benchmark, Measured

SWITCHES = 10
# A process of its own, so that nothing else comes and goes in it.
SCRIPT = """
import gc, itertools, json, sys
import psutil, torch
from benchmarks.overhead import through_the_studio
from benchmarks.switch import studio_and_tasks

def held():
    gc.collect()
    parameters = [one for one in gc.get_objects() if isinstance(one, torch.nn.Parameter)]
    weights = {one.data_ptr(): one.nbytes for one in parameters}
    return {"rss_bytes": psutil.Process().memory_info().rss, "weights_bytes": sum(weights.values())}

with studio_and_tasks() as (studio, tasks):
    for recipe in tasks * 2:
        through_the_studio(studio, recipe)
    before = held()
    for recipe in itertools.islice(itertools.cycle(tasks), int(sys.argv[1])):
        through_the_studio(studio, recipe)
    print(json.dumps({"before": before, "after": held()}))
"""


def measure() -> Measured:
    command = [sys.executable, "-c", SCRIPT, str(SWITCHES)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    before, after = answer["before"], answer["after"]
    return Measured(
        ratio=max(after[name] / before[name] for name in before),
        noise=None,
        details={f"{name}_{when}": answer[when][name] for when in answer for name in before}
        | {f"{name.removesuffix('_bytes')}_ratio": round(after[name] / before[name], 4) for name in before},
    )


BENCHMARK = Benchmark("memory after ten switches of task / before them", 1.01, 1.05, measure)
