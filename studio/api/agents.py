"""MCP, by which agents use the studio: its verbs as tools, each over the same studio, queue and library as the page.

The `mcp` package is needed for it, an extra; without it there is no such address.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from studio import __version__
from studio.api import job_views, waiting
from studio.api.coded import decoded
from studio.api.openai_models import own_names
from studio.api.pictures import identify, small
from studio.errors import InternalError, StudioError, Unauthorized
from studio.gate.doors import MOST_PICTURES
from studio.gate.identity import Identity, check_creates
from studio.jobs.job import Job
from studio.labels import labelled
from studio.recipe import Recipe
from studio.rights import check_held
from studio.studio import Studio

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
ABOUT = "Makes and changes pictures with diffusion models, and searches those that were made."
# The longer side of a picture as an agent sees it; the whole one is at its address.
SIDE = 768
Prompt = Annotated[str, Field(description="What the picture shows, in words; details help.")]
Negative = Annotated[str, Field(description="What to keep out of the picture; empty for nothing.")]
Model = Annotated[str | None, Field(description="A name from list_models (default: the studio's own).")]
Pixels = Annotated[int | None, Field(description="In pixels, a multiple of 8 (default: what the model does best).")]
Steps = Annotated[int | None, Field(description="More take longer and add detail (default: what the model does best).")]
Seed = Annotated[int | None, Field(description="The same seed gives the same picture (default: a random one).")]
Count = Annotated[int, Field(ge=1, le=8, description="How many pictures, each with the next seed.")]
Id = Annotated[str, Field(description="The id of a job.")]


class Agents:
    """The application behind the address of MCP; what it keeps between requests begins with the first."""

    def __init__(self, studio: Studio) -> None:
        self._manager = _manager(tools(studio))
        self._ready: asyncio.Event | None = None
        self._held: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._ready is None:
            self._ready = asyncio.Event()
            self._held = asyncio.create_task(self._hold(self._ready))
        await self._ready.wait()
        await self._manager.handle_request(scope, receive, send)

    async def _hold(self, ready: asyncio.Event) -> None:
        async with self._manager.run():
            ready.set()
            await asyncio.Event().wait()


def _manager(server: MCPServer) -> StreamableHTTPSessionManager:
    # The gate has looked at names, origins and accounts; each request stands for itself.
    lowlevel: Server[Any] = server._lowlevel_server  # noqa: SLF001 - the app around it wants a lifespan of its own
    trusted = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return StreamableHTTPSessionManager(
        lowlevel, json_response=True, stateless=True, security_settings=trusted, max_request_body_size=MOST_PICTURES
    )


def tools(studio: Studio) -> MCPServer:
    """The studio's verbs."""
    with _log_as_it_was():
        server = MCPServer("image-studio", title="Image Studio", instructions=ABOUT, version=__version__)
    _add_making(server, studio)
    _add_looking(server, studio)
    return server


def _add_making(server: MCPServer, studio: Studio) -> None:
    """What makes pictures."""

    @server.tool(structured_output=False)
    @_worded
    async def generate_image(
        context: Context[Any, Any],
        prompt: Prompt,
        negative_prompt: Negative = "",
        model: Model = None,
        width: Pixels = None,
        height: Pixels = None,
        steps: Steps = None,
        seed: Seed = None,
        count: Count = 1,
    ) -> list[Image | str]:
        """Make pictures from a description, wait for them, and show them with their seeds and addresses."""
        given = {"prompt": prompt, "negative_prompt": negative_prompt, "model": model, "seed": seed, "count": count}
        return await _made(studio, context, {**given, "width": width, "height": height, "steps": steps})

    @server.tool(structured_output=False)
    @_worded
    async def edit_image(
        context: Context[Any, Any],
        image: Annotated[
            str, Field(description="The picture as base64, as a data address, or its address on the web.")
        ],
        prompt: Prompt,
        strength: Annotated[
            float, Field(ge=0, le=1, description="0 returns the picture as it is, 1 repaints it completely.")
        ] = 0.6,
        negative_prompt: Negative = "",
        model: Model = None,
        seed: Seed = None,
    ) -> list[Image | str]:
        """Paint over a picture as a description says, wait for it, and show it."""
        check_creates(who := _who(context))
        studio.pace.check(who)
        stored = await run_in_threadpool(lambda: studio.inputs.add(decoded(image, "image"), who=who))
        given = {"prompt": prompt, "negative_prompt": negative_prompt, "model": model, "seed": seed}
        return await _made(studio, context, {**given, "init_image": stored.id, "strength": strength})


