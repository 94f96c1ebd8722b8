"""The application behind the page: Gradio's own, with the gate around all of it and our own routes before its own."""

import shutil
from collections import OrderedDict
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import anyio.to_thread
from anyio import Path as AsyncPath
from gradio.context import LocalContext
from gradio.data_classes import FileData
from gradio.route_utils import upload_fn
from gradio.routes import App, ORJSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.api.app import make
from studio.api.forms import coming_bytes
from studio.api.pictures import FOR_GOOD, REVALIDATED, file_answer
from studio.errors import InvalidRequest, MalformedRequest, NotFound, StudioError
from studio.gate.answers import refusal
from studio.gate.doors import MEGABYTE, dialect
from studio.gate.folders import KEY, Folders
from studio.gate.gate import PAYLOAD, Gate
from studio.gate.identity import Identity
from studio.library.thumbnails import SIDES, WHOLE
from studio.studio import UPLOADS, Studio
from studio.ui import theme, web
from studio.ui.compression import FOR_GOOD as KEPT
from studio.ui.compression import Beginning, Compression
from studio.ui.events import BadInput
from studio.ui.fast_gradio import gr
from studio.ui.library_zips import TYPES
from studio.ui.owner import identify
from studio.ui.requests import Requests

GONE = "There is nothing here for you: it is gone, or belongs to somebody else."
NOTHING = Beginning()
# Files of the cache that pages were given; the longest ago are forgotten.
MOST_GIVEN = 20_000


