"""`studio loras`: what can be put on with --lora, and what each is for; `studio loras add` brings more in."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from studio import hub
from studio.cli.base import Command, Exit, load_settings, settings_arguments, yes_argument

if TYPE_CHECKING:
    from studio.catalogue.lora_imports import LoraImports
    from studio.catalogue.loras import LoraFile, Loras
    from studio.civitai.offers import Place
    from studio.hub import Say
    from studio.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home")
    add = parser.add_subparsers(metavar="add").add_parser("add", help="Add a LoRA to the data folder.")
    what = (
        "A .safetensors file, owner/name[/file] on the hub, or an address or AIR of Civitai (its key: CIVITAI_API_KEY)."
    )
    add.add_argument("what", metavar="FILE|HUB_ID|ADDRESS", help=what)
    yes_argument(add)
    add.add_argument("--name", help="The name to give it (default: that of its file).")


def run(args: argparse.Namespace) -> int:
    """Add one, or list all, one line each."""
    from studio.catalogue.loras import Loras

    loras = Loras(load_settings(args))
    if "what" in args:
        return _add(loras, args)
    faults = {name: str(fault) for name, fault in loras.faults.items()}
    if args.json:
        entries = [_facts(lora) | {"sha256": loras.digest(lora.path)} for lora in loras.values()]
        print(json.dumps({"loras": entries, "faults": faults}))
        return Exit.DONE
    widest = max(map(len, loras), default=0)
    for lora in loras.values():
        words = f": {', '.join(lora.trigger_words)}" if lora.trigger_words else ""
        rank = f"rank {lora.rank}, " if lora.rank else ""
        print(f"{lora.name:{widest}}  {lora.family or 'unknown':8}  {rank}{lora.bytes / 1e6:.1f} MB{words}")
    for name, fault in faults.items():
        print(f"{name}  {fault}")
    return Exit.DONE


def _add(loras: "Loras", args: argparse.Namespace) -> int:
    from studio.catalogue.lora_imports import LoraImports
    from studio.civitai.offers import place_of
    from studio.civitai.site import Site

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    settings, imports = load_settings(args), LoraImports(loras)
    if place := place_of(args.what, Site(settings)):
        return _bring(place, settings, imports, args, say)
    added = imports.add(args.what, args.name, say, agreed=settings.agree_downloads)
    print(json.dumps({"added": _facts(added)}) if args.json else f"Added {added.name}, {added.sort}: {added.path}")
    return Exit.DONE


def _bring(place: "Place", settings: "Settings", imports: "LoraImports", args: argparse.Namespace, say: "Say") -> int:
    from studio.civitai.arriving import Arrivals
    from studio.civitai.offers import offer
    from studio.civitai.site import Site, key_of_environment
    from studio.inputs import InputStore

    site, key = Site(settings), key_of_environment()
    offered = offer(place, site, key)
    if not settings.agree_downloads:
        hub.check_agreed([offered.file], offered.bytes)
    came = Arrivals(settings, site, imports, InputStore.of(settings)).bring(offered, key, say, args.name)
    facts = {"name": came.name, "sort": came.sort, "folder": came.folder}
    print(json.dumps({"added": facts}) if args.json else f"Added {came.name}, {came.sort}, to {came.folder}.")
    return Exit.DONE


def _facts(lora: "LoraFile") -> dict[str, Any]:
    fault = lora.why_not()
    return {
        "name": lora.name,
        "family": lora.family,
        "path": str(lora.path),
        "format": lora.format,
        "rank": lora.rank,
        "alpha": lora.alpha,
        "trigger_words": list(lora.trigger_words),
        "tensors": lora.tensors,
        "bytes": lora.bytes,
        "notes": lora.notes,
        "thumbnail": str(lora.thumbnail) if lora.thumbnail else None,
        "fault": str(fault) if fault else None,
    }


COMMAND = Command("List the LoRAs that can be used, or add one.", arguments, run)
