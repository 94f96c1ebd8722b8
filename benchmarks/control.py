"""Ten switches between the starter's ControlNets: nothing may be left of them in memory."""

import json
import subprocess
import sys

from benchmarks.base import Benchmark, Measured

SWITCHES = 10
# A process of its own, so that nothing else comes and goes in it.
SCRIPT = """
import gc, itertools, json, sys, tempfile
from pathlib import Path
import psutil, torch
from PIL import Image, ImageDraw
from benchmarks.overhead import through_the_studio
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio

def held():
    gc.collect()
    parameters = [one for one in gc.get_objects() if isinstance(one, torch.nn.Parameter)]
    weights = {one.data_ptr(): one.nbytes for one in parameters}
    return {"rss_bytes": psutil.Process().memory_info().rss, "weights_bytes": sum(weights.values())}

with tempfile.TemporaryDirectory() as home, Studio(Settings(home=Path(home), device="cpu"), durable=False) as studio:
    lines = Image.new("RGB", (128, 128))
    ImageDraw.Draw(lines).rectangle((40, 40, 88, 100), outline="white")
    chosen = {"map": studio.inputs.add(lines).id}
    recipes = [
        Recipe(prompt="a red house", model="starter", steps=2, seed=1, controls=[{"kind": kind, **chosen}])
        for kind in ("canny", "depth", "pose")
    ]
    for recipe in recipes * 2:
        through_the_studio(studio, recipe)
    before = held()
    for recipe in itertools.islice(itertools.cycle(recipes), int(sys.argv[1])):
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


BENCHMARK = Benchmark("memory after ten switches of ControlNet / before them", 1.01, 1.05, measure)