def _add_looking(server: MCPServer, studio: Studio) -> None:
    """What there is, and what becomes of it."""

    @server.tool()
    @_worded
    async def list_models(context: Context[Any, Any]) -> list[str]:
        """The models that a picture can be made with, the usual one first."""
        return await run_in_threadpool(own_names, studio, _who(context))

    @server.tool()
    @_worded
    async def search_pictures(
        context: Context[Any, Any],
        query: Annotated[str, Field(description="Words of the prompt, and filters such as star:yes or size:>512.")],
        count: Annotated[int, Field(ge=1, le=50)] = 10,
        order: Literal["newest", "oldest", "score"] = "newest",
    ) -> list[dict[str, Any]]:
        """Find pictures that were made here, with prompt, seed and model of each."""
        found = await run_in_threadpool(studio.index.search, query, _who(context), 0, count, order)
        facts = ("id", "name", "prompt", "seed", "models", "width", "height", "star")
        return [{name: getattr(entry, name) for name in facts} for entry in found.entries]

    @server.tool()
    @_worded
    async def list_jobs(context: Context[Any, Any]) -> list[dict[str, Any]]:
        """Your jobs, newest first: what waits, runs and is done."""
        jobs = await run_in_threadpool(studio.jobs_of, _who(context))
        return [{"id": job.id, "kind": job.kind, "state": job.state, "pictures": len(job.items)} for job in jobs]

    @server.tool()
    @_worded
    async def cancel_job(context: Context[Any, Any], job: Id) -> str:
        """Stop a job of yours; the pictures that are done stay."""
        await run_in_threadpool(studio.stop, job, _who(context))
        return "It stops at its next step."


@contextmanager
def _log_as_it_was() -> Iterator[None]:
    """Leave the program's log alone: the package sets it up for itself, and everything would be written."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _worded(act: Callable[Given, Awaitable[Answer]]) -> Callable[Given, Awaitable[Answer]]:
    """The same, whose errors an agent is told in the studio's words: it hears nothing of any other."""

    @wraps(act)
    async def worded(*given: Given.args, **more: Given.kwargs) -> Answer:
        try:
            return await act(*given, **more)
        except StudioError as error:
            raise ToolError(labelled(error)) from error

    return worded


async def _made(studio: Studio, context: Context[Any, Any], given: dict[str, Any]) -> list[Image | str]:
    """Pictures of these values, and what is told of them."""
    who, request = _who(context), _request(context)
    recipe = Recipe.make(**{name: value for name, value in given.items() if value is not None})
    check_held(studio.inputs, [recipe], who)
    job = await run_in_threadpool(studio.submit, recipe, who)
    try:
        async for _ in waiting.events(job):
            pass
    finally:
        await waiting.let_go(studio, job)
    waiting.check(job)
    return await run_in_threadpool(_shown, studio, job, request)


def _shown(studio: Studio, job: Job, request: Request) -> list[Image | str]:
    shown: list[Image | str] = []
    for image in job_views.facts(studio, job, request).images:
        if image.safety == "withheld" and image.fault:
            shown.append(" ".join(filter(None, (image.fault.message, image.fault.hint))))
            continue
        event = next(one for one in job.results if one.image == image.number)
        shown.append(Image(data=small(event.path, SIDE), format="jpeg"))
        verdict = f"{image.safety}, so it is blurred here; " if image.safety in ("flagged", "failed") else ""
        facts = f"Seed {image.recipe['seed']}, {image.width}x{image.height}, {verdict}the whole picture: {image.url}"
        shown.append(facts)
    return shown


def _request(context: Context[Any, Any]) -> Request:
    request = context.request_context.request
    if not isinstance(request, Request):
        raise InternalError(TypeError("a call without a request"))
    return request


def _who(context: Context[Any, Any]) -> Identity:
    """Whose agent asks, as the gate made out."""
    try:
        return identify(_request(context))
    except KeyError as error:
        raise Unauthorized("It is not known who asks.") from error
