"""`studio presets`: what there is ready-made, and styles from elsewhere; and how a command takes a saved recipe up."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.cli.base import Command, Exit, load_settings, settings_arguments
from studio.errors import InvalidPreset, InvalidRecipe
from studio.presets.reading import Presets, PromptPreset, named
from studio.presets.recipes import PARTS, RecipePreset, known_parts
from studio.settings import Settings
from studio.suggestions import near

FORM = "NAME[:PART,...]"
KINDS = ("styles", "negatives", "stacks", "sizes", "recipes")


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="List all presets, one line each.")
    taking = actions.add_parser("import", help="Import styles from A1111 (styles.csv) or Fooocus (.json).")
    taking.add_argument("files", nargs="+", type=Path, metavar="FILE", help="The styles.csv or .json files.")
    for action in (listing, taking):
        action.add_argument("--json", action="store_true", help="Print one JSON object.")
        settings_arguments(action, "home")


def run(args: argparse.Namespace) -> int:
    """List the presets, or save those of a file among one's own."""
    settings = load_settings(args)
    presets = presets_of(settings)
    return _import(args, settings, presets) if args.action == "import" else _list(presets, as_json=args.json)


def presets_of(settings: Settings) -> Presets:
    """The project's and the home's."""
    return Presets(settings.home / "presets")


def preset_argument(parser: argparse.ArgumentParser) -> None:
    """The option that takes saved recipes up, whole or in part."""
    parser.add_argument(
        "--preset",
        action="append",
        default=[],
        metavar=FORM,
        help=f"Use this saved recipe, or some of its parts ({', '.join(PARTS)}). Options given beside it override "
        "it. May be repeated.",
    )


def saved(texts: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The recipe fields that these say, the later ones' over the earlier ones'; InvalidRecipe."""
    given: dict[str, Any] = {}
    for text in texts:
        given |= _values(text, presets_of(settings))
    return given


def _values(text: str, presets: Presets) -> dict[str, Any]:
    recipes = presets.recipes
    name, _, parts = text.partition(":")
    preset = named(name, recipes)
    if preset is None and (fault := presets.fault_of(name)):
        raise fault
    if preset is None:
        raise InvalidRecipe("preset", f"There is no saved recipe “{name}”.", near(name, recipes))
    return preset.as_values(known_parts(filter(None, parts.split(","))))


def _list(presets: Presets, *, as_json: bool) -> int:
    if as_json:
        by_kind = {kind: [_facts(preset) for preset in getattr(presets, kind).values()] for kind in KINDS}
        print(json.dumps({**by_kind, "faults": {str(path): str(fault) for path, fault in presets.faults.items()}}))
        return Exit.DONE
    for kind in KINDS:
        known = getattr(presets, kind)
        widest = max(map(len, known), default=0)
        for name, preset in known.items():
            print(f"{kind:9}  {name:{widest}}  {_about(preset)}")
    for fault in presets.faults.values():
        print(f"left out   {fault}")
    return Exit.DONE


def _facts(preset: Any) -> dict[str, Any]:
    if isinstance(preset, RecipePreset):
        return {"id": preset.id, "name": preset.name, **preset.dumped()}
    facts: dict[str, Any] = preset.model_dump(mode="json")
    return facts


def _about(preset: Any) -> str:
    if isinstance(preset, RecipePreset):
        return f"{preset.name}: {', '.join(preset.parts)}"
    return f"{preset.name}: {preset.purpose}" if isinstance(preset, PromptPreset) and preset.purpose else preset.name


def _import(args: argparse.Namespace, settings: Settings, presets: Presets) -> int:
    """WRONG where a row cannot be; the others are saved all the same."""
    from studio.catalogue.prompt_assets import PromptAssets
    from studio.presets.importing import Report, import_styles

    report, wildcards = Report(), PromptAssets.of(settings).wildcards
    for file in args.files:
        try:
            import_styles(file, settings.home, presets, wildcards, report=report)
        except InvalidPreset as error:
            if len(args.files) == 1:
                raise
            report.faults.append(str(error))
    if args.json:
        print(json.dumps(asdict(report)))
    else:
        print("\n".join(report.lines()))
    return Exit.WRONG if report.faults else Exit.DONE


COMMAND = Command("List presets, and import styles from other tools.", arguments, run)
