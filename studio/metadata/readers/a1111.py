"""The text of A1111 and of all that write as it does: Forge, SD.Next, Civitai, stable-diffusion.cpp and their kin."""

from collections.abc import Iterator

from studio.metadata import foreign_json
from studio.metadata.a1111.reading import Reading
from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, known
from studio.metadata.readers.base import Reader
from studio.metadata.settings_text import split
from studio.recipe import PROMPT_CHARACTERS

# Where a text may lie, the likeliest first; any other place is looked at after them.
PLACES = (
    "parameters",
    "text",
    "UserComment",
    "exif:UserComment",
    "comment",
    "Comment",
    "ImageDescription",
    "XPComment",
)


def read(texts: FileTexts) -> ImportedSettings | None:
    """What the first text with settings says; without one, what the first with a negative prompt says."""
    parts = [(place, split(text)) for place, text in _candidates(texts)]
    whole = next((one for _, one in parts if one.settings), None)
    if whole is not None:
        return Reading(whole).imported()
    return None


def read_prompts(texts: FileTexts) -> ImportedSettings | None:
    """Prompts without settings, as people share them."""
    for place, text in _candidates(texts):
        parts = split(text)
        if parts.negative is not None or (place in ("parameters", "text") and 0 < len(text) <= PROMPT_CHARACTERS):
            values = {"prompt": parts.prompt, "negative_prompt": parts.negative}
            return ImportedSettings(known(values), tool="A1111", partial=True)
    return None


def _candidates(texts: FileTexts) -> Iterator[tuple[str, str]]:
    """Texts that are no JSON, the likeliest first."""
    others = [place for place in texts.texts if place not in PLACES]
    for place in (*PLACES, *others):
        text = texts.texts.get(place, "")
        if text.strip() and place not in texts.objects and not _is_json(text):
            yield place, text


def _is_json(text: str) -> bool:
    """Whether it is a list or an object; a prompt may begin as one."""
    return foreign_json.read(text) is not None


READER = Reader("A1111", read, rank=70)
