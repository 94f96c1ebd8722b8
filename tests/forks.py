"""Programs that tests start without loading torch, diffusers, transformers, gradio and the studio, which takes seconds.

All processes of a test run share the one that has loaded them.
"""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from studio.storage.locks import Lock

SCRIPT = Path(__file__).with_name("forking.py")
# How long another process may take to load them, on a busy machine.
LOADING_SECONDS = 200
# What keeps it running until the last of those who use it has ended.
_using: list[object] = []


def python(*, anew: bool = False) -> str:
    """What takes the place of `sys.executable`; where the system cannot do it, that is what it is.

    What is started by one `anew` loads the studio itself, too.
    """
    if not hasattr(os, "pidfd_open"):
        return sys.executable
    return f"{_folder()}/python{'-anew' if anew else ''}"


@cache
def _folder() -> Path:
    """Of the process that has loaded them."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = Path(tempfile.gettempdir()) / f"forks-{run}" if run else Path(tempfile.mkdtemp(prefix="forks-"))
    lock = Lock(folder / "lock")
    assert lock.take(LOADING_SECONDS)
    if not (folder / "python").exists():
        _begin(folder)
    user = socket.socket(socket.AF_UNIX)
    user.connect(str(folder / "users"))
    _using.append(user)
    lock.release()
    return folder


def _begin(folder: Path) -> None:
    command = [sys.executable, str(SCRIPT), "serve", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    asks = [sys.executable, "-S", "-E", str(SCRIPT), str(folder / "programs")]
    for name, command in (("python-anew", [*asks, "--anew"]), ("python", asks)):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o700)
    _using.append(process)
