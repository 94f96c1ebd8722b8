"""A library of 100,000 pictures: its first page, searches, and what its index adds to a job, each within bounds."""

import statistics
import tempfile

from benchmarks.base import Benchmark, Measured, Script
from benchmarks.overhead import RECIPE, through

COUNT, ROUNDS, LEARNED = 100_000, 5, 40
FIRST_PAGE_SECONDS, SEARCH_SECONDS, JOB_SHARE = 0.1, 0.2, 0.01
# The first is no search: it is the first page. A find of much, little and nothing, by each sort of condition.
SEARCHES = (
    "",
    "house",
    "word5 red -night",
    "word1500",
    '"red house"',
    "hou",
    "lora:lora-1 size:>256",
    "model:=model-3 house steps:<25",
    "seed:42",
    "date:2024",
    "kind:inpaint",
    "negative:blurry -cat",
    "tag:cat",
    "score:>6",
)


def measure() -> Measured:
    with tempfile.TemporaryDirectory() as home, Script("studio_library", home, COUNT, *SEARCHES) as library:
        first, *found = (statistics.median(library(number) for _ in range(ROUNDS)) for number in range(len(SEARCHES)))
        bare, learned = (
            statistics.median(library(len(SEARCHES) + number) for _ in range(LEARNED)) for number in (0, 1)
        )
        beside = statistics.median(library(len(SEARCHES) + 2) for _ in range(ROUNDS))
    with Script("studio_pictures", through(RECIPE)) as picture:
        job = statistics.median(picture() for _ in range(ROUNDS))
    slowest = max(range(len(found)), key=found.__getitem__)
    share = max(0.0, learned - bare) / job
    return Measured(
        ratio=max(
            first / FIRST_PAGE_SECONDS, beside / FIRST_PAGE_SECONDS, found[slowest] / SEARCH_SECONDS, share / JOB_SHARE
        ),
        noise=None,
        details={
            "pictures": COUNT,
            "first_page_seconds": round(first, 4),
            "slowest_search_seconds": round(found[slowest], 4),
            "slowest_search": SEARCHES[slowest + 1],
            "beside_seconds": round(beside, 4),
            "index_seconds": round(max(0.0, learned - bare), 5),
            "job_seconds": round(job, 4),
            "job_share": round(share, 5),
        },
    )


BENCHMARK = Benchmark(
    "the first page of 100,000 pictures, what is counted beside it, the slowest search and the index's part of a job / "
    "what each may take",
    1,
    1,
    measure,
)
