"""What measures the studio's speed and memory, as ratios against the bare libraries; one file is one benchmark."""

from benchmarks.base import Benchmark
from studio.registry import Registry

BENCHMARKS: Registry[Benchmark] = Registry("benchmarks", "BENCHMARK", Benchmark)
