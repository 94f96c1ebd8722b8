"""Pictures in another format, without their recipes, or marked as made by an algorithm; which pictures are meant."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from studio.atomic_files import AtomicFolder
from studio.errors import NotFound, Unreadable
from studio.export.cut_out import check_format, cut_out
from studio.gate.identity import COMMAND_LINE
from studio.library import LibraryIndex
from studio.metadata import own, readers, writing
from studio.metadata.own import Made
from studio.metadata.writing import Writing
from studio.recipe import Recipe

# What a folder is searched for.
ENDINGS = frozenset({".png", ".webp", ".jpg", ".jpeg", ".avif", ".gif", ".bmp", ".tif", ".tiff"})


def found(paths: Iterable[Path]) -> list[Path]:
    """The pictures that these files and folders are, each once, folders in the order of names; NotFound."""
    return list(dict.fromkeys(picture for path in paths for picture in _of(path)))


def found_in_library(index: LibraryIndex, words: str) -> list[Path]:
    """The pictures of the library that a search finds, newest first; InvalidRequest names the word at fault."""
    index.look()
    entries = index.entries(index.ids(words, COMMAND_LINE), COMMAND_LINE)
    return [entry.path for entry in entries if entry.path]


def _of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    elif path.is_file():
        yield path
    else:
        raise NotFound(f"{path} is not there.", "Name pictures, or folders of them.")


def opened(path: Path) -> Image.Image:
    """The RGB pixels of a picture; Unreadable where it is none."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(f"{path.name} is not a picture, or damaged.", "Leave it out.") from error


def made_of(path: Path) -> Made:
    """What a picture says of itself; of another tool's, its settings as far as they can be read, else nothing."""
    try:
        return own.read_made(path)
    except Unreadable:
        pass
    try:
        values = readers.of_file(path).values
    except Unreadable:
        return Made(Recipe(), {})
    return Made(Recipe.make(**values), {})


def export(paths: Iterable[Path], folder: Path, how: Writing, *, cut: bool = False) -> list[Path]:
    """Write the pictures into the folder as `how` says, under names of their own; StorageError, Unreadable.

    What is `cut` out has no background; InvalidRequest where that is not plain.
    """
    if cut:
        check_format(how.format)
    disk, written = AtomicFolder(folder), list[Path]()
    for path in paths:
        image, made = opened(path), made_of(path)
        if cut:
            image = cut_out(image, path.name)
        target = free(folder, path.stem, how.ending, written)
        disk.write(target, partial(_write, image, made, how))
        written.append(target)
    return written


def free(folder: Path, stem: str, ending: str, taken: Iterable[Path]) -> Path:
    """A name that none of these has."""
    names, number = {path.name for path in taken}, 1
    name = f"{stem}{ending}"
    while name in names:
        number += 1
        name = f"{stem}-{number}{ending}"
    return folder / name


def _write(image: Image.Image, made: Made, how: Writing, file: BinaryIO) -> None:
    writing.write(image, made.recipe, made.facts, file, how)
