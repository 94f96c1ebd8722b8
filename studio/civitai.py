"""Looks a LoRA up at Civitai by the hash of its file, and keeps the answer beside it; nothing else is sent.

https://developer.civitai.com, "Get Models Versions By Hash" and "Get Model".
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from studio.atomic_files import AtomicFolder
from studio.catalogue import sidecars
from studio.catalogue.loras import LoraFile
from studio.errors import (
    AnswerMalformed,
    HostedError,
    InvalidRecipe,
    NotFound,
    Refused,
    ServiceFailed,
    ServiceUnreachable,
)
from studio.inputs import InputStore
from studio.parsing import ParseError, load_json, parse_json
from studio.safe_fetch import bounded, fetch
from studio.settings import Settings

SECONDS = 20
MOST_ANSWER, MOST_PICTURE = 2**22, 2**25
SIDE = 768
# What is kept of a version and of the model that it is of.
OF_VERSION = ("id", "modelId", "name", "baseModel", "trainedWords", "model")
OF_MODEL = ("allowNoCredit", "allowCommercialUse", "allowDerivatives", "allowDifferentLicense")
# How plain a preview has to be: the site calls that PG.
PLAIN = 1


class Civitai:
    """The site at the address of the settings."""

    def __init__(self, settings: Settings, inputs: InputStore) -> None:
        self._base = settings.civitai.rstrip("/")
        self._home = settings.home / "loras"
        self._inputs = inputs

    @property
    def name(self) -> str:
        """What it is called to people; empty where it is switched off."""
        return self._base.partition("://")[2]

    def takes(self, file: LoraFile) -> bool:
        """Whether this file may be looked up: it is one's own, and the site is not switched off."""
        return bool(self.name) and file.path.is_relative_to(self._home)

    def look_up(self, file: LoraFile, sha256: str) -> None:
        """Write words, licence and a picture beside the file.

        Refused where it is switched off, NotFound where the site does not know the hash, HostedError where it does not
        answer as it should, StorageError from the disk.
        """
        if not self.takes(file):
            raise Refused(f"{file.name} is not looked up here.", "Only files that were added are.")
        version = self._ask(f"/api/v1/model-versions/by-hash/{sha256}")
        number = version.get("modelId")
        model = self._ask(f"/api/v1/models/{number}") if isinstance(number, int) else {}
        facts = {key: version[key] for key in OF_VERSION if key in version}
        facts |= {key: model[key] for key in OF_MODEL if key in model}
        if isinstance(number, int):
            facts["page"] = f"{self._base}/models/{number}"
        _write(sidecars.place(file.path), facts)
        if file.thumbnail is None:
            self._bring_picture(file.path.with_suffix(".webp"), version)

    def _ask(self, path: str) -> Mapping[str, Any]:
        import httpx2

        hooks = {"response": [bounded(MOST_ANSWER, time.monotonic() + SECONDS)]}
        headers = {"accept-encoding": "identity"}
        try:
            with httpx2.Client(event_hooks=hooks, timeout=SECONDS, headers=headers) as client:
                answer = client.get(f"{self._base}{path}")
        except httpx2.HTTPError as error:
            raise ServiceUnreachable(f"{self.name} does not answer.", "Check the connection, or try later.") from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            raise NotFound(f"{self.name} knows no file with this hash.", "It may have been changed, or lie elsewhere.")
        if answer.status_code != httpx2.codes.OK:
            raise ServiceFailed(f"{self.name} answered with {answer.status_code}.", "Try again later.")
        try:
            table = parse_json(answer.content, lenient=True)
        except ParseError as error:
            raise AnswerMalformed(f"{self.name} answered with something else than a table.", "Try later.") from error
        return table if isinstance(table, Mapping) else {}

    def _bring_picture(self, target: Path, version: Mapping[str, Any]) -> None:
        """Keep the first plain picture; without one, or where it does not come, there is none."""
        found = version.get("images")
        address = next(filter(None, map(_plain, found if isinstance(found, list) else [])), None)
        if address is None:
            return
        try:
            content = fetch(address, self._base, SECONDS, MOST_PICTURE)
            with TemporaryDirectory() as folder:
                (Path(folder) / "preview").write_bytes(content)
                with self._inputs.opened(Path(folder) / "preview") as picture:
                    copy = picture.convert("RGB")
        except (HostedError, InvalidRecipe):
            return
        copy.thumbnail((SIDE, SIDE))
        AtomicFolder(target.parent).write(target, lambda file: copy.save(file, "WEBP", quality=85))


def _plain(image: Any) -> str | None:
    """The address of a picture that anybody may see; None for films and for what is rated otherwise, or not at all."""
    if not isinstance(image, Mapping) or image.get("type", "image") != "image":
        return None
    rated = image.get("nsfwLevel", image.get("nsfw"))
    address = image.get("url")
    return address if isinstance(address, str) and (rated is False or rated in (PLAIN, "None")) else None


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    """What another tool wrote there, and this does not say, stays."""
    try:
        before = load_json(path, most_bytes=sidecars.MOST_BYTES, lenient=True)
    except ParseError:
        before = {}
    text = json.dumps({**(before if isinstance(before, dict) else {}), **facts}, ensure_ascii=False, indent=1)
    AtomicFolder(path.parent).write(path, lambda file: file.write(text.encode()))
