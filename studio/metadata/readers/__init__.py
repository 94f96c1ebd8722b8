"""What pictures and texts say of how they were made, whatever tool wrote it: one file is one tool."""

from pathlib import Path

from studio.errors import Unreadable
from studio.metadata import stealth
from studio.metadata.file_texts import FileTexts, texts_of
from studio.metadata.imported import ImportedSettings
from studio.metadata.readers.base import Reader
from studio.metadata.signatures import maker_of
from studio.registry import Registry

READERS: Registry[Reader] = Registry("studio.metadata.readers", "READER", Reader)
DROPPED = "Take the file as its tool wrote it: chats, galleries and other programs often drop that."


def of_file(path: Path) -> ImportedSettings:
    """The settings that a picture, or a file of text, says; Unreadable where it is none or says none."""
    texts = texts_of(path)
    if texts.size is None and "text" in texts.texts:
        return _of_text(texts)
    found = _read(texts)
    if found is None and (hidden := stealth.read(path)):
        found = _read(FileTexts({"stealth": hidden, "parameters": hidden}, texts.name, texts.size))
    if found is not None:
        return found
    maker = maker_of(texts)
    if maker:
        raise Unreadable(f"{path.name} was made by {maker}.", "Its settings cannot be taken over.")
    wrote = f" It was last written by {texts.software[:60]}." if texts.software else ""
    raise Unreadable(f"{path.name} does not say how it was made.{wrote}", DROPPED)


def of_text(text: str) -> ImportedSettings:
    """The settings that a text says; Unreadable where it says none."""
    return _of_text(FileTexts.of_text(text))


def _of_text(texts: FileTexts) -> ImportedSettings:
    found = _read(texts)
    if found is None:
        which = (
            "This JSON holds no settings of a tool that is known" if texts.objects else "This text holds no settings"
        )
        raise Unreadable(f"{which}.", "Take all of it, with the line that begins as “Steps: 20, Sampler: …”.")
    return found


def _read(texts: FileTexts) -> ImportedSettings | None:
    for reader in sorted(READERS.values(), key=lambda one: one.rank):
        found = reader.read(texts)
        if found is not None and (found.values or found.left):
            return found.checked()
    return None
