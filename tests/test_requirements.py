"""requirements.txt is what a Space installs: written from pyproject.toml by `make requirements`, and checked here."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "requirements.txt"
HEADER = """\
# Written by `make requirements` from pyproject.toml: what a Space installs.
# gradio and spaces are missing on purpose, the Space brings its own; floors only, or they would clash with them.
"""
BROUGHT_BY_THE_SPACE = {"gradio", "spaces"}
LARGE = {"accelerate", "diffusers", "openai", "peft", "spandrel", "torch", "transformers"}
# What the builder of a ZeroGPU Space adds to its one pip command.
INJECTED = ["torch<=2.13.0", "gradio[oauth,mcp]==6.31.0", "uvicorn>=0.14.0", "websockets>=10.4", "spaces==0.51.3"]


def requirements() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    kept = [line for line in project["dependencies"] if _name(line) not in BROUGHT_BY_THE_SPACE]
    return HEADER + "".join(f"{line}\n" for line in kept)


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def test_requirements_are_what_pyproject_says():
    assert FILE.read_text("utf-8") == requirements(), "out of date: make requirements"


def test_requirements_pin_nothing_and_leave_the_spaces_own_to_it():
    lines = [line for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines
    assert not [line for line in lines if "==" in line or "~=" in line]
    assert BROUGHT_BY_THE_SPACE.isdisjoint(_name(line) for line in lines)


@pytest.mark.network
@pytest.mark.timeout(600)
def test_requirements_resolve_beside_what_a_space_injects():
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    done = subprocess.run([*command, "-r", str(FILE), *INJECTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.network
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_everything_resolves_for_other_pythons(version: str, tmp_path: Path):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    other = ["--python-version", version, "--only-binary", ":all:", "--target", str(tmp_path)]
    done = subprocess.run([*command, *other, *wanted], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.network
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_studio_answers_under_other_pythons(version: str, tmp_path: Path):
    found = subprocess.run([f"python{version}", "-c", ""], capture_output=True, check=False) if _has(version) else None
    if found is None or found.returncode:
        pytest.skip(f"there is no Python {version}")
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([f"python{version}", "-m", "venv", tmp_path / "venv"], check=True)
    # What lists models needs nothing that is large.
    light = [line for line in requirements().splitlines() if line[0] != "#" and _name(line) not in LARGE]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *light], check=True)
    environment = {"PYTHONPATH": str(ROOT), "STUDIO_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [python, "-m", "studio", "models"], env=environment, capture_output=True, text=True, check=False
    )
    assert "starter" in done.stdout, done.stderr


def _has(version: str) -> bool:
    return shutil.which(f"python{version}") is not None


if __name__ == "__main__":
    FILE.write_text(requirements(), "utf-8")
