"""What the file of a picture tells, all that a rebuild of the index needs of it."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from studio.errors import NotFound, StudioError, Unreadable
from studio.inputs import DAMAGED
from studio.library.entry import PictureFacts
from studio.library.thumbnails import Thumbnails
from studio.metadata import own as stored
from studio.metadata import readers
from studio.prompts.mentions import mentions
from studio.recipe import INPUT_ID, Recipe, Variation
from studio.safety.layer import WATERMARK, verdict_of
from studio.safety.watermark import ID_DIGITS

# What the studio writes beside the recipe, by these names.
PICTURE, OWNER, JOB, ITEM, KIND, CREATED, PIXELS = "picture", "owner", "job", "item", "kind", "created", "pixels"
# The kind of pictures that were brought, and the folder that they lie in, below the mark of their owner.
IMPORTED = FOLDER = "imported"
ID_CHARACTERS = 20
ID = re.compile(rf"[0-9a-f]{{{ID_CHARACTERS}}}")
MOST_NAMES = 200
# Of these, the pixels are not those that the studio wrote.
LOSSY = (".jpg", ".jpeg")


@dataclass(frozen=True, kw_only=True)
class FileFacts(PictureFacts):
    """A file of the library: `path` is relative to it, `id` empty where the file has none of its own.

    `mark` is whose it is, as `library.owners` marks it. `names` are models, LoRAs and kinds of control by what they
    are, `inputs` the digests of pictures by their roles. Sizes in pixels and bytes; `modified` in nanoseconds. `base`
    is the digest of its recipe, `variation` that of one which varies another; `look` as of `library.looks`.
    """

    path: str
    modified: int
    mark: str = ""
    base: str = ""
    variation: str = ""
    look: bytes = b""
    names: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    inputs: frozenset[tuple[str, str]] = field(default_factory=frozenset)


# What of it is no column of the index's table of pictures.
BESIDE = ("id", "mark", "look", "names", "inputs")
COLUMNS = tuple(one.name for one in fields(FileFacts) if one.name not in BESIDE)


def item_id(job: str, item: int) -> str:
    """The id of what an item of a job makes: the same in every attempt."""
    return sha256(f"{job}/{item}".encode()).hexdigest()[:ID_CHARACTERS]


def file_id(mark: str, file_digest: str) -> str:
    """The id of a picture that somebody brought: the same wherever its file lies."""
    return sha256(f"{mark} {file_digest}".encode()).hexdigest()[:ID_CHARACTERS]


def own(
    path: str,
    recipe: Recipe,
    written: Mapping[str, Any],
    size: tuple[int, int],
    status: os.stat_result,
    look: bytes = b"",
) -> FileFacts:
    """What a picture of the studio's tells by its recipe and what is written beside it; Unreadable of an old one."""
    pixels = written.get(PIXELS, "")
    if not re.match(INPUT_ID, pixels):
        raise Unreadable("The picture does not tell the digest of its pixels.")
    picture = written.get(PICTURE, "")
    found = FileFacts(
        path=path,
        id=picture if ID.fullmatch(picture) else "",
        mark=written.get(OWNER, "")[:80],
        digest=pixels,
        width=size[0],
        height=size[1],
        bytes=status.st_size,
        modified=status.st_mtime_ns,
        created=_float(written.get(CREATED)) or status.st_mtime,
        look=look,
        kind=written.get(KIND, "")[:40],
        job=written.get(JOB, "")[:80],
        item=_int(written.get(ITEM)),
        seconds=_float(written.get("seconds")),
        safety=verdict_of(written) or "",
        watermark=_watermark(written.get(WATERMARK, "")),
    )
    varies = bool(recipe.variation.strength)
    key = sha256(recipe.without_maps().changed(variation=Variation()).to_json().encode()).hexdigest()[:ID_CHARACTERS]
    return replace(of_recipe(found, recipe), base="" if varies else key, variation=key if varies else "")


