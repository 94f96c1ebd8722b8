"""Whether what is to be drawn in a prompt can be: the lists that it calls, and the variables that it uses."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NoReturn

from studio.prompts.source import Source
from studio.prompts.template import Assign, Choice, Piece, Template, Use, Wildcard
from studio.prompts.template_reader import read_template
from studio.prompts.wildcards import Wildcards, WordList, matching
from studio.suggestions import near


def checked(source: Source, wildcards: Wildcards) -> tuple[Template, Mapping[str, WordList]]:
    """What is to be drawn in a text, and the lists that there are; InvalidPrompt where something could not be drawn."""
    template = read_template(source, wildcards.is_lora)
    called = [node for node in _below(template) if isinstance(node, Wildcard)]
    files = wildcards.files() if called else {}
    for wildcard in called:
        if not wildcard.parts:
            known(wildcard, files, source)
    _check_set(template, frozenset(), source)
    return template, files


def known(wildcard: Wildcard, files: Mapping[str, WordList], source: Source) -> tuple[Wildcard, tuple[str, ...]]:
    """The call, without variables where a list has just that name, and the lists; InvalidPrompt where there is none."""
    if wildcard.given and matching(wildcard.call, files):
        wildcard = replace(wildcard, name=wildcard.call, given=())
    names = matching(wildcard.name, files)
    if len(names) > 1 and "*" not in wildcard.name:
        source.fail(
            wildcard.position,
            f"{wildcard.name} may be {' or '.join(names)}.",
            "Write its name just as it is, or rename one.",
        )
    if not names:
        cure = f"{near(wildcard.name, files)} Write \\__ for the characters themselves."
        source.fail(wildcard.position, f"There is no wildcard {wildcard.name}.", cure)
    return wildcard, names


def unset(use: Use, source: Source) -> NoReturn:
    """InvalidPrompt for a variable without a value."""
    cure = f"Set it before, ${{{use.name}=words}}, or say what else it is: ${{{use.name}:words}}."
    source.fail(use.position, f"There is no variable {use.name} here.", cure)


def _below(template: Template) -> Iterator[Piece]:
    """Every node, and what it holds."""
    for node in template:
        yield node
        for inner in _held(node):
            yield from _below(inner)


def _held(node: Piece) -> list[Template]:
    match node:
        case Choice():
            return [option.nodes for option in node.options]
        case Wildcard():
            return [node.parts, *(one.value for one in node.given)]
        case Assign():
            return [node.value]
        case Use():
            return [node.default or ()]
        case _:
            return []


def _check_set(template: Template, names: frozenset[str], source: Source) -> None:
    """InvalidPrompt for a variable that is used and not set; a value that is drawn at each use is looked at there."""
    names |= {node.name for node in template if isinstance(node, Assign)}
    for node in template:
        if isinstance(node, Use) and node.default is None and node.name not in names:
            unset(node, source)
        for inner in () if isinstance(node, Assign) and not node.once else _held(node):
            _check_set(inner, names, source)
