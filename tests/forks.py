"""Programs that tests start without loading torch, diffusers, transformers and gradio anew, which takes six seconds."""

import atexit
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).with_name("forking.py")


def python() -> list[str]:
    """How a command begins, in the place of `sys.executable`; where the system cannot do it, that is what it is."""
    if not hasattr(os, "pidfd_open"):
        return [sys.executable]
    return [sys.executable, "-S", "-E", str(SCRIPT), _place()]


@cache
def _place() -> str:
    """Where the process listens that has loaded them; it ends with this one."""
    folder = tempfile.TemporaryDirectory()
    place = str(Path(folder.name) / "forks")
    command = [sys.executable, str(SCRIPT), "serve", place]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(_end, process, folder)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return place


def _end(process: "subprocess.Popen[str]", folder: "tempfile.TemporaryDirectory[str]") -> None:
    process.communicate()
    folder.cleanup()
