"""What a picture of anybody's says of where it comes from, in sentences: read from its file, and never guessed."""

import importlib.util
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from studio.errors import StudioError
from studio.metadata.file_texts import FileTexts, texts_of
from studio.metadata.provenance import INSTALL, IPTC, LIBRARY, PROPERTY

# What the words of the vocabulary mean.
MEANINGS: Mapping[str, str] = {
    "trainedAlgorithmicMedia": "a trained algorithm made it",
    "compositeWithTrainedAlgorithmicMedia": "a trained algorithm changed it, or made a part of it",
    "compositeSynthetic": "it is composed of parts that an algorithm made",
    "algorithmicMedia": "an algorithm without training made it",
    "algorithmicallyEnhanced": "an algorithm enhanced it",
    "digitalCapture": "a camera took it",
    "computationalCapture": "a camera took it, and computed it of several shots",
    "digitalCreation": "a person made it with digital tools",
    "humanEdits": "a person edited it",
    "compositeCapture": "it is composed of what cameras took",
    "screenCapture": "it was taken of a screen",
}
MIMES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
# A signature that is whole, by an authority that nobody here vouches for.
UNTRUSTED = "signingCredential.untrusted"
# No manifest is fetched from an address that a stranger's file names.
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
MOST_WORDS = 120


def credentials(path: Path) -> list[str]:
    """Sentences on what the picture says of its origin; none where it says nothing, or is no picture."""
    with suppress(StudioError):
        texts = texts_of(path)
        return [*_marked(texts), *_signed(path, texts)]
    return []


def _marked(texts: FileTexts) -> Iterator[str]:
    if found := texts.texts.get(PROPERTY):
        yield f"Its file says that {_meaning(found)}."


def _meaning(source: str) -> str:
    word = source.rpartition("/")[2]
    return MEANINGS.get(word, f"its source is “{word[:MOST_WORDS]}”")


def _signed(path: Path, texts: FileTexts) -> Iterator[str]:
    """What a C2PA manifest says, and whether its signature holds."""
    with path.open("rb") as file:
        head = file.read(4)
        mime = next((mime for start, mime in MIMES.items() if head.startswith(start)), "")
        if not mime or not (texts.signed or (mime == "image/webp" and _has_chunk(file, b"C2PA"))):
            return
    if importlib.util.find_spec(LIBRARY) is None:
        yield f"It has Content Credentials (C2PA), which cannot be read here. {INSTALL}"
        return
    yield from _read(path, mime)


def _read(path: Path, mime: str) -> Iterator[str]:
    from c2pa import C2paError, Context, Reader, Settings

    try:
        with path.open("rb") as file, Reader(mime, file, context=Context(Settings.from_dict(OFFLINE))) as reader:
            found = json.loads(reader.json())
    except (C2paError, ValueError):
        yield "It has Content Credentials (C2PA) that are damaged."
        return
    manifest = found.get("manifests", {}).get(found.get("active_manifest"), {})
    faults = {str(one.get("code")) for one in found.get("validation_status", [])}
    issuer = str(manifest.get("signature_info", {}).get("issuer", "somebody"))[:MOST_WORDS]
    yield f"It has Content Credentials (C2PA), signed by {issuer}: {_holds(faults)}."
    tools = [str(one.get("name", "")) for one in manifest.get("claim_generator_info", []) if isinstance(one, dict)]
    if any(tools):
        yield f"They were written by {', '.join(filter(None, tools))[:MOST_WORDS]}."
    for source in _sources(manifest):
        yield f"They say that {_meaning(source)}."


def _holds(faults: set[str]) -> str:
    if not faults:
        return "the signature is valid"
    if faults == {UNTRUSTED}:
        return "the signature holds, and nothing here says who that is"
    return f"the signature does not hold ({', '.join(sorted(faults))[:MOST_WORDS]}), so nothing of it can be relied on"


def _sources(manifest: Mapping[str, Any]) -> list[str]:
    """The digital source types of its actions, each once."""
    found: dict[str, None] = {}
    for assertion in manifest.get("assertions", []):
        data = assertion.get("data", {}) if str(assertion.get("label", "")).startswith("c2pa.actions") else {}
        for action in data.get("actions", []) if isinstance(data, dict) else []:
            source = action.get("digitalSourceType") if isinstance(action, dict) else None
            if isinstance(source, str) and IPTC.partition("://")[2] in source:
                found[source] = None
    return list(found)


def _has_chunk(file: BinaryIO, wanted: bytes) -> bool:
    """Whether a WebP file has a chunk of this name."""
    file.seek(12)
    for _ in range(1000):
        head = file.read(8)
        if len(head) < 8:
            return False
        name, length = struct.unpack("<4sI", head)
        if name == wanted:
            return True
        file.seek(length + length % 2, 1)
    return False
