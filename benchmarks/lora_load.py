"""The first use of a LoRA's file: reading it for a model over `safetensors.load_file` of the same file."""

import tempfile
from pathlib import Path

from benchmarks.base import Benchmark, Measured, Script, compare_scripts
from studio.catalogue.loras import Loras
from studio.settings import Settings

ROUNDS = 15
LORA = "few-step"


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as home:
        path = Loras(Settings.load(home=Path(home)))[LORA].path
    with Script("bare_tensors", path) as read, Script("studio_lora", LORA) as whole:
        return compare_scripts(read, whole, ROUNDS)


BENCHMARK = Benchmark("first load of a LoRA / reading its file", 5, 15, measure)
