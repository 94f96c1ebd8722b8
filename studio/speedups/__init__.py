"""What makes pictures sooner at some cost in quality: one file is one speed-up, off unless it is chosen."""

from studio.registry import Registry
from studio.speedups.base import Speedup

SPEEDUPS: Registry[Speedup] = Registry("studio.speedups", "SPEEDUP", Speedup)  # type: ignore[type-abstract]
