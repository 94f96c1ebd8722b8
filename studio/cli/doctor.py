"""`studio doctor`: what is there, what would be used, and the cure where something is broken."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.doctor import Check, examine, versions


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home", "model", "device", "offload")


def run(args: argparse.Namespace) -> int:
    """Print each check as it is made; exit 1 where one found something broken."""
    settings = load_settings(args)
    out, checks = sys.stdout, []
    with redirect_stdout(sys.stderr):
        for check in examine(settings):
            checks.append(check)
            if not args.json:
                print(_line(check), file=out, flush=True)
    sound = all(check.sound for check in checks)
    if args.json:
        facts = [asdict(check) | {"sound": check.sound} for check in checks]
        print(json.dumps({"sound": sound, "checks": facts, "versions": versions()}))
    return Exit.DONE if sound else Exit.FAILED


def _line(check: Check) -> str:
    cure = "" if check.sound else f" -> {check.cure}"
    return f"{check.state:7} {check.name:14} {check.found}{cure}"


COMMAND = Command("Examine this machine: device, memory, versions, data folder, models.", arguments, run)
