"""The studio's own pictures: the whole recipe."""

from studio.errors import NotFound, Unreadable
from studio.metadata import own
from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings
from studio.metadata.readers.base import Reader


def read(texts: FileTexts) -> ImportedSettings | None:
    """The recipe in our own chunk; None where there is none, or where it is damaged and a text beside it says most."""
    text = texts.texts.get(own.CHUNK)
    if text is None:
        return None
    try:
        recipe, version = own.recipe_of(text, texts.name)
    except (NotFound, Unreadable):
        if "parameters" in texts.texts:
            return None
        raise
    return ImportedSettings(recipe.dumped(), tool="Image Studio", version=version)


READER = Reader("Image Studio", read, rank=0)
