"""`studio run`: serve the page until interrupted."""

import argparse
import signal

from studio.cli.base import Command, Exit, load_settings, settings_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    settings_arguments(parser, "host", "public", "port", "home", "model", "device", "offload", "output_check")


def run(args: argparse.Namespace) -> int:
    """Serve the page and print its address; Ctrl-C, or being asked to end, closes it cleanly."""
    from studio.studio import Studio
    from studio.ui import launch

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Studio(load_settings(args)) as studio:
            launch(studio)
    except KeyboardInterrupt:
        pass
    return Exit.DONE


COMMAND = Command("Serve the studio's page.", arguments, run)
