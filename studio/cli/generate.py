"""`studio generate`: one recipe from the command line, its images in a folder."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, get_args, get_origin

from PIL import Image

from studio import transfer
from studio.cli.base import SAFETY as PARTS
from studio.cli.base import Command, Exit, error_text, load_settings, settings_arguments, yes_argument
from studio.cli.presets import preset_argument, saved
from studio.controls import CONTROLS
from studio.errors import InvalidRecipe
from studio.events import Done, Downloading, Event, Failed, Finished, Loading, Step, Stopped
from studio.gate.identity import COMMAND_LINE
from studio.hosted.spending import price_words
from studio.inputs import Input, InputStore, MaskReads
from studio.metadata import own, readers
from studio.metadata.fitting import Here, fit
from studio.recipe import PaintedRecipe, Recipe, Setting, field_of, setting_specs
from studio.recipe.flat import plain
from studio.resolve.prompts import read, replaced, unknown_words
from studio.safety.layer import NOTE, SAFETY
from studio.settings import Settings
from studio.shorthand import LORA_FORM, NUMBER, SIDES_FORM, lora, sides

if TYPE_CHECKING:
    from studio.jobs.job import Job
    from studio.studio import Studio

# Where the option is not simply the field's name.
OPTIONS = {
    "styles": "--style",
    "negative_prompt": "--negative",
    "negative_presets": "--negative-preset",
    "guidance_scale": "--guidance",
    "image_guidance_scale": "--image-guidance",
    "init_image": "--init",
    "mask_image": "--mask",
    "speedups": "--speedup",
}
# Where the value is not simply the field's.
PICTURED = ("init_image", "mask_image", "mask_sketch")
VALUES = {**dict.fromkeys(PICTURED, "FILE"), "outpaint": SIDES_FORM}
# A control unit in one word. A file's own name may hold colons and equals signs.
UNIT_FORM = "KIND=IMAGE[:WEIGHT[:START-END]]"
UNIT = rf"(?P<kind>[^=]+)=(?P<file>.+?)(?::(?P<weight>{NUMBER})(?::(?P<start>{NUMBER})-(?P<end>{NUMBER}))?)?"
BAR = 24


@dataclass(frozen=True)
class MaskFile:
    """A mask's file, and how it is read."""

    file: str
    reads: MaskReads = "auto"
    invert: bool = False


def arguments(parser: argparse.ArgumentParser, prompt: str = "prompt") -> None:
    """An option for each setting of a recipe; `prompt` is how the words are given, by place or by an option."""
    for name, setting in setting_specs().items():
        if name == "prompt":
            nargs = None if prompt.startswith("-") else "?"
            parser.add_argument(prompt, metavar="PROMPT", nargs=nargs, help=f"{setting.help} A preset may give it.")
        elif name in OWN_ARGUMENTS:
            OWN_ARGUMENTS[name](parser)
        else:
            _setting_argument(parser, name, setting)
    _mask_arguments(parser)
    preset_argument(parser)
    parser.add_argument(
        "--like",
        type=Path,
        metavar="FILE",
        help="Take the settings from this picture or text, made by the studio, A1111, Forge, ComfyUI, Fooocus, "
        "InvokeAI or another tool. Options given beside it override them; what cannot be taken over is reported.",
    )
    output_arguments(parser)


def _setting_argument(parser: argparse.ArgumentParser, name: str, setting: Setting) -> None:
    many = get_origin(field_of(name).annotation) is tuple
    parser.add_argument(
        *dict.fromkeys((OPTIONS.get(name, _option(name)), _option(name), *_label_option(name))),
        dest=name,
        metavar="NAME" if many else VALUES.get(name, setting.label.upper().replace(" ", "_")),
        # None, so that the recipe's own default holds where the option is not given.
        default=None,
        action="append" if many else "store",
        help=setting.help.replace("%", "%%") + (" May be repeated." if many else ""),
    )


def _option(name: str) -> str:
    return f"--{plain(name).replace('_', '-')}"


def _label_option(name: str) -> list[str]:
    """The option by what the page calls the setting, where no other one is called so."""
    label = _option(setting_specs()[name].label)
    taken = {*map(_option, setting_specs()), *OPTIONS.values()}
    return [] if label in taken else [label]


def _mask_arguments(parser: argparse.ArgumentParser) -> None:
    """How a mask's file is read."""
    parser.add_argument(
        "--mask-reads",
        choices=get_args(MaskReads),
        default="auto",
        help="Which part of the mask file is repainted: where it is bright, opaque or transparent; auto decides by "
        "its look and says so. For what is erased in the picture itself, give it as --mask too, with “transparent”.",
    )
    parser.add_argument("--invert-mask", action="store_true", help="Swap what the mask changes and what it keeps.")


def _lora_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lora",
        "--loras",
        action="append",
        default=[],
        metavar=LORA_FORM,
        help="Use this LoRA; its weight goes from -10 to 10, without one it is 1. May be repeated.",
    )


