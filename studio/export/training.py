"""Pictures with their captions as files of text, as trainers of LoRAs take them."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from studio.atomic_files import AtomicFolder
from studio.errors import InvalidPrompt
from studio.export.pictures import free, made_of, opened
from studio.metadata import writing
from studio.metadata.writing import Writing
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.recipe import Recipe

# Pixels alone: what a trainer is shown says nothing beside its caption.
BARE = Writing("png", recipe=False)


def export(paths: Iterable[Path], folder: Path, trigger: str = "") -> list[Path]:
    """Write each picture as PNG and its caption beside it; the pictures' places. StorageError, Unreadable.

    A caption is the prompt in plain words, `trigger` first; a text beside the picture counts over it.
    """
    disk, written = AtomicFolder(folder), list[Path]()
    for path in paths:
        target = free(folder, path.stem, BARE.ending, written)
        words = ", ".join(filter(None, (trigger, caption(path))))
        disk.write(target, partial(_picture, path))
        disk.write(target.with_suffix(".txt"), partial(_text, words))
        written.append(target)
    return written


def caption(path: Path) -> str:
    """What a picture shows, in plain words: its own text, else its prompt; empty where neither is there."""
    beside = path.with_suffix(".txt")
    if beside.is_file():
        return " ".join(beside.read_text("utf-8", "replace").split())
    return plain(made_of(path).recipe.prompt)


def plain(prompt: str) -> str:
    """A prompt without weights, LoRAs, comments and changes: the words that it begins with."""
    try:
        strands = plan(parse(prompt), 1).strands
    except InvalidPrompt:
        return " ".join(prompt.split())
    return ", ".join(words for strand in strands if (words := " ".join(strand.stages[0].text.split())))


def _picture(path: Path, file: BinaryIO) -> None:
    writing.write(opened(path), Recipe(), {}, file, BARE)


def _text(words: str, file: BinaryIO) -> None:
    file.write(f"{words}\n".encode())