class PageApp(App):  # type: ignore[misc]
    """Gradio's application for one studio: nothing of it sees a request that the gate has not let in."""

    def __init__(self, studio: Studio, beginning: Beginning = NOTHING) -> None:
        """`beginning` is what comes with the page's document."""
        super().__init__(
            default_response_class=ORJSONResponse, middleware=[Middleware(Compression, beginning=beginning)]
        )
        self.studio = studio
        self.add_exception_handler(StudioError, _refuse)
        self._given: OrderedDict[tuple[str, str], None] = OrderedDict()
        for path, answer, method in (
            ("/studio/theme/{name:path}", self._theme, "GET"),
            ("/studio/web/{version}/{name:path}", self._module, "GET"),
            ("/studio/pictures/{token:path}", self._picture, "GET"),
            ("/studio/thumbnails/{side:int}/{digest}/{id}", self._thumbnail, "GET"),
            ("/studio/zips/{name}", self._zip, "GET"),
            ("/gradio_api/file={path:path}", self._cached, "GET"),
            ("/gradio_api/component_server", self._element, "POST"),
            ("/gradio_api/component_server/", self._element, "POST"),
            ("/gradio_api/upload", self._upload, "POST"),
        ):
            self.router.add_route(path, answer, [method, "HEAD"] if method == "GET" else [method])

    def build_middleware_stack(self) -> ASGIApp:
        """The whole stack, whatever Gradio adds to it, with the gate outermost."""
        inner = _Parted(Requests(super().build_middleware_stack(), self), make(self.studio))
        settings, accounts = self.studio.settings, self.studio.accounts
        return Gate(inner, settings, accounts if accounts.required(settings) else None)

    def give(self, result: Any, who: Identity) -> None:
        """Let who asked fetch the files of Gradio's cache that are in what a listener tells."""
        for path in _paths(result):
            self._given[path, who.owner] = None
            self._given.move_to_end((path, who.owner))
        while len(self._given) > MOST_GIVEN:
            self._given.popitem(last=False)

    async def _theme(self, request: Request) -> Response:
        path = await AsyncPath(theme.FOLDER / request.path_params["name"]).resolve()
        if not (path.is_relative_to(theme.FOLDER) and await path.is_file()):
            raise NotFound(GONE)
        return FileResponse(path, headers={"Cache-Control": "public, max-age=86400"})

    async def _module(self, request: Request) -> Response:
        """A script of the page; one of another version is none, so that what belongs together never mixes."""
        path = await run_in_threadpool(web.find, request.path_params["name"], request.path_params["version"])
        if path is None:
            raise NotFound(GONE)
        return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": KEPT})

    async def _picture(self, request: Request) -> Response:
        """A file of the studio, byte for byte, to whoever its address was made for."""
        path = await run_in_threadpool(self.studio.addresses.find, request.path_params["token"], identify(request))
        if path is None:
            raise NotFound(GONE)
        return file_answer(path)

    async def _thumbnail(self, request: Request) -> Response:
        """The small copy of a picture of the library, to whoever may see the picture; made where there is none yet."""
        side, who = request.path_params["side"], identify(request)
        if side not in (*SIDES, WHOLE):
            raise NotFound(GONE)
        path = await run_in_threadpool(self.studio.index.thumbnail, request.path_params["id"], who, side)
        return FileResponse(path, headers={"Cache-Control": FOR_GOOD})

    async def _zip(self, request: Request) -> Response:
        """Pictures that somebody chose, as one file, which is made while it is sent."""
        name, who = request.path_params["name"], identify(request)
        chosen = self.get_blocks().zips.chosen(name, who)
        if chosen is None:
            raise NotFound(GONE)
        self.studio.pace.check(who)
        blocks = await run_in_threadpool(chosen.blocks, self.studio, who)
        # A page of HTML is none of the studio's own.
        headers = {"Cache-Control": "no-store", "Content-Disposition": "attachment"}
        return StreamingResponse(blocks, media_type=TYPES[Path(name).suffix], headers=headers)

    async def _cached(self, request: Request) -> Response:
        """A file that Gradio made for a page, such as the mask editor's picture."""
        path = request.path_params["path"]
        if (path, identify(request).owner) not in self._given or not await AsyncPath(path).is_file():
            raise NotFound(GONE)
        answer = file_answer(Path(path))
        answer.headers["Cache-Control"] = REVALIDATED
        return answer

    async def _element(self, request: Request) -> Response:
        """Call a function that an element of the page was given."""
        payload, blocks = request.scope[PAYLOAD], self.get_blocks()
        act: Any = getattr(blocks.blocks.get(payload["component_id"]), payload["fn_name"], None)
        if not getattr(act, "is_served", False):
            raise NotFound("There is no such function.")
        try:
            result = await anyio.to_thread.run_sync(act, payload["data"], request, limiter=blocks.limiter)
        except BadInput as fault:
            raise InvalidRequest(fault.message) from fault
        folders: Folders | None = request.scope.get(KEY)  # which the gate puts there
        answer: Response = ORJSONResponse(folders.without(result) if folders else result)
        return answer

    async def _upload(self, request: Request) -> Response:
        """Take files into a folder of their own, which is removed again where they do not arrive whole."""
        folder = self.studio.settings.home / UPLOADS / token_urlsafe(18)
        most_bytes = self.studio.settings.max_upload_mb * MEGABYTE
        await run_in_threadpool(self.studio.room_on_disk, coming_bytes(request, self.studio))
        try:
            paths, _, _ = await upload_fn(request, folder, most_bytes, None, force_move=True)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, Exception) and not isinstance(error, StudioError):
                raise MalformedRequest("The files did not arrive whole.", "Send them again.") from error
            raise
        return JSONResponse([str(path) for path in paths])


class _Parted:
    """Gives each request to the application of its address: programs' languages to theirs, all else to the page's."""

    def __init__(self, page: ASGIApp, programs: ASGIApp) -> None:
        self._page = page
        self._programs = programs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_programs = scope["type"] == "http" and dialect(scope["path"])
        if is_programs:
            # A lent graphics card is used for whoever sent Gradio's request.
            LocalContext.request.set(gr.Request(Request(scope)))
        await (self._programs if is_programs else self._page)(scope, receive, send)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, StudioError)  # noqa: S101 - it is registered for those
    folders: Folders = request.scope[KEY]
    return refusal(folders.error(error))


def _paths(value: Any) -> list[str]:
    """The paths of all files in what a listener tells."""
    found: list[str] = []
    layer = [value]
    while layer:
        one = layer.pop()
        if isinstance(one, FileData):
            found.append(str(one.path))
        elif isinstance(one, dict):
            if one.get("meta", {}) == {"_type": "gradio.FileData"} and isinstance(one.get("path"), str):
                found.append(one["path"])
            layer += one.values()
        elif isinstance(one, list | tuple):
            layer += one
    return found
