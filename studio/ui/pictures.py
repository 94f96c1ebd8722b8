"""One picture as plain data for the page: what it shows, how it was made, what it started from."""

import re
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image

from studio.atomic_files import AtomicFolder
from studio.errors import InvalidRecipe, NotFound, StudioError, Unreadable
from studio.events import Finished
from studio.gate.addresses import EVERYBODY
from studio.gate.identity import Identity
from studio.hosted.models import is_hosted
from studio.jobs.job import Job
from studio.library import as_listed, facts, picture, size
from studio.library.facts import item_id
from studio.library.index import THUMBNAILS
from studio.recipe import Recipe, as_resolved
from studio.resolve.sizes import result_size
from studio.safety.layer import ELSE, NOTE, SAFETY, is_withheld
from studio.studio import Studio
from studio.ui.hosted_choices import choice
from studio.ui.schemas.pictures import Expected, Picture, PictureFacts, Start, Which

# The words of a file's name: letters and digits of any script, without the names of LoRAs and their kin; as many as
# one reads at a glance, and as a disk takes.
WORD, MENTION = re.compile(r"[^\W_]+"), re.compile(r"<[^>]*>")
MOST_LETTERS, MOST_BYTES = 60, 160
# What is said of a picture that the safety layer took offence at, after its own words.
CHECKED = {
    "flagged": "It is kept, and blurred until it is opened.",
    "failed": "It is kept, and blurred until it is opened.",
    "withheld": f"This picture is withheld. {ELSE}",
}


def made(studio: Studio, job: Job, event: Finished, side: int) -> Picture:
    """A finished picture of a job, shown at most at `side` pixels until it is opened."""
    which: Which = {"job": job.id, "image": event.image}
    facts = _picture_facts(studio, event.path, event.recipe, event.seconds, job.who)
    if max(facts["width"], facts["height"]) > side or facts["check"]:
        facts["shown"] = smaller(event.path, side)
    return {**facts, "id": item_id(job.id, event.image), "key": f"{job.id}/{event.image}", "which": which}


def kept(studio: Studio, path: Path, recipe: Recipe, seconds: float, side: int, who: Identity) -> Picture:
    """An owner's picture of the library, whether or not its job is still known, shown at most at `side` pixels."""
    token = studio.addresses.token(path, who)
    facts = _picture_facts(studio, path, recipe, seconds, who)
    if max(facts["width"], facts["height"]) > side or facts["check"]:
        facts["shown"] = thumbnail(studio, path, side, who)
    return {**facts, "id": "", "key": token, "which": {"stored": token}}


def _picture_facts(studio: Studio, path: Path, recipe: Recipe, seconds: float, who: Identity) -> PictureFacts:
    """What is said of a stored picture, wherever it stands."""
    width, height = size(path)
    return {
        "done": True,
        "width": width,
        "height": height,
        "prompt": recipe.prompt,
        "negative": recipe.negative_prompt,
        "shown": studio.addresses.of(path, who),
        "file": studio.addresses.of(path, who),
        "view": "",
        "name": telling_name(path, recipe.prompt, recipe.seed),
        "task": recipe.task,
        "seed": recipe.seed if recipe.denoises else None,
        "seconds": seconds,
        "model": ", then ".join(model_name(studio, name) for name in recipe.models) or str(recipe.upscale.upscaler),
        "how": ", ".join(filter(None, [_how(recipe), _cost(path)])),
        "loras": facts(path).get("loras", ""),
        "check": _checked(path),
        **_start(studio, recipe, who),
    }


def expected(studio: Studio, job: Job, index: int, jpeg: bytes | None, side: int) -> Expected:
    """A picture in the making: a look at it where there is one, else what it starts from."""
    recipe = job.recipes[index]
    width, height = _expected_size(studio, recipe)
    return {
        "key": f"{job.id}/{index}",
        "job": job.id,
        "image": index,
        "done": False,
        "width": width,
        "height": height,
        "prompt": recipe.prompt,
        "shown": _look(studio, recipe, jpeg, side),
        **_start(studio, recipe, job.who),
    }


def withheld(studio: Studio, done: Sequence[Finished]) -> str:
    """One line where some of these pictures are withheld; else empty."""
    count = sum(studio.index.shows(event.path) and is_withheld(facts(event.path)) for event in done)
    if not count:
        return ""
    which = "This picture is" if len(done) == 1 else f"{count} of {len(done)} pictures are"
    return f"{which} withheld. {ELSE}"


@lru_cache(maxsize=256)
def smaller(path: Path, side: int) -> str:
    """A copy of at most `side` pixels, as a data address; of one that the safety layer flagged, a blurred one."""
    with Image.open(path) as image:
        copy = image.convert("RGB")
    copy.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2)
    copy = as_listed(copy, path)
    buffer = BytesIO()
    copy.save(buffer, "JPEG", quality=88)
    return jpeg_address(buffer.getvalue())


