"""Pictures for programs: an address that its owner alone can open, and the bytes in the format that was asked for."""

from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from studio.errors import NotFound
from studio.gate import origin
from studio.gate.addresses import PREFIX
from studio.gate.identity import Identity, of_scope
from studio.studio import Studio

Format = Literal["png", "jpeg", "webp"]
FOR_GOOD = "private, max-age=31536000, immutable"
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
            raise NotFound("There is nothing here for you: it is gone, or somebody else's.")
        return FileResponse(path, headers={"Cache-Control": FOR_GOOD})

    return routes


def address(studio: Studio, request: Request, path: Path, who: Identity) -> str:
    """The whole address of a stored picture, which opens for this owner alone."""
    return origin.address(request.scope, request.headers) + ADDRESS + studio.addresses.of(path, who)[len(PREFIX) :]


def encoded(source: Path | bytes, kind: Format, quality: int) -> bytes:
    """A picture's bytes: as they are stored where PNG is wanted, else written again, 0 to 100 of quality."""
    if kind == "png" and isinstance(source, Path):
        return source.read_bytes()
    buffer = BytesIO()
    with Image.open(source if isinstance(source, Path) else BytesIO(source)) as image:
        image.convert("RGB").save(buffer, kind.upper(), **({} if kind == "png" else {"quality": quality}))
    return buffer.getvalue()
