"""`studio show`: what a picture says of itself, whoever made it."""

import argparse
import json
from pathlib import Path
from typing import Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.downloads.hashes import Weights
from studio.errors import Unreadable
from studio.metadata import own, readers
from studio.metadata.credentials import credentials
from studio.metadata.fitting import Here, fit
from studio.metadata.imported import ImportedSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, metavar="FILE", help="A picture of this studio or of any other tool.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
    settings_arguments(parser, "home")


def run(args: argparse.Namespace) -> int:
    """Print its tool, settings and origin, and what of it is not here; exit 2 where it says nothing at all."""
    settings, origin = load_settings(args), credentials(args.image)
    try:
        found = readers.of_file(args.image)
    except Unreadable:
        if not origin:
            raise
        found = ImportedSettings({})
    facts: dict[str, Any] = {
        "tool": " ".join(filter(None, (found.tool, found.version))),
        "settings": {name: _plain(value) for name, value in found.values.items()},
        "hashes": dict(found.hashes) | _own_hashes(args.image),
        "left": fit(Here.of(settings), found, settings.model).left if found.values else [],
        "origin": origin,
    }
    print(json.dumps(facts, ensure_ascii=False) if args.json else "\n".join(_lines(facts)))
    return Exit.DONE


def _own_hashes(path: Path) -> dict[str, str]:
    try:
        weights = Weights.of(own.read_made(path).facts.get("weights"))
    except Unreadable:
        return {}
    return {one.label: one.sha256 for one in weights}


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=lambda one: one.model_dump(mode="json", exclude_none=True)))


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [*([f"Made by {facts['tool']}"] if facts["tool"] else []), *facts["origin"]]
    lines += [f"{name}: {value}" for name, value in facts["settings"].items()]
    lines += [f"hash of {name}: {value}" for name, value in facts["hashes"].items()]
    return lines + [f"Here it would be left out or changed: {words}" for words in facts["left"]]


COMMAND = Command(
    "Show what a picture says about itself: tool, settings, hashes, and where it comes from.", arguments, run
)
