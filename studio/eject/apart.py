"""A script of diffusers written by a program of its own: what that takes of memory, the running studio keeps."""

import io
import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

from studio.errors import Busy, InvalidRequest
from studio.settings import Settings

# Reading a model from a slow disk takes minutes.
SECONDS = 900
# How its errors begin.
SPEAKS = "studio eject: "
_one = threading.Lock()


def packed(settings: Settings, picture: Path) -> bytes:
    """The folder of `studio eject` for a picture, as a ZIP file; InvalidRequest with why it cannot be, Busy."""
    if not _one.acquire(blocking=False):
        raise Busy("Another script is being written.", "Try again when it is done.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            _eject(settings, picture, Path(folder))
            return _zip(Path(folder), picture.stem)
    finally:
        _one.release()


def _eject(settings: Settings, picture: Path, folder: Path) -> None:
    options = ["--home", str(settings.home), "--device", settings.device, "--precision", settings.precision]
    command = [sys.executable, "-m", "studio", "eject", str(picture), "-o", str(folder), "--json", *options]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidRequest("The script took too long to write.", "Run studio eject in a terminal.") from error
    if done.returncode:
        raise InvalidRequest(_reason(done.stderr), "Choose another picture, or run studio eject in a terminal.")
    json.loads(done.stdout)


def _reason(errors: str) -> str:
    """What the command ended with, in its own words."""
    lines = [line.partition(SPEAKS)[2].strip() for line in errors.splitlines() if line.startswith(SPEAKS)]
    return lines[-1] if lines else "The script could not be written."


def _zip(folder: Path, stem: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{stem}/{path.name}")
    return buffer.getvalue()
