"""What the safety layer costs: a picture of the starter with all four parts over one without, and each by itself."""

import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from benchmarks.base import Benchmark, Measured, Script, compare_scripts
from benchmarks.overhead import RECIPE, through
from studio.safety.layer import Safety
from studio.safety.prompts import PromptFilter
from studio.settings import Settings

ROUNDS = 7
PARTS = ("output_check", "prompt_filter", "watermark", "provenance")
ON = {f"STUDIO_{name.upper()}": "on" for name in PARTS}
# What larger models make, in pixels at a side.
SIDE = 1024


def measure() -> Measured:
    request = through(RECIPE)
    with Script("studio_pictures", request) as without, Script("studio_pictures", request, variables=ON) as checked:
        measured = compare_scripts(without, checked, ROUNDS)
    return replace(measured, details=measured.details | {f"seconds_at_{SIDE}": _each()})


def _each() -> Mapping[str, float]:
    """The seconds that each part takes of a large picture."""
    from studio.safety.classifier import Classifier

    picture = Image.effect_mandelbrot((SIDE, SIDE), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.load(home=Path(home), output_check="on", prompt_filter="on", watermark="on")
        safety = Safety(settings, PromptFilter(settings), Classifier.load())
        rounds = [safety.finish(picture, RECIPE, {}, number=0, picture="").verdicts for _ in range(ROUNDS)]
    return {each[0].check: statistics.median(one.seconds for one in each) for each in zip(*rounds, strict=True)}


BENCHMARK = Benchmark(
    "a picture of the starter with the whole safety layer / the same without",
    1.05,
    1.15,
    measure,
)
