"""Jobs, the studio's own language: for long work, which no connection has to last for."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from studio.api import forms, job_views, waiting
from studio.api.job_schemas import InputFacts, JobFacts, JobList, JobRequest, MaskReading
from studio.api.pictures import FOR_GOOD, Who, encoded, withheld
from studio.api.planning import begin
from studio.errors import InvalidRequest, NotFound
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.metadata.writing import ENDINGS, Format
from studio.recipe import Recipe
from studio.studio import Studio

# Names under which callers asked for jobs, which a second request of the same name is given again.
MOST_NAMES, NAME_CHARACTERS = 10_000, 200
FILE = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
FORM = {"requestBody": {"content": {"multipart/form-data": {"schema": FILE}}}}
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "The events."}}
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}}, "description": "The picture."}}
Name = Annotated[str | None, Header(alias="Idempotency-Key", max_length=NAME_CHARACTERS)]
Position = Annotated[int, Query(ge=0, description="Where to continue: the `id` of the last event that was read.")]
Last = Annotated[int | None, Header(alias="Last-Event-ID", ge=0)]


def router(studio: Studio) -> APIRouter:
    """The routes below /api."""
    routes = APIRouter(prefix="/api", tags=["jobs"])
    _add_jobs(routes, studio)
    _add_changes(routes, studio)
    _add_pictures(routes, studio)
    return routes


def _add_jobs(routes: APIRouter, studio: Studio) -> None:
    """Asking for pictures, and how that stands."""
    names = _Names()

    @routes.post("/jobs", status_code=201)
    async def submit(wanted: JobRequest, request: Request, who: Who, name: Name = None) -> JobFacts:
        """Put a recipe, several, a grid, candidates or a comparison in line.

        A second request with the same `Idempotency-Key` gives the job of the first.
        """
        job = await names.once(who, name, lambda: run_in_threadpool(begin, studio, wanted, who))
        return await run_in_threadpool(job_views.facts, studio, job, request)

    @routes.get("/jobs")
    async def jobs(request: Request, who: Who) -> JobList:
        """Your jobs, newest first."""
        return await run_in_threadpool(job_views.listed, studio, who, request)

    @routes.get("/jobs/{id}")
    async def job(id: str, request: Request, who: Who) -> JobFacts:  # noqa: A002
        """A job as it stands, with the pictures that are done."""
        return await run_in_threadpool(lambda: job_views.facts(studio, studio.job(id, who), request))

    @routes.get("/jobs/{id}/events", response_class=Response, responses=STREAM)
    async def events(id: str, request: Request, who: Who, position: Position = 0, last: Last = None) -> Response:  # noqa: A002
        """What happens to a job, as server-sent events from a position on, up to its end."""
        found = await run_in_threadpool(studio.job, id, who)
        stream = waiting.alive(_streamed(studio, found, position if last is None else last, request))
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _add_changes(routes: APIRouter, studio: Studio) -> None:
    """What may be done with a job."""

    async def facts(id: str, request: Request, who: Identity) -> JobFacts:  # noqa: A002
        return await run_in_threadpool(lambda: job_views.facts(studio, studio.job(id, who), request))

    @routes.post("/jobs/{id}/cancel")
    async def cancel(id: str, request: Request, who: Who) -> JobFacts:  # noqa: A002
        """Stop a job at its next step; what is done stays. Nothing happens to one that is over."""
        await run_in_threadpool(studio.stop, id, who)
        return await facts(id, request, who)

    @routes.post("/jobs/{id}/retry")
    async def retry(id: str, request: Request, who: Who) -> JobFacts:  # noqa: A002
        """Make once more what failed or was stopped of a job."""
        await run_in_threadpool(studio.jobs.retry, id, who)
        return await facts(id, request, who)

    @routes.delete("/jobs/{id}", status_code=204)
    async def forget(id: str, who: Who) -> None:  # noqa: A002
        """Forget a job, stopped first where it is not over; its pictures stay."""
        await run_in_threadpool(studio.jobs.remove, id, who)


def _add_pictures(routes: APIRouter, studio: Studio) -> None:
    """Pictures that were made and are brought, and what a recipe may say."""

    @routes.get("/jobs/{id}/images/{number}", response_class=Response, responses=PICTURE)
    async def image(
        id: str,  # noqa: A002
        number: int,
        who: Who,
        format: Format = "png",  # noqa: A002
        quality: Annotated[int | None, Query(ge=1, le=100)] = None,
    ) -> Response:
        """A picture of a job: as it is stored, or written again as JPEG or WebP."""
        data = await run_in_threadpool(_encoded, studio, id, number, format, quality, who)
        return Response(data, media_type=f"image/{format}", headers={"Cache-Control": FOR_GOOD})

    @routes.post("/inputs", status_code=201, openapi_extra=FORM)
    async def bring(request: Request, who: Who, mask: MaskReading | None = None) -> InputFacts:
        """Bring a picture that recipes can start from, or follow, or its address; or a mask, and what of it counts."""
        async with forms.read(request, studio) as form:
            files = await run_in_threadpool(form.pictures, "file")
        if len(files) != 1:
            raise InvalidRequest("There is no picture, or there are several.", "Send one as file.", field="file")
        return await run_in_threadpool(_bring, studio, files[0], mask, who)

    @routes.get("/recipe.schema.json")
    async def schema() -> dict[str, Any]:
        """The JSON schema of a recipe."""
        return Recipe.model_json_schema()


class _Names:
    """The jobs that callers asked for under names of their own; the longest ago are forgotten."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[tuple[str, str], asyncio.Future[Job]] = OrderedDict()

    async def once(self, who: Identity, name: str | None, begun: Callable[[], Coroutine[Any, Any, Job]]) -> Job:
        """The job of this name: begun now, or by an earlier request, also one that is still at it."""
        if not name:
            return await begun()
        key = (who.owner, name)
        if key not in self._jobs:
            self._jobs[key] = asyncio.ensure_future(begun())
            self._jobs[key].add_done_callback(lambda done: self._drop_failed(key, done))
            if len(self._jobs) > MOST_NAMES:
                self._jobs.popitem(last=False)
        return await asyncio.shield(self._jobs[key])

    def _drop_failed(self, key: tuple[str, str], done: asyncio.Future[Job]) -> None:
        """Of what came to nothing no name is remembered."""
        if done.cancelled() or done.exception():
            self._jobs.pop(key, None)


async def _streamed(studio: Studio, job: Job, position: int, request: Request) -> AsyncGenerator[bytes, None]:
    """A job's events for a reader; one that was further than the log, before a restart, reads it anew."""
    start = position if position <= job.length else 0
    async for place, event in waiting.events(job, start):
        name, data = await run_in_threadpool(job_views.event_facts, studio, event, request, job.who)
        yield waiting.sent(name, data, place)


def _encoded(studio: Studio, id: str, number: int, kind: Format, quality: int | None, who: Identity) -> bytes:  # noqa: A002
    for event in studio.job(id, who).results:
        if event.image == number and event.path.is_file():
            if error := withheld(event.path):
                raise error
            if event.path.suffix != ENDINGS[kind] or quality is not None:
                studio.pace.check(who)
            return encoded(studio.settings, event.path, kind, quality)
    raise NotFound("This picture is not there.", "It is not done yet, failed, or was deleted.")


def _bring(studio: Studio, data: bytes, mask: MaskReading | None, who: Identity) -> InputFacts:
    studio.pace.check(who)
    stored = studio.inputs.add_mask(data, who, reads=mask) if mask else studio.inputs.add(data, who=who)
    return InputFacts(id=stored.id, width=stored.width, height=stored.height, notes=list(stored.notes))
