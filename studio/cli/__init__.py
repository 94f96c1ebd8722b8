"""The command line: one file is one command, the file's name is the command's."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from studio import __version__
from studio.cli.base import Command, Exit, agreed, error_text
from studio.errors import DownloadNotAgreed, StudioError
from studio.registry import Registry
from studio.suggestions import did_you_mean

COMMANDS: Registry[Command] = Registry("studio.cli", "COMMAND", Command)
# What most people are here for stands first in the help.
FIRST = ("generate", "run")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` without the program's name, by default the process's own."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot show stops nothing
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if argv is None else argv
    top = parser(*given[:1])
    args, rest = top.parse_known_args(given)
    if rest and hasattr(args, "parser"):
        args, rest = _intermixed(args, given[1:], rest)
    if rest:
        getattr(args, "parser", top).error(f"unrecognized arguments: {' '.join(rest)}")
    if args.command is None:
        top.print_help()
        return Exit.DONE
    try:
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read our output has gone (`studio models | head`); the flush at exit must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except StudioError as error:
        print(f"studio {args.command}: {error_text(args, error)}", file=sys.stderr)
        return Exit.of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code


def _intermixed(
    args: argparse.Namespace, given: Sequence[str], rest: list[str]
) -> tuple[argparse.Namespace, list[str]]:
    """The command's arguments where names stand behind options, too: of several positional ones argparse takes those
    that may be left out for left out where an option comes before them.
    """
    own: argparse.ArgumentParser = args.parser
    try:
        return own.parse_known_intermixed_args(given, argparse.Namespace(command=args.command, parser=own))
    except TypeError:  # it has commands of its own
        return args, rest


def _run(args: argparse.Namespace) -> int:
    """Run the command; where it would download gigabytes, ask first and begin again with a yes."""
    try:
        return COMMANDS[args.command].run(args)
    except DownloadNotAgreed as error:
        if not agreed(f"{error.message} Download?"):
            raise
    args.setting_agree_downloads = True
    return COMMANDS[args.command].run(args)


def parser(first: str = "") -> argparse.ArgumentParser:
    """The parser of all commands; where the `first` word is one, of that alone: to import all takes a second."""
    top = _Parser(prog="studio", description="Make images with diffusion models.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"image-studio {__version__}")
    commands = top.add_subparsers(title="commands", dest="command", metavar="COMMAND", prog="studio")
    for name in [first] if first in COMMANDS else dict.fromkeys([*FIRST, *COMMANDS]):
        command = COMMANDS[name]
        sub = commands.add_parser(name, help=command.help, description=command.help, allow_abbrev=False)
        command.arguments(sub)
        sub.set_defaults(parser=sub)
    return top


class _Parser(argparse.ArgumentParser):
    """argparse that says what is wrong in one line, and what may have been meant."""

    def error(self, message: str) -> NoReturn:
        if meant := self._meant(message):
            message = re.sub(r" \(choose from .*\)", "", message)
        self.exit(Exit.WRONG, f"{self.prog}: {message}. {meant}See {self.prog} --help\n")

    def _meant(self, message: str) -> str:
        """The option or choice that is spelt like the one that there is not."""
        if found := re.match(r"unrecognized arguments: (-[\w-]+)", message):
            return did_you_mean(found[1], [option for one in self._actions for option in one.option_strings], 1)
        if found := re.match(r"argument .*: invalid choice: '(.*?)' \(choose from (.*)\)", message):
            return did_you_mean(found[1], re.findall(r"[\w-]+", found[2]), 1)
        prompt = next((one for one in self._actions if one.dest == "prompt"), None)
        if prompt and message.startswith("unrecognized arguments"):
            behind = f" after {prompt.option_strings[0]}" if prompt.option_strings else ""
            return f"Put the prompt in quotes{behind}. "
        return ""
