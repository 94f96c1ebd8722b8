"""Makes the cases through the studio, as a job of its own for each, in a process that does nothing else.

Run with the path of a JSON file: `settings` are the studio's, `recipes` what is made and `places` where the pictures
go. Writes what each took to `told`.
"""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from studio.engine.device import Device
from studio.events import Done, Failed, Finished, Loading
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.verify.bare import most_bytes


def main(path: str) -> None:
    plan = json.loads(Path(path).read_text("utf-8"))
    with Studio(Settings.load(**plan["settings"]), images=Path(plan["images"]), durable=False) as studio:
        results = [_made(studio, recipe, place) for recipe, place in zip(plan["recipes"], plan["places"], strict=True)]
    Path(plan["told"]).write_text(json.dumps(results), "utf-8")


def _made(studio: Studio, written: str, place: str) -> dict[str, Any]:
    """What a recipe took, or why there is no picture; the second of two pictures is timed."""
    recipe = Recipe.from_json(written)
    first = _job(studio, recipe)
    if "error" in first:
        return first
    began = time.perf_counter()
    again = _job(studio, recipe)
    seconds = time.perf_counter() - began
    if "error" in again:
        return again
    shutil.copyfile(again["path"], place)
    facts, kind = own.read_facts(Path(place)), Device.choose(studio.settings.device).kind
    kept = {name: facts[name] for name in ("device", "dtype", "memory", "changed", "notes") if name in facts}
    return {"seconds": seconds, "bytes": most_bytes(kind), "facts": {"kind": kind, **kept}}


def _job(studio: Studio, recipe: Recipe) -> dict[str, Any]:
    path = ""
    for event in studio.submit(recipe, COMMAND_LINE).follow():
        if isinstance(event, Loading):
            sys.stderr.write(f"{event.what}\n")
        if isinstance(event, Finished):
            path = str(event.path)
    if isinstance(event, Done) and path:
        return {"path": path}
    return {"error": event.sentence if isinstance(event, Failed) else "stopped"}


if __name__ == "__main__":
    main(sys.argv[1])
