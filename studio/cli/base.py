"""The contract of a command, and the options that several of them share."""

import argparse
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from studio.errors import InternalError, InvalidSetting, StorageError, StudioError, causes
from studio.events import Failed
from studio.settings import Settings


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    FAILED = 1  # the studio or its device
    WRONG = 2  # the user can mend it; one line said how
    DIFFERENT = 3  # what was compared differs; of a replay, by less than an eye sees
    FAR = 4  # a replay differs by more than that
    INTERRUPTED = 130

    @classmethod
    def of(cls, error: StudioError | type[StudioError] | Failed) -> "Exit":
        """What HTTP calls the client's fault the user can mend, and a folder that keeps no file, too."""
        kind = causes().get(error.code, InternalError)
        return cls.WRONG if kind.status < 500 or issubclass(kind, StorageError) else cls.FAILED


@dataclass(frozen=True)
class Command:
    """One `studio` command: `help` is one sentence, `arguments` declares its options, `run` returns its exit code.

    `run` raises StudioError for a fault with a cure; the command line prints it as one line.
    """

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def settings_arguments(parser: argparse.ArgumentParser, *names: str) -> None:
    """Give `parser` an option for each of the named settings; what is not given keeps its other sources."""
    group = parser.add_argument_group("studio settings")
    for name in names:
        field = Settings.model_fields[name]
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        metavar = "{" + ",".join(choices) + "}" if choices else name.upper()
        option = f"--{name.replace('_', '-')}"
        look: dict[str, Any] = (
            {"action": "store_const", "const": True} if field.annotation is bool else {"metavar": metavar}
        )
        group.add_argument(option, dest=f"setting_{name}", help=field.description, **look)


def yes_argument(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the option that agrees to downloads of gigabytes, which are asked about otherwise."""
    words = "Download what is missing without asking, gigabytes too."
    parser.add_argument("--yes", action="store_const", const=True, dest="setting_agree_downloads", help=words)


def agreed(question: str) -> bool:
    """Whether whoever sits at the terminal says yes; where nobody does, that is a no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


# The parts of the safety layer, for commands that make pictures.
SAFETY = ("output_check", "prompt_filter", "watermark", "provenance")


def error_text(args: argparse.Namespace, error: StudioError | Failed) -> str:
    """An error in one line, by the option of this command that gives its field, or the field's name where none does."""
    if not error.field or error.message.startswith(error.field):
        return error.sentence
    return f"{_option(args.parser, error.field)}: {error.sentence}"


def _option(parser: argparse.ArgumentParser, field: str) -> str:
    # One LoRA is given at a time, and one control unit.
    actions = {one.dest: one for one in parser._actions}  # noqa: SLF001 - nothing else lists them
    action = actions.get(field) or actions.get(field.removesuffix("s"))
    plain = field if action is None or field in str(action.metavar).lower() else str(action.metavar or field)
    spelled = [one for one in action.option_strings if one.startswith("--")] if action else []
    return spelled[0] if spelled else plain


# What a picture may be written as, by the ending of its file.
PICTURES: Mapping[str, str] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def check_ending(path: Path, option: str, endings: Collection[str]) -> None:
    """InvalidSetting where a file that is to be written would not be what its name says."""
    if path.suffix.lower() not in endings:
        raise InvalidSetting(f"{option}: {path.name} has the wrong ending.", f"End it in {' or '.join(endings)}.")


def load_settings(args: argparse.Namespace) -> Settings:
    """The settings, with what was given on the command line on top; InvalidSetting where they cannot be."""
    given = {k.removeprefix("setting_"): v for k, v in vars(args).items() if k.startswith("setting_")}
    return Settings.load(**given)
