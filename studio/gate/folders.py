"""The folders of this machine, of which no visitor is told where they are: what is in them is named from there."""

import re
import tempfile
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

from studio.errors import Fault, StudioError
from studio.settings import ASSETS, Settings

# Where a request's scope holds them.
KEY = "studio.folders"
HOME = "the data folder"
# What Gradio is told of a file is no sentence: by that a page asks for it.
FILE = "gradio.FileData"
Answer = TypeVar("Answer")


class Folders:
    """Says of a path in a sentence only what is below one of the known folders, and of these what they are for."""

    def __init__(self, settings: Settings) -> None:
        from huggingface_hub.constants import HF_HUB_CACHE

        names = {
            settings.home: HOME,
            ASSETS.parent: "the studio's folder",
            Path(HF_HUB_CACHE): "the hub's cache",
            Path(tempfile.gettempdir()): "a temporary folder",
            Path.home(): "the home folder",
        }
        self._names = {str(one): name for path, name in reversed(names.items()) for one in (path.resolve(), path)}
        self._names.pop("/", None)
        longest = sorted(self._names, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest)))
        self._whole = re.compile(rf"({'|'.join(map(re.escape, longest))})(?:(/)|(?![\w-]|\.\w))")

    def hidden(self, text: str) -> str:
        """The text without the places of known folders: `images/a.png` of a file, what it is of the folder itself."""
        if not self._known.search(text):
            return text
        return self._whole.sub(lambda found: "" if found[2] else self._names[found[1]], text)

    def error(self, error: StudioError) -> StudioError:
        """The same error, for a visitor."""
        shown = copy(error)
        shown.message, shown.hint = self.hidden(error.message), self.hidden(error.hint)
        return shown

    def fault(self, fault: Fault) -> Fault:
        """What is told of an error, for a visitor."""
        return {**fault, "message": self.hidden(fault["message"]), "hint": self.hidden(fault["hint"])}

    def without(self, answer: Answer) -> Answer:
        """An answer to the page, whatever it holds, without them; files that it names stay."""
        shown: Any = answer
        if isinstance(shown, str):
            shown = self.hidden(shown)
        elif isinstance(shown, Mapping):
            if shown.get("meta", {}) != {"_type": FILE}:
                shown = {name: self.without(value) for name, value in shown.items()}
        elif isinstance(shown, list | tuple):
            shown = [self.without(one) for one in shown]
        found: Answer = shown
        return found
