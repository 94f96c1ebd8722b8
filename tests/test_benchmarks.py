"""The benchmarks are ratios with a goal, and say so when a machine is too noisy for one."""

import importlib
import re
from pathlib import Path

import pytest

from benchmarks import BENCHMARKS
from benchmarks.base import SCRIPTS, Benchmark, Measured, Script, compare, environment
from studio.cli import bench, main


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


def test_a_baseline_runs_in_nobodys_environment(monkeypatch: pytest.MonkeyPatch):
    for name in (
        "OMP_WAIT_POLICY",
        "OMP_NUM_THREADS",
        "GOMP_SPINCOUNT",
        "MKL_NUM_THREADS",
        "STUDIO_DEVICE",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, "1")
    bare, studio = environment("bare_pictures"), environment("studio_pictures")
    assert not {name for name in bare if re.match("OMP|GOMP|KMP|MKL|STUDIO|PYTHON", name)}
    assert set(studio) - set(bare) == {"PYTHONPATH"}
    assert environment("bare_pictures", {"OMP_NUM_THREADS": "1"})["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("bare_*.py")), ids=lambda path: path.stem)
def test_a_baseline_knows_nothing_of_the_studio(script: Path):
    imported = re.findall(r"^(?:from|import) (\w+)", script.read_text("utf-8"), re.MULTILINE)
    assert not {"studio", "benchmarks"} & {*imported}


def test_every_benchmark_measures_in_processes_of_their_own():
    for name in BENCHMARKS:
        source = (SCRIPTS.parent / f"{name}.py").read_text("utf-8")
        own = r"Script\(|environment\(|seconds\(|measure_script\(|measure_beside\(|sync_playwright\("
        assert re.search(own, source), name


def test_a_script_answers_each_round_with_its_seconds(tmp_path: Path):
    from safetensors.numpy import save_file

    save_file({}, tmp_path / "empty.safetensors")
    with Script("bare_tensors", tmp_path / "empty.safetensors") as read:
        assert 0 < read() < 60
        assert len(read.cpu_seconds) == 1


def test_a_script_that_ends_says_why(tmp_path: Path):
    with pytest.raises(RuntimeError, match="No such file"):
        Script("bare_tensors", tmp_path / "nothing")


def test_results_are_written_over_their_rows(tmp_path: Path):
    page = tmp_path / "README.md"
    rows = "| `studio bench cold` | before |\n| `studio bench start` | kept |"
    page.write_text(f"above\n{bench.BEGIN}\n\n{rows}\n{bench.END}\nbelow\n")
    load = {"before": 0.1, "after": 0.4}
    bench._write(page, "cold", {"ratio": 1.2, "noise": 0.014, "load_average": load, "verdict": "accepted"})
    bench._write(page, "memory", {"ratio": 1, "noise": None, "load_average": load, "verdict": "goal reached"})
    text = page.read_text()
    assert "| `studio bench cold` | 1.200 | 1.4% | 0.4 | accepted |" in text
    assert [text.index(word) for word in ("above", "cold", "memory", "start", "below")] == sorted(
        text.index(word) for word in ("above", "cold", "memory", "start", "below")
    )
    assert "before" not in text


# Those of busy cores run what `overhead` runs, beside programs that would hold up every other test.
@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted({*BENCHMARKS} - {"busy_one", "busy_all"}))
def test_every_benchmark_ends_with_a_figure(monkeypatch: pytest.MonkeyPatch, name: str):
    module = importlib.import_module(f"benchmarks.{name}")
    for rounds in {"ROUNDS", "SWITCHES"} & {*vars(module)}:
        monkeypatch.setattr(module, rounds, 1)
    assert BENCHMARKS[name].measure().ratio >= 0
