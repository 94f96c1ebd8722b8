"""The library over HTTP: searched in its own language, page by page."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from studio.api.pictures import FOR_GOOD, Who, address
from studio.gate.identity import Identity
from studio.library import Entry, Order
from studio.studio import Studio

# Where an entry's file lies on the disk is nobody's business.
UNTOLD = ("path",)
Words = Annotated[str, Query(max_length=2000, description="Such as `lighthouse -night star:yes size:>512`.")]
THUMBNAIL: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {}}, "description": "The copy."}}


class EntryFacts(BaseModel):
    """A picture of yours: what its file tells, and what you say of it; `url` opens for you alone."""

    id: str
    name: str
    url: str | None
    digest: str
    width: int
    height: int
    bytes: int
    created: float
    task: str
    kind: str
    job: str
    item: int | None
    tool: str
    prompt: str
    negative_prompt: str
    seed: int | None
    steps: int | None
    guidance: float | None
    scheduler: str
    seconds: float | None
    safety: str
    watermark: str
    models: list[str]
    loras: list[str]
    controls: list[str]
    tags: list[str]
    boards: list[str]
    scores: dict[str, float]
    star: bool
    rating: int | None
    note: str
    binned: float | None


class LibraryPage(BaseModel):
    """Some of the pictures that a search finds: `total` of them all, `next` where the next page begins."""

    entries: list[EntryFacts]
    total: int
    next: str


def router(studio: Studio) -> APIRouter:
    """The routes below /api/library."""
    routes = APIRouter(prefix="/api/library", tags=["library"])

    @routes.get("")
    async def search(
        request: Request,
        who: Who,
        query: Words = "",
        position: Annotated[str, Query(max_length=200, description="The `next` of the page before.")] = "",
        count: Annotated[int, Query(ge=1, le=200)] = 60,
        order: Order = "newest",
    ) -> LibraryPage:
        """Your pictures, as a search finds them."""
        found = await run_in_threadpool(studio.index.search, query, who, position or 0, count, order)
        entries = [_facts(studio, entry, request, who) for entry in found.entries]
        return LibraryPage(entries=entries, total=found.total, next=found.next)

    @routes.get("/{id}")
    async def entry(id: str, request: Request, who: Who) -> EntryFacts:  # noqa: A002
        """One of your pictures."""
        return _facts(studio, await run_in_threadpool(studio.index.entry, id, who), request, who)

    @routes.get("/{id}/thumbnail", response_class=Response, responses=THUMBNAIL)
    async def thumbnail(id: str, who: Who) -> Response:  # noqa: A002
        """A small copy of one of your pictures."""
        path = await run_in_threadpool(studio.index.thumbnail, id, who)
        return FileResponse(path, headers={"Cache-Control": FOR_GOOD})

    return routes


def _facts(studio: Studio, entry: Entry, request: Request, who: Identity) -> EntryFacts:
    facts = {name: value for name, value in asdict(entry).items() if name not in UNTOLD}
    served = entry.path is not None and entry.path.is_relative_to(studio.library.folder)
    return EntryFacts(**facts, url=address(studio, request, entry.path, who) if served and entry.path else None)