def thumbnail(studio: Studio, path: Path, side: int, who: Identity = EVERYBODY) -> str:
    """The address of a picture's copy, made where there is none yet; empty for no picture. Else as `smaller`."""
    status = path.stat()
    stamp = sha256(f"{path} {status.st_mtime_ns} {status.st_size} {side}".encode()).hexdigest()
    small = studio.settings.home / THUMBNAILS / f"{stamp[:32]}.webp"
    if not small.is_file():
        try:
            with studio.inputs.opened(path) as image:
                image.draft("RGB", (side, side))
                copy = image.convert("RGB")
        except StudioError:
            return ""
        copy.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2)
        copy = as_listed(copy, path)
        AtomicFolder(small.parent).write(small, lambda file: copy.save(file, "WEBP", quality=80))
    return studio.addresses.of(small, who)


def _look(studio: Studio, recipe: Recipe, jpeg: bytes | None, side: int) -> str | None:
    # What is enlarged is painted tile by tile, and a look at one tile is none at the picture.
    if jpeg and recipe.task != "upscale":
        return jpeg_address(jpeg)
    if recipe.init_image is None or recipe.outpaint is not None:
        return None
    try:
        return smaller(studio.inputs.path(recipe.init_image), side)
    except (NotFound, Unreadable, OSError):
        return None


def telling_name(path: Path, prompt: str, seed: int | None, created: float | None = None) -> str:
    """What a picture is called where it is downloaded: its day, the first words of its prompt, its seed.

    `created` is in seconds since 1970; the file is asked where it is None.
    """
    with suppress(OSError):  # the file has gone
        created = path.stat().st_mtime if created is None else created
    day = "" if created is None else f"{datetime.fromtimestamp(created, UTC).astimezone():%Y-%m-%d}"
    words = ""
    for word in WORD.findall(MENTION.sub(" ", prompt)):
        longer = f"{words}-{word}" if words else word
        if len(longer) > MOST_LETTERS or len(longer.encode()) > MOST_BYTES:
            break
        words = longer
    return f"{' '.join(filter(None, (day, words, '' if seed is None else str(seed))))}{path.suffix}"


def _start(studio: Studio, recipe: Recipe, who: Identity) -> Start:
    """The picture that it can be compared with, how that was brought to its size, and how far it grew at each side."""
    if recipe.init_image is None:
        return {}
    try:
        before = studio.addresses.of(studio.inputs.path(recipe.init_image), who)
    except (NotFound, Unreadable):
        return {}
    sides = recipe.outpaint
    grown = [sides.top, sides.right, sides.bottom, sides.left] if sides else [0, 0, 0, 0]
    return {"before": before, "fit": "stretch" if recipe.scheduler is None else recipe.resize, "grown": grown}


def _expected_size(studio: Studio, recipe: Recipe) -> tuple[int, int]:
    try:
        return result_size(as_resolved(recipe), studio.inputs)
    except InvalidRecipe:
        return recipe.width or 1, recipe.height or 1


def _checked(path: Path) -> tuple[str, ...]:
    """What the safety layer said of a picture in a word and in sentences; nothing where it took no offence."""
    made = facts(path)
    return check_words(made.get(SAFETY, ""), made.get(NOTE, ""))


def check_words(verdict: str, note: str = "") -> tuple[str, ...]:
    """What is said of a picture of this verdict; nothing of most."""
    return (verdict, f"{note} {CHECKED[verdict]}".strip()) if verdict in CHECKED else ()


def _how(recipe: Recipe) -> str:
    """The settings that matter most for what it looks like."""
    if not recipe.denoises:
        return f"{recipe.upscale.scale:g} times larger"
    parts = {
        "{}": recipe.scheduler,
        "{} steps": recipe.steps,
        "guidance {:g}": recipe.guidance_scale,
        "strength {:g}": recipe.strength,
        "{:g} times larger": recipe.upscale.scale or (recipe.hires.scale if recipe.hires.scale != 1 else None),
    }
    return ", ".join(words.format(value) for words, value in parts.items() if value is not None)


def _cost(path: Path) -> str:
    """What a hosted picture did cost; empty where that is not known, or nothing."""
    cost = picture(path).cost_usd
    return f"it cost ${cost:.3f}" if cost else ""


def model_name(studio: Studio, model: str) -> str:
    """Its name, or the bare id where the model has left the catalogue since."""
    if model not in studio.catalogue and is_hosted(model):
        with suppress(StudioError):
            return choice(studio, model).name
    return studio.catalogue[model].name if model in studio.catalogue else model


def jpeg_address(jpeg: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