def of_file(folder: Path, path: Path, thumbnails: Thumbnails, *, trusted: bool = True) -> FileFacts:
    """What a file below the library's folder tells; Unreadable or another StudioError where it is no picture.

    Of one that says the digest of its pixels, and is `trusted`, none of them is decoded; of others a small copy is made
    with it.
    """
    relative, status = path.relative_to(folder), path.stat()
    recipe, written = _written(path)
    if len(relative.parts) > 2 and relative.parts[0] == FOLDER:
        written = {**written, OWNER: relative.parts[1]}
    if recipe and trusted and path.suffix.lower() not in LOSSY:
        with suppress(Unreadable, OSError, *DAMAGED), Image.open(path, formats=("PNG", "WEBP")) as picture:
            return own(relative.as_posix(), recipe, written, picture.size, status)
    size, pixels, look = thumbnails.digest(path)
    found = FileFacts(
        path=relative.as_posix(),
        id="",
        mark=written.get(OWNER, "")[:80],
        digest=pixels,
        width=size[0],
        height=size[1],
        look=look,
        bytes=status.st_size,
        modified=status.st_mtime_ns,
        created=_created(path, status),
    )
    if recipe and PIXELS in written:
        with suppress(Unreadable):
            return own(relative.as_posix(), recipe, {**written, PIXELS: pixels}, size, status, look)
    if recipe:
        return of_recipe(replace(found, seconds=_float(written.get("seconds"))), recipe)
    return _of_other_tool(replace(found, kind=IMPORTED, name=path.name), path)


def of_recipe(found: FileFacts, recipe: Recipe) -> FileFacts:
    """The same with what a recipe says, complete or not."""
    return replace(
        found,
        task=recipe.task,
        prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        seed=recipe.seed if recipe.denoises else None,
        steps=recipe.steps,
        guidance=recipe.guidance_scale,
        scheduler=recipe.scheduler or "",
        names=frozenset(_names(recipe)),
        inputs=frozenset(_inputs(recipe)),
    )


def _written(path: Path) -> tuple[Recipe | None, Mapping[str, str]]:
    with suppress(NotFound, Unreadable):
        made = stored.read_made(path)
        return made.recipe, {name: value for name, value in made.facts.items() if isinstance(value, str)}
    return None, {}


def _of_other_tool(found: FileFacts, path: Path) -> FileFacts:
    try:
        imported = readers.of_file(path)
    except StudioError:
        return found
    found = of_recipe(found, Recipe.unchecked(**imported.values))
    return replace(found, tool=imported.tool[:80], inputs=frozenset())


def _names(recipe: Recipe) -> list[tuple[str, str]]:
    loras = [lora.name for lora in recipe.loras] + [name for _, _, name in mentions(recipe.prompt)]
    found = [("model", name) for name in recipe.models] + [("lora", name) for name in loras]
    found += [("control", unit.kind) for unit in recipe.controls]
    return [(kind, name[:200]) for kind, name in dict.fromkeys(found)][:MOST_NAMES]


def _inputs(recipe: Recipe) -> list[tuple[str, str]]:
    mask = recipe.mask
    given = [("init_image", recipe.init_image), ("mask_image", mask.image), ("mask_sketch", mask.sketch)]
    given += [("control", one) for unit in recipe.controls for one in (unit.image, unit.map)]
    return [(role, name) for role, name in given if name]


def _created(path: Path, status: os.stat_result) -> float:
    """When it was made: by its folder and name, as the studio calls its pictures, else when the file was changed."""
    with suppress(ValueError):
        made = datetime.strptime(f"{path.parent.name} {path.name[:6]}", "%Y-%m-%d %H%M%S")  # noqa: DTZ007 - local
        return made.astimezone().timestamp()
    return status.st_mtime


def _watermark(text: str) -> str:
    return text if re.fullmatch(rf"[0-9a-f]{{{ID_DIGITS}}}", text) else ""


def _float(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        number = float(text or "")
        return number if abs(number) < 1e12 else None
    return None


def _int(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
