"""The application behind the programs' addresses: each language's routes over one studio, and errors in its form."""

import asyncio
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from studio import __version__
from studio.api import a1111, accounts, hub_account, jobs, library, openai, operators, pictures
from studio.api.openai_schemas import EditRequest
from studio.errors import InternalError, InvalidRequest, MethodNotAllowed, NotFound, StudioError
from studio.gate.answers import refusal
from studio.gate.doors import dialect
from studio.gate.folders import KEY, Folders
from studio.parsing import fault_words
from studio.recipe import Recipe
from studio.studio import Studio

ABOUT = "Pictures by programs. Errors and permissions are described in docs/api.md and docs/security.md."
RECIPE = Recipe.__name__
REFERENCE = "#/components/schemas/{model}"
# What is published beside what routes take and answer: a form's values, and the recipe.
PUBLISHED: tuple[type[BaseModel], ...] = (EditRequest, Recipe)
# What nginx writes down of a client that left; nobody gets to see it.
CLIENT_LEFT = 499
# Where FastAPI says that a value came from.
SOURCES = ("body", "query", "path", "header")

log = logging.getLogger(__name__)


class ProgramsApp(FastAPI):
    """The application, with all schemas in what it tells of itself."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description, made once."""
        if not self.openapi_schema:
            found = get_openapi(title=self.title, version=self.version, description=ABOUT, routes=self.routes)
            kinds = [(kind, "validation") for kind in PUBLISHED]
            _, schemas = models_json_schema(kinds, ref_template=REFERENCE)  # type: ignore[arg-type]
            self.openapi_schema = _referred(found)
            self.openapi_schema["components"]["schemas"] |= schemas["$defs"]
        return self.openapi_schema


def make(studio: Studio) -> FastAPI:
    """The routes of all languages; they know from the gate who asks."""
    # No page for people: it would fetch its scripts from elsewhere.
    facts: dict[str, Any] = {"title": "Image Studio", "version": __version__, "openapi_url": "/api/openapi.json"}
    app = ProgramsApp(**facts, docs_url=None, redoc_url=None)
    if find_spec("mcp"):
        app.router.routes.append(Route("/mcp", _Agents(studio), methods=None))
    for language in (openai, a1111, jobs, library, pictures, accounts, hub_account, operators):
        app.include_router(language.router(studio))
    app.add_exception_handler(StudioError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_values)
    app.add_exception_handler(ValidationError, _refuse_values)
    app.add_exception_handler(HTTPException, _refuse_route)
    app.add_exception_handler(ClientDisconnect, _let_go)
    app.add_exception_handler(Exception, _break)
    return app


class _Agents:
    """The application for agents, made when the first one asks: its package, an extra, takes long to load."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._apps: list[ASGIApp] = []
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._making:
            if not self._apps:
                self._apps.append(await run_in_threadpool(_agents, self._studio))
        await self._apps[0](scope, receive, send)


def _agents(studio: Studio) -> ASGIApp:
    try:
        from studio.api.agents import Agents
    except ImportError as error:  # an earlier version, such as a Space brings
        raise NotFound("Agents are not served here.", "That takes the package mcp, 2.3 or later.") from error
    return Agents(studio)


def _referred(schema: Any) -> Any:
    """A schema in which recipes, whose fields are checked one by one, point to the schema of recipes."""
    if isinstance(schema, list):
        return [_referred(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("title") == RECIPE and "properties" not in schema:
        return {"$ref": REFERENCE.format(model=RECIPE)}
    return {name: _referred(value) for name, value in schema.items()}


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, StudioError)  # noqa: S101 - it is registered for those
    folders: Folders = request.scope[KEY]
    return refusal(folders.error(error), dialect(request.url.path))


async def _refuse_values(request: Request, error: Exception) -> Response:
    """What pydantic did not take, by its first fault."""
    assert isinstance(error, RequestValidationError | ValidationError)  # noqa: S101
    first = error.errors()[0]
    place = _place(first["loc"])
    fault = InvalidRequest(f"{place or 'What was sent'}: {fault_words(first)}.", field=place or None)
    return refusal(fault, dialect(request.url.path))


async def _refuse_route(request: Request, error: Exception) -> Response:
    wrong_method = isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status
    fault = MethodNotAllowed if wrong_method else NotFound
    return refusal(fault("There is nothing at this address."), dialect(request.url.path))


async def _let_go(_: Request, __: Exception) -> Response:
    """Whoever left before all was sent is answered nothing, and nothing broke."""
    return Response(status_code=CLIENT_LEFT)


async def _break(request: Request, error: Exception) -> Response:
    log.error("%s %s broke", request.method, request.url.path)
    return refusal(InternalError(error), dialect(request.url.path))


def _place(parts: Sequence[int | str]) -> str:
    inner = parts[1:] if parts and parts[0] in SOURCES else parts
    return ".".join(str(part)[:80] for part in inner)
