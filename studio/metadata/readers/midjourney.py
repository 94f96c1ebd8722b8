"""Midjourney: the prompt with its options, and the number of its job, in the description of the picture."""

import re

from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings, left_out
from studio.metadata.readers.base import Reader
from studio.prompts.dialects import from_comfyui

JOB = re.compile(r"\s*Job ID: *[0-9a-f\-]{8,40}\s*\Z")
OPTION = re.compile(r"(?:^|\s)--(\w{1,20})((?:\s+(?!--)\S{1,200}){0,8})")
PLACES = ("Description", "dc:description", "ImageDescription")


def read(texts: FileTexts) -> ImportedSettings | None:
    """The words of a description that ends with the number of a job; its options have no place here."""
    text = next((found for place in PLACES if JOB.search((found := texts.texts.get(place, ""))[-200:])), None)
    if text is None or len(text) > 20_000:
        return None
    words = text[: text.rfind("Job ID:")].strip()
    first = OPTION.search(words)
    options = OPTION.findall(words)[:30]
    left = [left_out(f"--{name}", value, "an option of Midjourney") for name, value in options]
    prompt = words[: first.start()] if first else words
    return ImportedSettings({"prompt": from_comfyui(prompt.strip())}, tuple(left), "Midjourney", partial=True)


READER = Reader("Midjourney", read, rank=30)