def _mask_area_argument(parser: argparse.ArgumentParser) -> None:
    sentence = "Repaint only the masked area, at full size, instead of the whole picture."
    parser.add_argument("--only-masked", dest="mask_area", action="store_const", const="masked", help=sentence)
    words = setting_specs()["mask_area"].help
    parser.add_argument(_option("mask_area"), *_label_option("mask_area"), choices=("whole", "masked"), help=words)


def control_arguments(parser: argparse.ArgumentParser) -> None:
    """The maps to follow, made of pictures or ready-made."""
    kinds = f"KIND is one of {', '.join(CONTROLS)}; WEIGHT goes from 0 to 2, START and END are shares of the steps."
    shared: dict[str, Any] = {"action": "append", "default": [], "metavar": UNIT_FORM}
    for options, what in (
        (("--control", "--controls"), "Follow a map of this picture."),
        (("--control-map",), "Follow this map."),
    ):
        parser.add_argument(*options, **shared, help=f"{what} {kinds} May be repeated.")


# Settings whose options are of another form.
OWN_ARGUMENTS = {"controls": control_arguments, "loras": _lora_argument, "mask_area": _mask_area_argument}


def output_arguments(parser: argparse.ArgumentParser) -> None:
    """Where images go and what is said about them; the same for every command that makes some."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("images"),
        metavar="DIR",
        help="The folder for the images (default: images).",
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object about the images and nothing else.")
    yes_argument(parser)
    settings_arguments(parser, "home", "device", "offload", "precision", *PARTS)


def run(args: argparse.Namespace) -> int:
    """Generate; each image's path, or with --json one object about all, on standard output, all else on the other."""
    return make(args, load_settings(args), given_values(args))


def given_values(args: argparse.Namespace) -> dict[str, Any]:
    """The recipe fields that the options say, in which files stand for pictures; InvalidRecipe for the rest of them."""
    options = saved(args.preset, load_settings(args))
    options |= {name: value for name in setting_specs() if (value := getattr(args, name, None)) is not None}
    if "mask_image" in options:
        options["mask_image"] = MaskFile(options["mask_image"], args.mask_reads, args.invert_mask)
    if args.outpaint:
        options["outpaint"] = sides(args.outpaint)
    if args.lora:
        options["loras"] = [lora(text) for text in args.lora]
    units = [*(_unit("image", text) for text in args.control), *(_unit("map", text) for text in args.control_map)]
    if units:
        options["controls"] = units
    # Without the pictures first, so that a misspelt setting stores nothing.
    plain = {name: value for name, value in options.items() if name not in PICTURED}
    unpictured = [{**unit, "image": None, "map": None} for unit in options.get("controls", [])]
    Recipe.make(**plain | ({"controls": unpictured} if unpictured else {}))
    return (_like(args.like, load_settings(args), options) if args.like else {}) | options


def _like(path: Path, studio_settings: Settings, options: dict[str, Any]) -> dict[str, Any]:
    """The recipe fields that a file tells and that can be made here, with its pictures as files.

    `options` count over them. What is left out is said.
    """
    here = Here.of(studio_settings)
    over = options | stored(here.inputs, options, quiet=True)
    fitted = fit(here, readers.of_file(path), studio_settings.model, over)
    for words in fitted.left:
        print(f"{path}: left out or changed: {words}", file=sys.stderr)
    inputs, given = here.inputs, fitted.values
    given |= {name: str(inputs.path(given[name])) for name in PICTURED if name in given}
    if "controls" in given:
        units = Recipe.make(controls=given["controls"]).without_maps().model_dump(exclude_none=True)["controls"]
        ids = ("image", "map")
        given["controls"] = [
            unit | {name: str(inputs.path(unit[name])) for name in ids if name in unit} for unit in units
        ]
    return given


def make(args: argparse.Namespace, studio_settings: Settings, given: dict[str, Any]) -> int:
    """Make the images of these recipe fields, in which files stand for pictures, and say so as `run` does."""
    recipe = Recipe.make(**given | stored(InputStore.of(studio_settings), given))
    began = time.monotonic()
    out, images = sys.stdout, dict[int, Finished]()
    with redirect_stdout(sys.stderr):
        from studio.studio import Studio

        with Studio(studio_settings, images=args.out.absolute(), durable=False) as studio:
            if price := price_words(studio.most_usd([recipe])):
                print(price, file=sys.stderr)
            job = studio.submit(recipe, COMMAND_LINE)
            for words in dict.fromkeys(words for single in job.recipes for words in _notes(studio, recipe, single)):
                print(words, file=sys.stderr)
            end = follow(studio, job, images, None if args.json else out)
    if args.json:
        facts = [_facts(images[number]) for number in sorted(images)]
        print(json.dumps({"images": facts, "seconds": round(time.monotonic() - began, 3)}))
    return exit_code(end, args)


