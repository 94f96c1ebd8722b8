"""`studio run`: serve the page until interrupted."""

import argparse
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from studio import hf_space
from studio.cli.base import SAFETY, Command, Exit, load_settings, settings_arguments
from studio.errors import StudioError
from studio.logs import configure
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.backends.engine_process import EngineProcess
    from studio.studio import Studio

# What is not over by then loads, imports or waits for another machine: nothing stops that, and nothing is lost by it.
PATIENCE_SECONDS = 2.0


def arguments(parser: argparse.ArgumentParser) -> None:
    names = ("host", "accounts", "public", "port", "home", "model", "engine", "device", "devices", "offload")
    settings_arguments(parser, *names, "memory_gb", "agree_downloads", "precision", "side_by_side", "numerics", *SAFETY)


def run(args: argparse.Namespace) -> int:
    """Serve the page and print its address; Ctrl-C, or being asked to end, closes it cleanly and within seconds.

    Exit 1 where the device was lost: whoever keeps the studio running starts it again.
    """
    for name in ("SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):  # Windows has no SIGHUP
            signal.signal(number, signal.default_int_handler)
    settings = load_settings(args)
    configure(settings)
    studio = _opened(settings)
    from studio.ui import launch

    try:
        with suppress(KeyboardInterrupt):
            launch(studio)
    finally:
        _close(studio)
    if studio.jobs.halted:
        print(f"studio run: {studio.jobs.halted}", file=sys.stderr)
        _leave(Exit.FAILED)
    _leave(Exit.DONE)


def begin(settings: Settings) -> "EngineProcess | None":
    """A process for the engine, to be begun before anything large is imported here; None where it is inside.

    Where there are several, they are begun with the studio.
    """
    if settings.engine == "inside" or settings.devices or hf_space.has_zero_gpu():
        return None
    from studio.backends.engine_process import EngineProcess

    return EngineProcess(settings)


def _opened(settings: Settings) -> "Studio":
    """The studio, with its engine's process where that is not inside."""
    begun = begin(settings)
    try:
        from studio.studio import Studio

        return Studio(settings, begun=begun)
    except StudioError:
        if begun:
            begun.close()
        raise


def _close(studio: "Studio") -> None:
    """Close the studio, as far as that goes soon; a second Ctrl-C waits no longer."""
    with suppress(TimeoutError, KeyboardInterrupt):
        ThreadPoolExecutor(1, "close").submit(studio.close).result(PATIENCE_SECONDS)


def _leave(code: Exit) -> NoReturn:
    """End the process as it stands: Python would wait for its threads, and take what is loaded apart for seconds."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


COMMAND = Command("Serve the studio's page.", arguments, run)
