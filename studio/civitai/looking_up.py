"""Looks a LoRA up by the hash of its file, and keeps the answer beside it; nothing else is sent.

https://developer.civitai.com, "Get Models Versions By Hash" and "Get Model".
"""

from studio.catalogue.loras import LoraFile
from studio.civitai import published
from studio.civitai.site import Site
from studio.errors import Refused
from studio.inputs import InputStore
from studio.settings import Settings

UNKNOWN = "It may have been changed, or lie elsewhere."


class LookUp:
    """Asks the site of the settings about files that are here."""

    def __init__(self, settings: Settings, inputs: InputStore) -> None:
        self.site = Site(settings)
        self._home = settings.home / "loras"
        self._inputs = inputs

    def takes(self, file: LoraFile) -> bool:
        """Whether this file may be looked up: it is one's own, and the site is not switched off."""
        return bool(self.site.name) and file.path.is_relative_to(self._home)

    def look_up(self, file: LoraFile, sha256: str) -> None:
        """Write words, licence and a picture beside the file.

        Refused where it is switched off, NotFound where the site does not know the hash, HostedError where it does not
        answer as it should, StorageError from the disk.
        """
        if not self.takes(file):
            raise Refused(f"{file.name} is not looked up here.", "Only files that were added are.")
        unknown = f"{self.site.name} knows no file with this hash.", UNKNOWN
        version = self.site.ask(f"/api/v1/model-versions/by-hash/{sha256}", unknown=unknown)
        number = version.get("modelId")
        model = self.site.ask(f"/api/v1/models/{number}") if isinstance(number, int) else {}
        published.write(file.path, published.facts(self.site.base, version, model))
        if file.thumbnail is None:
            published.bring_picture(file.path, self.site.base, version, self._inputs)
