"""Where tests write: into memory if there is plenty, as much of their time goes to waiting for a disk to sync."""

import os
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
# A run writes 1.5 GB; three processes that test take some 6.
PLENTY = 10 * 2**30


def write_into_memory() -> None:
    """Put temporary files into memory, this process's and those of all that it starts; TMPDIR overrules it."""
    if "TMPDIR" in os.environ or not _is_plenty():
        return
    folder = MEMORY / f"image-studio-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid == os.getuid():  # nor a link of somebody else's
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None  # to be asked for anew


def _is_plenty() -> bool:
    """Whether there is room, in what may hold programs, too: some tests run what they write."""
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return min(psutil.disk_usage(str(MEMORY)).free, psutil.virtual_memory().available) > PLENTY
