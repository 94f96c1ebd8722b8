"""Ten switches between the starter's ControlNets: nothing may be left of them in memory."""

from benchmarks.base import Benchmark, Measured
from benchmarks.switch_memory import measure_script

SCRIPT = """
import tempfile
from pathlib import Path
from PIL import Image, ImageDraw
from benchmarks.switch_memory import switch_among
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio

with tempfile.TemporaryDirectory() as home, Studio(Settings(home=Path(home), device="cpu"), durable=False) as studio:
    lines = Image.new("RGB", (128, 128))
    ImageDraw.Draw(lines).rectangle((40, 40, 88, 100), outline="white")
    chosen = {"map": studio.inputs.add(lines).id}
    switch_among(studio, [
        Recipe(prompt="a red house", model="starter", steps=2, seed=1, controls=[{"kind": kind, **chosen}])
        for kind in ("canny", "depth", "pose")
    ])
"""


def measure() -> Measured:
    return measure_script(SCRIPT)


BENCHMARK = Benchmark("memory after ten switches of ControlNet / before them", 1.01, 1.05, measure)
