"""`studio run`: serve the page until interrupted."""

import argparse
import signal
import sys

from studio.cli.base import Command, Exit, load_settings, settings_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    names = ("host", "public", "port", "home", "model", "device", "offload", "precision", "output_check")
    settings_arguments(parser, *names)


def run(args: argparse.Namespace) -> int:
    """Serve the page and print its address; Ctrl-C, or being asked to end, closes it cleanly.

    Exit 1 where the device was lost: whoever keeps the studio running starts it again.
    """
    from studio.studio import Studio
    from studio.ui import launch

    for name in ("SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):  # Windows has no SIGHUP
            signal.signal(number, signal.default_int_handler)
    studio = Studio(load_settings(args))
    try:
        with studio:
            launch(studio)
    except KeyboardInterrupt:
        pass
    if studio.jobs.halted:
        print(f"studio run: {studio.jobs.halted}", file=sys.stderr)
        return Exit.FAILED
    return Exit.DONE


COMMAND = Command("Serve the studio's page.", arguments, run)
