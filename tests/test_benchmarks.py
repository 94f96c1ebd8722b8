"""The benchmarks are ratios with a goal, and say so when a machine is too noisy for one."""

import pytest

from benchmarks import BENCHMARKS
from benchmarks.base import Benchmark, Measured, compare
from studio.cli import main


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_says_what_it_compares_and_wants(name: str):
    benchmark = BENCHMARKS[name]
    assert " / " in benchmark.compares
    assert 0 < benchmark.goal <= benchmark.accept


def test_a_ratio_is_candidate_over_reference_and_its_noise_the_references_own():
    reference = iter([1.0, 1.1, 1.0, 1.1, 1.0, 1.1])
    measured = compare(lambda: next(reference), lambda: 2.1, rounds=3)
    assert measured.ratio == pytest.approx(2.0)
    assert measured.noise == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict"),
    [
        (1.0, 0.01, "goal"),
        (1.04, 0.01, "accepted"),
        (1.2, 0.01, "missed"),
        (1.2, None, "missed"),
        (1.0, 0.2, "no result"),
    ],
)
def test_a_verdict_follows_from_ratio_and_noise(ratio: float, noise: float | None, verdict: str):
    measured = Measured(ratio, noise)
    assert Benchmark("a / b", 1.02, 1.05, lambda: measured).verdict(measured).startswith(verdict)


def test_noise_above_the_goal_cannot_show_that_it_was_reached():
    extra_steps = Benchmark("extra steps", 0.3, 1.0, lambda: Measured(0, None))
    assert extra_steps.verdict(Measured(0.03, 0.1)) == "goal reached"
    assert extra_steps.verdict(Measured(0.03, 0.48)) == "accepted"
    assert extra_steps.verdict(Measured(0.03, 0.8)).startswith("no result")


def test_bench_lists_its_benchmarks(capfd: pytest.CaptureFixture[str]):
    assert main(["bench", "--list"]) == 0
    assert [line.split()[0] for line in capfd.readouterr().out.splitlines()] == list(BENCHMARKS)
