"""The first use of a LoRA's file: reading it for a model over `safetensors.load_file` of the same file."""

import statistics
import tempfile
from pathlib import Path

from benchmarks.base import Benchmark, Measured, compare
from benchmarks.overhead import Timed
from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue
from studio.settings import Settings

ROUNDS = 15


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as home:
        from safetensors.torch import load_file

        from studio.engine import adapters
        from studio.engine.manager import PipelineManager

        settings = Settings.load(home=Path(home))
        file, model = Loras(settings)["few-step"], Catalogue(settings)["starter"]
        manager = PipelineManager(Catalogue(settings), settings)
        with manager.borrow(model) as pipe:
            read = Timed(lambda: load_file(file.path))
            whole = Timed(lambda: adapters.load(file, model, pipe, pipe.unet.dtype))
            read(), whole()
            measured = compare(read, whole, ROUNDS, statistics.median)
        manager.close()
        return measured


BENCHMARK = Benchmark("first load of a LoRA / reading its file", 5, 15, measure)