def _notes(studio: "Studio", given: Recipe, resolved: Recipe) -> Iterator[str]:
    """What a creator should know about a recipe before its picture is there."""
    yield from replaced(given, resolved)
    if isinstance(resolved, PaintedRecipe):
        model = studio.catalogue[resolved.model]
        _, (planned, _) = read(resolved, model, studio.prompt_assets)
        if unknown := unknown_words(planned, model, studio.catalogue):
            yield f"{model.name} does not know: {', '.join(unknown)}. Its words are on the page, under the prompt."


def _unit(source: Literal["image", "map"], text: str) -> dict[str, Any]:
    """A control unit of `canny=house.png:0.8:0-0.5`, in which a file stands for its picture or map."""
    found = re.fullmatch(UNIT, text)
    if not found:
        raise InvalidRecipe("controls", f"{text!r} is not a valid control unit.", f"Write {UNIT_FORM}.")
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    return {source: given.pop("file"), **given}


def stored(inputs: InputStore, given: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """The ids of the pictures that are given as files; what was done to them is said, unless that comes later."""
    say = _quiet if quiet else announce
    ids: dict[str, Any] = {}
    for name in ("init_image", "mask_sketch"):
        if name in given:
            ids[name] = say(inputs.add(Path(given[name]), name), given[name])
    if mask := given.get("mask_image"):
        read = mask if isinstance(mask, MaskFile) else MaskFile(mask)
        ids["mask_image"] = say(inputs.add_mask(Path(read.file), reads=read.reads, invert=read.invert), read.file)
    if "controls" in given:
        ids["controls"] = [
            {**unit, source: say(inputs.add(Path(unit[source]), "controls"), unit[source])}
            for unit in given["controls"]
            for source in unit.keys() & {"image", "map"}
        ]
    return ids


def _quiet(added: Input, file: str) -> str:
    del file
    return added.id


def announce(added: Input, file: str) -> str:
    """The id of a picture that was stored; what was done to it is said."""
    for note in added.notes:
        print(f"{file}: {note}", file=sys.stderr)
    return added.id


def follow(studio: "Studio", job: "Job", images: dict[int, Finished], out: TextIO | None) -> Event:
    """Watch the job to its end and return that; Ctrl-C stops the job, and what had finished is kept."""
    try:
        return _watch(job, images, out)
    except KeyboardInterrupt:
        studio.stop(job.id, COMMAND_LINE)
        return _watch(job, images, out)


def _watch(job: "Job", images: dict[int, Finished], out: TextIO | None) -> Event:
    """Fill `images` as they come and print their paths on `out`; a second watch repeats nothing."""
    screen = sys.stderr if sys.stderr.isatty() else None
    for event in job.follow():
        if screen:
            _draw(event, len(job.recipes), screen)
        if isinstance(event, Finished) and event.image not in images:
            images[event.image] = event
            if out:
                print(event.path, file=out, flush=True)
            _note(event.path)
    return event


def _note(path: Path) -> None:
    """Say what the creator should know about an image."""
    facts = own.read_facts(path)
    note = "" if facts.get(SAFETY, "passed") == "passed" else f"{facts[SAFETY].capitalize()}. {facts.get(NOTE, '')}"
    cost = f"It cost ${float(facts['cost_usd']):.3f}." if "cost_usd" in facts else ""
    notes = [facts.get("notes", ""), cost, note.strip()]
    for note in filter(None, notes):
        print(f"{path}: {note}", file=sys.stderr)


def _draw(event: Event, count: int, screen: TextIO) -> None:
    """Show `event` on the last line of the terminal."""
    match event:
        case Loading(what):
            line = what
        case Downloading():
            line = transfer.words(event)
        case Step(images, step, steps, seconds_left):
            done = BAR * step // steps
            bar = "█" * done + "░" * (BAR - done)
            line = f"{bar} image {images[0] + 1} of {count}, step {step} of {steps}, {seconds_left:.0f} s left"
        case Finished() | Done() | Stopped() | Failed():
            line = ""
        case _:
            return
    width = os.get_terminal_size(screen.fileno()).columns or 80
    screen.write("\r\x1b[K" + line[: width - 1])
    screen.flush()


def _facts(image: Finished) -> dict[str, Any]:
    recipe = image.recipe
    with Image.open(image.path) as picture:
        width, height = picture.size
    cost = own.read_facts(image.path).get("cost_usd")
    return {
        "path": str(image.path),
        "seed": recipe.seed,
        "width": width,
        "height": height,
        "recipe": json.loads(recipe.to_json()),
        **({} if cost is None else {"cost_usd": float(cost)}),
    }


def exit_code(end: Event, args: argparse.Namespace) -> Exit:
    match end:
        case Stopped():
            print(f"studio {args.command}: stopped; the finished images are kept.", file=sys.stderr)
            return Exit.INTERRUPTED
        case Failed():
            print(f"studio {args.command}: {error_text(args, end)}", file=sys.stderr)
            return Exit.of(end)
        case _:
            return Exit.DONE


COMMAND = Command("Make images from text, or from an image and text.", arguments, run)
