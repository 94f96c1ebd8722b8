"""Brings a file of the site here: resumed where it broke off, held against its hash, into the folder for its kind."""

import hashlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from studio.atomic_files import AtomicFolder
from studio.catalogue.lora_imports import LoraImports
from studio.catalogue.misplaced import what_else
from studio.catalogue.tensor_files import header
from studio.civitai import published
from studio.civitai.offers import ENDING, Offer
from studio.civitai.site import SECONDS, Site
from studio.errors import AlreadyExists, DownloadFailed, HostedError, UnsafeAddress, UnsupportedModel
from studio.events import Downloading
from studio.hub import Say
from studio.inputs import InputStore
from studio.safe_fetch import opened
from studio.settings import Settings
from studio.transfer import TICK_SECONDS, words

MORE_BYTES = 2**20
# Sizes are published in rounded kilobytes.
SPARE = 1.01
# What the site calls LoRAs.
LORAS = ("LORA", "LoCon", "DoRA")
# What no header tells: enlarging networks have names of their own each.
UPSCALER = "Upscaler"


@dataclass(frozen=True)
class Arrived:
    """A file that came: its name here, what it is in words, and the folder that it lies in."""

    name: str
    sort: str
    folder: str


class Arrivals:
    """Files of the site on their way to this home."""

    def __init__(self, settings: Settings, site: Site, imports: LoraImports, inputs: InputStore) -> None:
        self._settings, self._site, self._imports, self._inputs = settings, site, imports, inputs

    def bring(self, offer: Offer, key: SecretStr | None, say: Say, name: str | None = None) -> Arrived:
        """Download what is offered, under `name` (default: as published).

        `say` is told how far it is, and ends it by raising, after which nothing stays. AlreadyExists, ModelError where
        it is not what it should be, HostedError, StorageError.
        """
        name = _name(name or offer.file, offer)
        if offer.sort in LORAS:
            self._imports.check_free(name)
        folder = self._settings.folder("loras") / ".arriving" / offer.sha256
        path = folder / f"{name}{ENDING}"
        AtomicFolder(folder).check_room(offer.bytes)
        broke_off = False
        try:
            self._fetch(offer, path, key, say)
            return self._land(path, name, offer)
        except (DownloadFailed, HostedError):
            broke_off = True  # it goes on there the next time
            raise
        finally:
            if not broke_off:
                shutil.rmtree(folder, ignore_errors=True)

    def _fetch(self, offer: Offer, path: Path, key: SecretStr | None, say: Say) -> None:
        """What is missing of the file, onto what is here of it; DownloadFailed where it is not what was published."""
        import httpx2

        there = path.stat().st_size if path.exists() else 0
        headers = {"range": f"bytes={there}-"} if there else {}
        try:
            with opened(offer.address, self._site.base, SECONDS, headers, key) as answer:
                if answer.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
                    path.unlink()
                self._site.check(answer.status_code)
                resumed = answer.status_code == httpx2.codes.PARTIAL_CONTENT
                with path.open("ab" if resumed else "wb") as file:
                    progress = _Progress(offer, there if resumed else 0, say)
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
                        progress.add(len(chunk))
                    file.flush()
                    os.fsync(file.fileno())
        except UnsafeAddress as error:
            raise UnsafeAddress(error.message, "Download the file in a browser, and upload it here.") from error
        except httpx2.HTTPError as error:
            raise DownloadFailed(
                f"The download of {offer.file} was interrupted.", "Try again: it continues where it stopped."
            ) from error
        if _sha256(path) != offer.sha256:
            path.unlink()
            raise DownloadFailed(
                f"{offer.file} is not the file that {self._site.name} published: its hash is different.",
                "Try again: it is fetched from the start. If that does not help, do not use it.",
            )

    def _land(self, path: Path, name: str, offer: Offer) -> Arrived:
        """Give the file its place, by what its own header says that it is."""
        found = what_else(header(path))
        what, folder = found or (("an upscaler", "upscalers") if offer.sort == UPSCALER else ("", ""))
        if not folder:
            raise UnsupportedModel(
                f"{offer.file} is {what or 'nothing that the studio knows'}.", "Look at its page for another file."
            )
        if folder == "loras":
            target = self._imports.add_file(path).path
        else:
            target = self._settings.folder(folder) / path.name
            if target.exists():
                raise AlreadyExists(f"There is {path.name} in {folder} already.", "Rename or remove that one first.")
            path.replace(target)
        if folder in ("loras", "embeddings"):
            published.write(target, offer.facts)
            published.bring_picture(target, self._site.base, {"images": offer.images}, self._inputs)
        return Arrived(name, what, folder)


class _Progress:
    """Tells how far it is, now and then."""

    def __init__(self, offer: Offer, there: int, say: Say) -> None:
        self._offer, self._first, self._bytes, self._say = offer, there, there, say
        self._began = self._reported = time.monotonic()
        self._say(words(Downloading(offer.file, there, offer.bytes)))

    def add(self, size: int) -> None:
        """So many bytes came; DownloadFailed where they are more than there should be."""
        self._bytes += size
        if self._bytes > SPARE * self._offer.bytes + MORE_BYTES:
            raise DownloadFailed(f"{self._offer.file} is larger than published.", "Look at its page.")
        now = time.monotonic()
        if now - self._reported < TICK_SECONDS:
            return
        self._reported = now
        speed = (self._bytes - self._first) / (now - self._began)
        left = max(0, self._offer.bytes - self._bytes) / speed
        self._say(words(Downloading(self._offer.file, self._bytes, self._offer.bytes, speed, left)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(wanted: str, offer: Offer) -> str:
    """The wanted name, as far as a file can be called so."""
    stem = re.sub(r'[/\\:*?"<>|\x00-\x1f]', "-", wanted.removesuffix(ENDING)).strip(". ")
    return stem or f"civitai-{offer.version}"
