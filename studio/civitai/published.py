"""What the site says of a file that it publishes, written beside it: words, terms of use, and a picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from studio.atomic_files import AtomicFolder
from studio.catalogue import sidecars
from studio.civitai.site import SECONDS
from studio.errors import HostedError, InvalidRecipe
from studio.inputs import InputStore
from studio.parsing import ParseError, load_json
from studio.safe_fetch import fetch

MOST_PICTURE = 2**25
SIDE = 768
# What is kept of a version and of the model that it is of.
OF_VERSION = ("id", "modelId", "name", "baseModel", "trainedWords", "model")
OF_MODEL = ("allowNoCredit", "allowCommercialUse", "allowDerivatives", "allowDifferentLicense")
# How plain a preview has to be: the site calls that PG.
PLAIN = 1


def facts(base: str, version: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a version and its model; `base` is the address of the site."""
    kept = {key: version[key] for key in OF_VERSION if key in version}
    kept |= {key: model[key] for key in OF_MODEL if key in model}
    if isinstance(number := version.get("modelId"), int):
        kept["page"] = f"{base}/models/{number}"
    return kept


def write(path: Path, kept: Mapping[str, Any]) -> None:
    """Write the table beside a file; what another tool wrote there, and this does not say, stays."""
    place = sidecars.place(path)
    try:
        before = load_json(place, most_bytes=sidecars.MOST_BYTES, lenient=True)
    except ParseError:
        before = {}
    text = json.dumps({**(before if isinstance(before, dict) else {}), **kept}, ensure_ascii=False, indent=1)
    AtomicFolder(place.parent).write(place, lambda file: file.write(text.encode()))


def bring_picture(path: Path, base: str, version: Mapping[str, Any], inputs: InputStore) -> None:
    """Keep the first plain picture beside a file; without one, or where it does not come, there is none."""
    found = version.get("images")
    address = next(filter(None, map(_plain, found if isinstance(found, list) else [])), None)
    if address is None:
        return
    try:
        content = fetch(address, base, SECONDS, MOST_PICTURE)
        with TemporaryDirectory() as folder:
            (Path(folder) / "preview").write_bytes(content)
            with inputs.opened(Path(folder) / "preview") as picture:
                copy = picture.convert("RGB")
    except (HostedError, InvalidRecipe):
        return
    copy.thumbnail((SIDE, SIDE))
    target = path.with_suffix(".webp")
    AtomicFolder(target.parent).write(target, lambda file: copy.save(file, "WEBP", quality=85))


def _plain(image: Any) -> str | None:
    """The address of a picture that anybody may see; None for films and for what is rated otherwise, or not at all."""
    if not isinstance(image, Mapping) or image.get("type", "image") != "image":
        return None
    rated = image.get("nsfwLevel", image.get("nsfw"))
    address = image.get("url")
    return address if isinstance(address, str) and (rated is False or rated in (PLAIN, "None")) else None
