"""How quickly the page answers while eight people have pictures made, and how much memory a crowd of programs takes."""

import statistics

from benchmarks.base import Benchmark, Measured, Script

ROUNDS = 3
IDLE, PEOPLE, CROWD = 0, 1, 2


def measure() -> Measured:
    before, between, after = [], [], []
    with Script("studio_events") as studio:
        for _ in range(ROUNDS):
            before.append(studio(IDLE))
            between.append(studio(PEOPLE))
            after.append(studio(IDLE))
        # The first crowd brings what stays; what the second one adds would go on growing.
        crowds = [studio.figures(CROWD) for _ in range(2)]
    idle = statistics.median([*before, *after])
    return Measured(
        ratio=statistics.median(between) / idle,
        noise=abs(statistics.median(after) / statistics.median(before) - 1),
        details={
            "rounds": ROUNDS,
            "idle_p95_ms": round(1000 * idle, 2),
            "eight_people_p95_ms": round(1000 * statistics.median(between), 2),
            "crowd_p95_ms": round(1000 * crowds[-1]["seconds"], 2),
            "alone_mb": round(crowds[0]["before_mb"], 1),
            "first_crowd_adds_mb": round(crowds[0]["most_mb"] - crowds[0]["before_mb"], 1),
            "second_crowd_adds_mb": round(crowds[1]["most_mb"] - crowds[0]["most_mb"], 1),
        },
    )


BENCHMARK = Benchmark(
    "the 95th percentile of an event that does nothing, while eight people have pictures made / while nobody does",
    2,
    3,
    measure,
)
