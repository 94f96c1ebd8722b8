"""`studio deploy`: onto a Hugging Face Space."""

import argparse
import json
import os
import sys
import webbrowser
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.errors import InvalidDeployment
from studio.hf_space import ZERO

if TYPE_CHECKING:
    from studio.deploy import Plan, Report


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("space", metavar="OWNER/NAME", help="The Space; it is created if it does not exist.")
    parser.add_argument(
        "--hardware", default=ZERO, help=f"Its hardware, such as cpu-basic or t4-small; {ZERO} if left out."
    )
    seen = parser.add_mutually_exclusive_group()
    for name, words in (
        ("protected", "Everybody may open it, and only you may see its files."),
        ("private", "Only you may open it."),
    ):
        seen.add_argument(
            f"--{name}",
            dest="visibility",
            action="store_const",
            const=name,
            help=f"{words} A Space that exists stays as it is.",
        )
    parser.add_argument("--models", default="", metavar="ID,...", help="Models to offer besides Starter.")
    several: dict[str, Any] = {"action": "extend", "nargs": "+", "default": [], "metavar": "NAME"}
    parser.add_argument("--lora", **several, help="LoRAs to include.")
    parser.add_argument("--secret", **several, help="Secrets of the Space, their values in the environment.")
    several["metavar"] = "NAME=VALUE"
    parser.add_argument("--variable", **several, help="Variables of the Space, such as settings of the studio.")
    parser.add_argument("--no-library", action="store_true", help="Keep no pictures: no storage bucket is made.")
    parser.add_argument(
        "--dry-run", action="store_true", help="List what would be uploaded; this needs no network and no token."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Deploy, and print the Space's address; progress and build log go to standard error."""
    from studio.deploy import DeployRequest, Hub, draw_up, find_token, upload

    request = DeployRequest(
        args.space,
        args.hardware,
        visibility=args.visibility or "public",
        models=tuple(filter(None, args.models.split(","))),
        loras=tuple(args.lora),
        secrets={} if args.dry_run else _secrets(args.secret),
        variables=_variables(args.variable),
        keeps=not args.no_library,
    )
    plan = draw_up(request, load_settings(args))
    if args.dry_run:
        _print_plan(plan, as_json=args.json)
        return Exit.DONE
    done = upload(Hub(find_token(), secrets=request.secrets.values()), plan, _teller())
    if args.json:
        print(json.dumps(vars(done)))
    else:
        print(done.url)
        if sys.stdout.isatty():
            webbrowser.open(done.url)
    return Exit.DONE


def _secrets(names: Sequence[str]) -> dict[str, SecretStr]:
    """The values of these secrets, from the environment; InvalidDeployment where one is not there."""
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise InvalidDeployment(
            f"The secret {missing[0]} is not in the environment.",
            f"Set it there ({missing[0]}=... before the command), so that it is in no list of processes.",
        )
    return {name: SecretStr(os.environ[name]) for name in names}


def _variables(given: Sequence[str]) -> dict[str, str]:
    """Names and values; an empty value is refused with the order."""
    return {name: value for name, _, value in (variable.partition("=") for variable in given)}


def _print_plan(plan: "Plan", *, as_json: bool) -> None:
    if as_json:
        files = [{"path": item.path, "bytes": item.size_bytes} for item in plan.items]
        print(json.dumps({"files": files, "readme": plan.readme, "hardware": plan.request.hardware}))
        return
    for item in plan.items:
        print(f"{item.size_bytes:>11,}  {item.path}")
    print(f"{plan.size_bytes:>11,}  in {len(plan.items)} files for {plan.request.space} on {plan.request.hardware}")


def _teller() -> "Report":
    """Writes what happens to standard error, each sentence once."""
    from studio.deploy import Logged, StepReport

    last = ""

    def tell(event: StepReport | Logged) -> None:
        nonlocal last
        words = f"  {event.line}" if isinstance(event, Logged) else f"{event.words} ..."
        if words != last:
            print(words, file=sys.stderr, flush=True)
        if isinstance(event, StepReport):
            last = words

    return tell


COMMAND = Command("Deploy the studio to a Hugging Face Space.", arguments, run)
