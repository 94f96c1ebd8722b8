"""The prompt filter: all filters that there are, asked one after the other."""

from functools import partial

from studio.safety.prompt_filters import FILTERS
from studio.settings import Settings


class PromptFilter:
    """Tells what is against a prompt, as this studio's filters and files have it."""

    def __init__(self, settings: Settings) -> None:
        """Reads the files at once where they count, so that a damaged one is told at the start: InvalidPreset."""
        self._settings = settings
        if settings.prompt_filter != "off":
            self.reason("")

    def reason(self, prompt: str) -> str:
        """What is against a prompt, as a short sentence; empty where nothing is. StudioError as the filters raise."""
        ask = (partial(one.reason, prompt, self._settings) for one in FILTERS.values())
        return next((reason for one in ask if (reason := one())), "")
