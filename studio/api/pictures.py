"""Pictures for programs: an address that its owner alone can open, and the bytes in the format that was asked for."""

from io import BytesIO
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from studio.errors import NotFound, Withheld
from studio.gate import origin
from studio.gate.addresses import PREFIX
from studio.gate.identity import Identity, of_scope
from studio.library import as_listed, facts
from studio.metadata import own
from studio.metadata.writing import ENDINGS, Format, write, writing_of
from studio.safety.layer import ELSE, NOTE, is_withheld
from studio.settings import Settings
from studio.studio import Studio

# A picture never changes; what is told anew under one name is asked for each time.
FOR_GOOD, REVALIDATED = "private, max-age=31536000, immutable", "private, no-cache"
# What browsers show, and nothing in it runs.
SHOWN = ("image/png", "image/webp", "image/jpeg")
ADDRESS = "/api/pictures/"


def identify(request: Request) -> Identity:
    """Who asks, as the gate made out."""
    return of_scope(request.scope)


Who = Annotated[Identity, Depends(identify)]


def router(studio: Studio) -> APIRouter:
    """The route of pictures."""
    routes = APIRouter(tags=["pictures"])

    @routes.get(ADDRESS + "{token:path}", response_class=FileResponse)
    async def picture(token: str, who: Who) -> Response:
        """A picture of yours, byte for byte."""
        path = await run_in_threadpool(studio.addresses.find, token, who)
        if path is None:
            raise NotFound("There is nothing here for you: it is gone, or belongs to somebody else.")
        return file_answer(path)

    return routes


def file_answer(path: Path) -> Response:
    """A file to whoever may see it; what is no picture is only ever saved, as a page of this address could do all."""
    answer = FileResponse(path)
    is_picture = answer.media_type in SHOWN
    answer.headers["Cache-Control"] = FOR_GOOD if is_picture else REVALIDATED
    if not is_picture:
        answer.headers["Content-Disposition"] = "attachment"
    return answer


def address(studio: Studio, request: Request, path: Path, who: Identity) -> str:
    """The whole address of a stored picture, which opens for this owner alone."""
    return origin.address(request.scope, request.headers) + ADDRESS + studio.addresses.of(path, who)[len(PREFIX) :]


def encoded(settings: Settings, path: Path, kind: Format, quality: int | None = None) -> bytes:
    """A stored picture's bytes: as they are where it is of that format, else written again with all that it tells.

    `quality` is from 0 to 100, and of JPEG and WebP alone.
    """
    if path.suffix == ENDINGS[kind] and (quality is None or kind == "png"):
        return path.read_bytes()
    buffer, made = BytesIO(), own.read_made(path)
    with Image.open(path) as image:
        write(image, made.recipe, made.facts, buffer, writing_of(settings, format=kind, quality=quality))
    return buffer.getvalue()


def withheld(path: Path) -> Withheld | None:
    """What is said of a stored picture that the safety layer withholds; None of all others."""
    made = facts(path)
    return Withheld(f"The picture is withheld. {made.get(NOTE, '')}".strip(), ELSE) if is_withheld(made) else None


def look(jpeg: bytes, kind: Format) -> bytes:
    """A look at a picture in the making, in this format."""
    if kind == "jpeg":
        return jpeg
    buffer = BytesIO()
    with Image.open(BytesIO(jpeg)) as image:
        image.save(buffer, kind.upper())
    return buffer.getvalue()


def small(path: Path, side: int) -> bytes:
    """A stored picture as JPEG, at most so long at a side, as it is seen beside others; it tells nothing of itself."""
    buffer = BytesIO()
    with Image.open(path) as image:
        copy = image.convert("RGB")
    copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    as_listed(copy, path).save(buffer, "JPEG")
    return buffer.getvalue()
