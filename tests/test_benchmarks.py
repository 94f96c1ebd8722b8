"""The benchmarks are ratios with a goal, and say so when a machine is too noisy for one."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import BENCHMARKS
from benchmarks.base import SCRIPTS, SUITES, Benchmark, Measured, Script, Suite, compare, current, drawing, environment
from benchmarks.scripts import random_models
from studio.cli import bench, main
from studio.events import Done
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Lora
from studio.studio import Studio
from tests.forks import python


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_says_what_it_compares_and_wants(name: str):
    benchmark = BENCHMARKS[name]
    assert " / " in benchmark.compares
    assert benchmark.goals
    assert {*benchmark.goals} <= {*SUITES}
    assert all(0 < goal <= accept for goal, accept in benchmark.goals.values())


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
    of_the_starter = [name for name in BENCHMARKS if "starter" in BENCHMARKS[name].goals]
    assert [line.split()[0] for line in capfd.readouterr().out.splitlines()] == of_the_starter
    assert main(["bench", "--list", "--suite", "sdxl"]) == 0
    listed = capfd.readouterr().out
    assert "batch_users" in listed
    assert "(goal 0.5, accept 0.625)" in listed
    assert "busy_one" not in listed


@pytest.mark.parametrize(
    ("arguments", "cure"), [(["--suite", "sdx"], "sdxl"), (["offload"], "Take --suite sdxl"), (["overhed"], "overhead")]
)
def test_bench_names_what_is_meant_where_there_is_no_such_suite_or_benchmark(
    capfd: pytest.CaptureFixture[str], arguments: list[str], cure: str
):
    assert main(["bench", *arguments]) == 2
    assert cure in capfd.readouterr().err


def test_the_models_of_the_suites_have_the_published_ones_numbers_of_weights():
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    def millions(part: torch.nn.Module) -> float:
        return round(sum(weight.numel() for weight in part.parameters()) / 1e6, 1)

    with torch.device("meta"):
        assert millions(UNet2DConditionModel(**random_models.SD15_UNET)) == 859.5
        assert millions(UNet2DConditionModel(**random_models.SDXL_UNET)) == 2567.5
        assert millions(AutoencoderKL(**random_models.VAE)) == 83.7


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
    assert set(studio) - set(bare) == {"PYTHONPATH", "BENCHMARK_SUITE"}
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


@pytest.fixture
def in_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts find the large libraries loaded."""
    monkeypatch.setattr(sys, "executable", python(anew=True))


@pytest.mark.usefixtures("in_forks")
def test_a_script_answers_each_round_with_its_seconds(tmp_path: Path):
    from safetensors.numpy import save_file

    save_file({}, tmp_path / "empty.safetensors")
    with Script("bare_tensors", tmp_path / "empty.safetensors") as read:
        assert 0 < read() < 60
        assert len(read.cpu_seconds) == 1


@pytest.mark.usefixtures("in_forks")
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


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks that make very many pictures make few."""
    monkeypatch.setattr("benchmarks.batch_latency.PICTURES", 8)


# Those of busy cores run what `overhead` runs, beside programs that would hold up every other test.
@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", sorted({*BENCHMARKS} - {"busy_one", "busy_all", "offload"}))
def test_every_benchmark_ends_with_a_figure(monkeypatch: pytest.MonkeyPatch, name: str):
    module = importlib.import_module(f"benchmarks.{name}")
    for rounds in {"ROUNDS", "SWITCHES"} & {*vars(module)}:
        monkeypatch.setattr(module, rounds, 1)
    assert BENCHMARKS[name].measure().ratio >= 0


# The real models' classes and kinds of layers, with fewer of each.
FEWER: dict[str, Any] = {"unet": {"layers_per_block": 1}, "vae": {"block_out_channels": (32,) * 4}}
SHORT = {"num_hidden_layers": 2, "intermediate_size": 32, "vocab_size": 5000}
SMALL: dict[str, Any] = {
    "sd15": {"unet": {"block_out_channels": (32,) * 4}, "text": SHORT},
    "sdxl": {
        "unet": {
            "block_out_channels": (32,) * 3,
            "transformer_layers_per_block": (1,) * 3,
            "attention_head_dim": (4,) * 3,
        },
        "text": SHORT,
        "text_2": SHORT,
    },
}


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Suite:
    """A suite whose model has the real one's classes and fewer weights, and which makes small pictures of it."""
    name = request.param
    whole = {
        "unet": getattr(random_models, f"{name.upper()}_UNET") | FEWER["unet"] | SMALL[name]["unet"],
        "vae": random_models.VAE | FEWER["vae"],
        "text": random_models.LARGE | SHORT,
        **({"text_2": random_models.BIG_G | SHORT} if name == "sdxl" else {}),
    }
    random_models.write(name, tmp_path, **whole)
    return Suite(name, SUITES[name].replace(width=64, height=64, steps=2), "cpu", tmp_path)


@pytest.mark.parametrize("small", SMALL, indirect=True)
def test_the_model_of_a_suite_is_told_as_what_it_is_and_makes_pictures(small: Suite):
    with drawing(small), current().settings() as settings, Studio(settings, durable=False) as studio:
        recipe = current().recipe
        loras = [Lora(name=f"random-{number}", weight=0.5) for number in range(2)]
        job = studio.submit(recipe.replace(loras=loras), COMMAND_LINE)
        *_, end = job.follow()
        assert isinstance(end, Done), end
        assert studio.catalogue[recipe.model].family == small.name


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("small", "name"),
    [(suite, name) for suite in SMALL for name in BENCHMARKS if suite in BENCHMARKS[name].goals and name != "offload"],
    indirect=["small"],
)
def test_every_benchmark_of_a_card_ends_with_a_figure(monkeypatch: pytest.MonkeyPatch, small: Suite, name: str):
    module = importlib.import_module(f"benchmarks.{name}")
    for rounds in {"ROUNDS", "PAIRS"} & {*vars(module)}:
        monkeypatch.setattr(module, rounds, 1)
    with drawing(small):
        assert BENCHMARKS[name].measure().ratio >= 0
