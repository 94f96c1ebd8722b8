"""Work that is asked for again and again: each line that comes in is the number of one, answered by what it took."""

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence

import psutil


def processor_seconds() -> float:
    """What this process and those that it has begun have computed."""
    own = psutil.Process()
    times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def serve(*works: Callable[[], object], warm: Sequence[int] | None = None) -> None:
    """Do each work (or those of the numbers `warm`) once, say so, and then what the lines ask for."""
    for number in range(len(works)) if warm is None else warm:
        works[number]()
    print("ready", flush=True)
    for line in sys.stdin:
        gc.collect()
        wall, cpu = time.perf_counter(), processor_seconds()
        works[int(line)]()
        took = {"seconds": time.perf_counter() - wall, "cpu_seconds": processor_seconds() - cpu}
        print(json.dumps(took), flush=True)
