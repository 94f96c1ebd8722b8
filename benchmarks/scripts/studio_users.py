"""Several people who ask a studio for pictures at the same time: how long all of them take, and each of them.

A line of a number of milliseconds is one round: each picture comes so long after the one before, on average, at times
that are the same in every round; 0 is all at once. The answer tells the seconds of the round, and of each picture until
its first look and until it is there; and how many steps others made meanwhile, where a picture joined or was stopped.
"""

import gc
import json
import math
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rounds import processor_seconds

from benchmarks.base import current
from studio.events import Done, Finished, Preview, Step
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.recipe import Recipe
from studio.studio import Studio

USERS = 8


def followed(job: Job) -> tuple[float, float]:
    """When a picture had its first look, and when it was there."""
    look = None
    for event in job.follow():
        if look is None and isinstance(event, Preview | Finished):
            look = time.perf_counter()
    if not isinstance(event, Done):
        raise TypeError(event)
    there = time.perf_counter()
    return look or there, there


def round_of(studio: Studio, recipes: Sequence[Recipe], gap_seconds: float) -> dict[str, float]:
    """All of them, each asked for by the next of the users."""
    arrivals = random.Random(0)
    begun = time.perf_counter()
    submitted: list[float] = []
    with ThreadPoolExecutor(len(recipes)) as threads:
        followers = []
        for number, recipe in enumerate(recipes):
            if gap_seconds and number:
                time.sleep(arrivals.expovariate(1 / gap_seconds))
            submitted.append(time.perf_counter())
            job = studio.submit(recipe, Identity.earlier(f"user {number % USERS}"))
            followers.append(threads.submit(followed, job))
        seen = [one.result() for one in followers]
    looks = [look - since for since, (look, _) in zip(submitted, seen, strict=True)]
    waits = [there - since for since, (_, there) in zip(submitted, seen, strict=True)]
    return {
        "seconds": max(there for _, there in seen) - begun,
        "look_p95": p95(looks),
        "wait_p95": p95(waits),
    }


def p95(seconds: Sequence[float]) -> float:
    """What no more than a twentieth of them exceed."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def joined(studio: Studio, recipe: Recipe) -> dict[str, float]:
    """How many steps another picture makes until one that comes has made its first, and until one that goes is gone."""
    others = [studio.submit(recipe, Identity.earlier(f"user {number}")) for number in range(USERS - 1)]
    reference = others[0]
    next(event for event in reference.follow() if isinstance(event, Step) and event.step >= 2)
    before = steps_of(reference)
    late = studio.submit(recipe, Identity.earlier("late"))
    next(event for event in late.follow() if isinstance(event, Step))
    joins = steps_of(reference) - before
    before = steps_of(reference)
    studio.stop(late.id, Identity.earlier("late"))
    list(late.follow())
    leaves = steps_of(reference) - before
    for number, job in enumerate(others):
        studio.stop(job.id, Identity.earlier(f"user {number}"))
        list(job.follow())
    return {"seconds": 0.0, "joins": joins, "leaves": leaves}


def steps_of(job: Job) -> int:
    """How many steps of a picture were made."""
    return max((event.step for event in job.events if isinstance(event, Step)), default=0)


given = json.loads(sys.argv[1])
recipes = [Recipe.make(**values) for values in given["recipes"]]
with current().studio(max_waiting=1000, **given["settings"]) as studio:
    round_of(studio, recipes[:1], 0)
    round_of(studio, recipes[: 2 * USERS], 0)
    print("ready", flush=True)
    for line in sys.stdin:
        gc.collect()
        cpu = processor_seconds()
        work = int(line)
        answer = joined(studio, recipes[0]) if work < 0 else round_of(studio, recipes, work / 1000)
        print(json.dumps({**answer, "cpu_seconds": processor_seconds() - cpu}), flush=True)
