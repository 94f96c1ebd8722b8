"""What `make run` would install: the PyTorch that fits the machine, said before it is downloaded."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.test_requirements import ROOT

INDEXES = {"cpu": "cpu", "cuda": "cu130", "rocm": "rocm7.2", "xpu": "xpu"}
# Stands for Python and for all that an environment holds: it writes down what it is asked.
STAND_IN = """#!/bin/sh
echo "$*" >> {log}
if [ "$1 $2" = "-m venv" ]; then mkdir -p $3/bin && cp $0 $3/bin/python && cp $0 $3/bin/studio; fi
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def made(tmp_path: Path):
    """Runs make with a Python that only writes down what it is asked; gives that, and what make said."""
    log, python, venv = tmp_path / "log", tmp_path / "python", tmp_path / "venv"
    python.write_text(STAND_IN.format(log=log))
    python.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("make", "sh", "uname", "test", "rm", "mkdir", "cp", "touch", "ls", "echo"):
        (tools / tool).symlink_to(shutil.which(tool))

    def make(*words: str) -> tuple[list[str], str]:
        log.write_text("")
        command = ["make", "run", f"VENV={venv}", f"PY={python}", *words]
        done = subprocess.run(command, cwd=ROOT, env={"PATH": str(tools)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or done.stderr, done.stdout
        return log.read_text().splitlines(), done.stdout + done.stderr

    return make


def pip(asked: list[str]) -> list[str]:
    return [re.sub(r".*-m pip (install|uninstall) (--[a-z-]+ )*?(?=--editable|torch)", r"\1 ", line)
            for line in asked if "-m pip" in line]  # fmt: skip


@pytest.mark.parametrize("build", INDEXES)
def test_a_build_of_torch_comes_from_pytorchs_own_index_before_all_else(made, build: str):
    asked, said = made(f"TORCH={build}")
    index = f"https://download.pytorch.org/whl/{INDEXES[build]}"
    assert pip(asked) == [f"install torch torchvision --index-url {index}", "install --editable .[test]"]
    assert asked[-1] == "run"
    assert "No NVIDIA driver" not in said
    assert index in (ROOT / "README.md").read_text("utf-8")


def test_what_was_chosen_stays_until_another_is_named(made):
    made("TORCH=cpu")
    assert pip(made()[0]) == []
    asked, _ = made("TORCH=rocm")
    assert pip(asked)[0] == "uninstall torch torchvision"
    assert pip(asked)[1].endswith("rocm7.2")
    assert pip(made()[0]) == []


@pytest.mark.skipif(
    os.uname().sysname != "Linux" or Path("/proc/driver/nvidia").exists(), reason="elsewhere it differs"
)
def test_pips_own_torch_is_told_before_it_comes_where_no_nvidia_driver_is(made):
    asked, said = made()
    assert pip(asked) == ["install --editable .[test]"]
    assert "No NVIDIA driver is here" in said
    assert "make run TORCH=cpu" in said
    assert said.index("No NVIDIA driver") < said.index("pip install")


def test_a_build_that_there_is_not_is_refused(made):
    asked, said = made("TORCH=tpu")
    assert pip(asked) == []
    assert "TORCH=tpu is not known: take cpu, cuda, rocm or xpu" in said
