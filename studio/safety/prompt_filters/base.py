"""The contract of a prompt filter: from a prompt to a reason against it."""

from abc import ABC, abstractmethod

from studio.settings import Settings


class Filter(ABC):
    """One filter; the name of its file is what it is called by. It is asked for each picture, so it answers quickly."""

    @abstractmethod
    def reason(self, prompt: str, settings: Settings) -> str:
        """What is against a prompt, as a short sentence; empty where nothing is.

        `prompt` is as it is encoded, with nothing left to draw by chance. StudioError where the filter cannot tell.
        """
