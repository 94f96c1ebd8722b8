"""A file that the site publishes, named by the address of its page, of its download, or by its AIR.

https://developer.civitai.com, "Get Model" and "Get Model Version". An AIR is urn:air:sd1:lora:civitai:MODEL@VERSION.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from studio.catalogue.sidecars import Sidecar
from studio.catalogue.tensor_files import PICKLES
from studio.civitai import published
from studio.civitai.site import Site
from studio.errors import AnswerMalformed, NotFound, UnsafeModel, UnsupportedModel

ENDING = ".safetensors"
AIR = re.compile(r"(?:urn:air:)?(?:[\w.-]+:){0,2}civitai:(?P<model>\d+)(?:@(?P<version>\d+))?(?:\.\w+)?", re.IGNORECASE)
PAGE = re.compile(r"/models/(?P<model>\d+)(?:/.*)?")
DOWNLOAD = re.compile(r"/api/(?:download/models|v1/model-versions)/(?P<version>\d+)/?")
# The site under its other names.
HOST = re.compile(r"(?:www\.)?civitai\.\w+")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Place:
    """A model by its number, a version of it, or both; without a version, the newest is meant."""

    model: int | None
    version: int | None


@dataclass(frozen=True)
class Offer:
    """A file to be had: what it is, as what and where it is published, and what is kept beside it."""

    version: int
    sort: str
    file: str
    bytes: int
    sha256: str
    address: str
    facts: Mapping[str, Any]
    images: Any

    @property
    def sidecar(self) -> Sidecar:
        """Title, words, terms of use and page."""
        return Sidecar.of(self.facts)


def place_of(what: str, site: Site) -> Place | None:
    """What an address of the site or an AIR means; None for anything else, and where the site is switched off."""
    if not site.name:
        return None
    if air := AIR.fullmatch(what.strip()):
        return Place(int(air["model"]), _number(air["version"]))
    try:
        split = urlsplit(what.strip() if "://" in what else f"https://{what.strip()}")
        host = split.hostname or ""
    except ValueError:
        return None
    if host != urlsplit(site.base).hostname and not HOST.fullmatch(host):
        return None
    if page := PAGE.fullmatch(split.path):
        return Place(int(page["model"]), _number(*parse_qs(split.query).get("modelVersionId", ())))
    download = DOWNLOAD.fullmatch(split.path)
    return Place(None, int(download["version"])) if download else None


def offer(place: Place, site: Site, key: SecretStr | None) -> Offer:
    """What the site says of the file there, which is only asked about.

    NotFound, UnsafeModel for a pickle, UnsupportedModel, or HostedError.
    """
    number = place.model
    if number is None:
        number = _whole(site.ask(f"/api/v1/model-versions/{place.version}", key).get("modelId"), site)
    model = site.ask(f"/api/v1/models/{number}", key)
    version = _version(model, place.version, site)
    file = _file(version, site)
    hashes = file.get("hashes")
    sha256 = str(hashes.get("SHA256", "")).lower() if isinstance(hashes, Mapping) else ""
    if not SHA256.fullmatch(sha256):
        raise UnsupportedModel(
            f"{site.name} has no hash of {file['name']} yet, so that nobody could tell whether it arrives whole.",
            "Try later, or download it in a browser and upload it here.",
        )
    whole = {**version, "modelId": number, "model": {"name": model.get("name", "")}}
    return Offer(
        version=_whole(version.get("id"), site),
        sort=str(model.get("type", "")),
        file=str(file["name"]),
        bytes=_size(file),
        sha256=sha256,
        address=_address(file, version, site),
        facts=published.facts(site.base, whole, model),
        images=version.get("images"),
    )


def _version(model: Mapping[str, Any], wanted: int | None, site: Site) -> Mapping[str, Any]:
    """The wanted version, or the newest, which is the first."""
    for version in _tables(model.get("modelVersions")):
        if wanted is None or version.get("id") == wanted:
            return version
    raise NotFound(f"{site.name} has no such version of this model.", "It may have been taken down; look at its page.")


def _file(version: Mapping[str, Any], site: Site) -> Mapping[str, Any]:
    """The version's file of weights that is no pickle, the main one first."""
    files = [file for file in _tables(version.get("files")) if isinstance(file.get("name"), str)]
    fitting = [file for file in files if file["name"].lower().endswith(ENDING)]
    if fitting:
        return next((file for file in fitting if file.get("primary") is True), fitting[0])
    if any(file["name"].lower().endswith(tuple(PICKLES)) for file in files):
        raise UnsafeModel(
            f"{site.name} has this version only as a pickle, which can run any program when it is opened.",
            f"Look there for one as {ENDING}.",
        )
    raise UnsupportedModel(f"This version holds no {ENDING} file.", "Look at its page for another.")


def _address(file: Mapping[str, Any], version: Mapping[str, Any], site: Site) -> str:
    """Where it is downloaded: what the site says, as long as that is the site itself."""
    found = file.get("downloadUrl")
    own = isinstance(found, str) and found.startswith(f"{site.base}/")
    return str(found) if own else f"{site.base}/api/download/models/{version['id']}"


def _size(file: Mapping[str, Any]) -> int:
    kilobytes = file.get("sizeKB")
    return round(kilobytes * 1024) if isinstance(kilobytes, int | float) and 0 < kilobytes < 2**40 else 0


def _tables(found: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in found if isinstance(one, Mapping)) if isinstance(found, list) else iter(())


def _whole(number: Any, site: Site) -> int:
    if isinstance(number, int):
        return number
    raise AnswerMalformed(f"{site.name} answered with a table that lacks what it should hold.", "Try later.")


def _number(*digits: str | None) -> int | None:
    first = digits[0] if digits else None
    return int(first) if first and first.isdecimal() else None
