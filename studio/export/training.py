"""Pictures with their captions as files of text, as trainers of LoRAs take them."""

import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from studio.atomic_files import AtomicFolder
from studio.errors import InvalidPrompt, Unreadable
from studio.export.pictures import free, made_of, opened
from studio.library.exporting import Blocks
from studio.metadata import writing
from studio.metadata.writing import Writing
from studio.prompts.parser import parse
from studio.prompts.schedule import plan
from studio.recipe import Recipe

# Pixels alone: what a trainer is shown says nothing beside its caption.
BARE = Writing("png", recipe=False)
# In a ZIP file, what tells of pictures that are not in it.
LEFT_OUT = "left out.txt"


def export(paths: Iterable[Path], folder: Path, trigger: str = "") -> list[Path]:
    """Write each picture as PNG and its caption beside it; the pictures' places. StorageError, Unreadable."""
    disk, written = AtomicFolder(folder), list[Path]()
    for path in paths:
        target = free(folder, path.stem, BARE.ending, written)
        image, words = pair(path, trigger)
        disk.write(target, lambda file, image=image: file.write(image))  # type: ignore[misc]
        disk.write(target.with_suffix(".txt"), lambda file, words=words: file.write(words))  # type: ignore[misc]
        written.append(target)
    return written


def zipped(paths: Iterable[Path], trigger: str = "") -> Iterator[bytes]:
    """The same as the bytes of a ZIP file, one picture at a time; what cannot be read is named in it instead."""
    out, named, left = Blocks(), list[Path](), list[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            try:
                image, words = pair(path, trigger)
            except Unreadable as error:
                left.append(error.sentence)
                continue
            named.append(free(Path(), path.stem, BARE.ending, named))
            archive.writestr(named[-1].name, image)
            archive.writestr(named[-1].with_suffix(".txt").name, words)
            yield out.taken()
        if left:
            archive.writestr(LEFT_OUT, "".join(f"{sentence}\n" for sentence in left))
    yield out.taken()


def pair(path: Path, trigger: str = "") -> tuple[bytes, bytes]:
    """A picture as PNG and its caption as text: the prompt in plain words, `trigger` first; Unreadable.

    A text beside the picture counts over its prompt.
    """
    buffer = BytesIO()
    writing.write(opened(path), Recipe(), {}, buffer, BARE)
    return buffer.getvalue(), f"{', '.join(filter(None, (trigger, caption(path))))}\n".encode()


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
