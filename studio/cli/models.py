"""`studio models`: what has weights, and whether it is here; `fetch` downloads, `remove` takes off the disk."""

import argparse
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from studio import hub
from studio.cli.base import Command, Exit, agreed, load_settings, settings_arguments
from studio.settings import Settings

if TYPE_CHECKING:
    from studio.downloads.items import Item, Items


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    settings_arguments(parser, "home", "output_check")
    acts = parser.add_subparsers(metavar="fetch|remove", dest="act")
    fetch = acts.add_parser("fetch", help="Download weights; run again, it continues where it stopped.")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="What `studio models` calls it, or kind/name.")
    remove = acts.add_parser("remove", help="Remove downloaded weights from the disk.")
    remove.add_argument("names", nargs="+", metavar="NAME", help="What `studio models` calls it, or kind/name.")
    remove.add_argument("--yes", action="store_true", help="Without asking.")


def run(args: argparse.Namespace) -> int:
    """List all, one line each; or download, or remove."""
    from studio.catalogue.controlnets import ControlNets
    from studio.catalogue.models import Catalogue
    from studio.catalogue.vaes import Vaes
    from studio.downloads.items import Items

    settings = load_settings(args)
    catalogue, controlnets = Catalogue(settings), ControlNets(settings)
    items = Items(settings, catalogue, controlnets)
    if args.act == "fetch":
        return _fetch(items, args)
    if args.act == "remove":
        return _remove(items, settings, args)
    all_known = (catalogue, controlnets, Vaes(settings))
    faults = {name: str(fault) for known in all_known for name, fault in known.faults.items()}
    return _list(list(items), faults, settings, args)


def _list(items: "list[Item]", faults: dict[str, str], settings: Settings, args: argparse.Namespace) -> Exit:
    from studio.downloads.items import TITLES
    from studio.downloads.used import LastUsed
    from studio.storage.database import Database

    with closing(Database.of(settings.home)) as database:
        used = LastUsed(database).times()
    if args.json:
        facts = [_facts(item) | {"used": used.get(item.key)} for item in items]
        models = [one for one in facts if one["kind"] == "model"]
        print(json.dumps({"models": models, "others": [one for one in facts if one not in models], "faults": faults}))
        return Exit.DONE
    widest = max((len(item.id) for item in items), default=0)
    for kind, title in TITLES.items():
        lines = [f"{item.id:{widest}}  {_state(item):22}  {_words(item)}" for item in items if item.kind == kind]
        print("\n".join([f"{title}:", *lines, ""]))
    for name, fault in faults.items():
        print(f"{name}  {fault}")
    return Exit.DONE


def _fetch(items: "Items", args: argparse.Namespace) -> Exit:
    from studio.downloads.queue import Downloads

    wanted = [items[name] for name in args.names]
    downloads, say = Downloads(), _progress if sys.stderr.isatty() else hub.silent
    for item in wanted:
        if not item.here:
            downloads.wait_for([item], say)
    return _report_done(args, "fetched", [items[item.key] for item in wanted])


def _remove(items: "Items", settings: Settings, args: argparse.Namespace) -> Exit:
    unwanted = [items[name] for name in args.names]
    size = hub.in_words(sum(item.size_bytes for item in unwanted))
    names = ", ".join(item.name for item in unwanted)
    _check_alone(settings)
    if not args.yes and not agreed(f"Remove {names} ({size})?"):
        print("studio models: nothing was removed; say --yes to remove without being asked.", file=sys.stderr)
        return Exit.WRONG
    for item in unwanted:
        item.remove()
    return _report_done(args, "removed", unwanted)


def _check_alone(settings: Settings) -> None:
    """InUse where a studio runs on this data folder: what it uses, only it knows."""
    from studio.storage.database import Database

    database = Database.of(settings.home)
    if database.exists:
        database.hold()
        database.close()


def _report_done(args: argparse.Namespace, what: str, items: "list[Item]") -> Exit:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    if args.json:
        print(json.dumps({what: [_facts(item) for item in items]}))
        return Exit.DONE
    for item in items:
        where = f": {item.place}" if what == "fetched" else ""
        print(f"{what.capitalize()} {item.name}{where}")
    return Exit.DONE


def _progress(words: str) -> None:
    print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _facts(item: "Item") -> dict[str, Any]:
    here, fault = item.here, item.fault
    return {
        "kind": item.kind,
        "id": item.id,
        "name": item.name,
        "summary": item.summary,
        "family": item.family,
        "licence": item.licence,
        "present": here,
        "bytes": item.size_bytes if here else None,
        "download_bytes": item.download_bytes,
        "unfinished_bytes": item.unfinished_bytes,
        "place": str(item.place) if item.place else None,
        "fault": str(fault) if fault else None,
    }


def _words(item: "Item") -> str:
    return f"{item.name}: {item.summary}" if item.summary else item.name


def _state(item: "Item") -> str:
    if item.fault:
        return "cannot be used"
    if item.here:
        return f"here, {hub.in_words(item.size_bytes)}"
    return f"to download, {hub.in_words(item.download_bytes)}" if item.download_bytes else "to download"


COMMAND = Command("List models and other weights, download some, or remove them.", arguments, run)
