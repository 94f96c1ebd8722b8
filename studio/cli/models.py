"""`studio models`: what can be chosen with --model, and whether it is on this machine."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments

if TYPE_CHECKING:
    from studio.catalogue.models import Catalogue


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """List the models, one line each."""
    from studio.catalogue.models import Catalogue

    catalogue = Catalogue(load_settings(args))
    models = [_facts(catalogue, name) for name in catalogue]
    faults = {name: str(fault) for name, fault in catalogue.faults.items()}
    if args.json:
        print(json.dumps({"models": models, "faults": faults}))
        return Exit.DONE
    widest = max((len(model["id"]) for model in models), default=0)
    for model in models:
        print(f"{model['id']:{widest}}  {_state(model):22}  {model['name']}: {model['summary']}")
    for name, fault in faults.items():
        print(f"{name}  {fault}")
    return Exit.DONE


def _facts(catalogue: "Catalogue", name: str) -> dict[str, Any]:
    model = catalogue[name]
    fault = catalogue.why_not(model)
    return {
        "id": model.id,
        "name": model.name,
        "summary": model.summary,
        "family": model.family,
        "licence": model.licence,
        "present": catalogue.present(model),
        "bytes": catalogue.size_bytes(model),
        "download_bytes": model.download_bytes,
        "fault": str(fault) if fault else None,
    }


def _state(model: dict[str, Any]) -> str:
    if model["present"]:
        return f"here, {_size(model['bytes'])}" if model["bytes"] else "here"
    if model["fault"]:
        return "cannot be used"
    return f"to download, {_size(model['download_bytes'])}" if model["download_bytes"] else "to download"


def _size(amount: int) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.0f} MB"


COMMAND = Command("List the models that can be chosen.", arguments, run)
