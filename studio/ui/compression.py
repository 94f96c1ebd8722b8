"""How the page travels: its document compressed, with what belongs to it announced; Gradio's scripts kept for good."""

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Their names hold a hash of what is in them.
HASHED = "/assets/"
FOR_GOOD = "public, max-age=31536000, immutable"
# Half a megabyte becomes a fifth in 10 ms; the utmost takes four times as long for a little less.
LEVEL = 4


class Compression:
    """Stands within Gradio's own compression, which leaves out what has no file's name and says nothing of caching."""

    def __init__(self, app: ASGIApp, begins: str) -> None:
        self._app = app
        self._begins = begins
        self._compressed = GZipMiddleware(app, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/":
            await self._compressed(scope, receive, _with(send, "Link", self._begins))
        else:
            await self._app(scope, receive, _with(send, "Cache-Control", FOR_GOOD) if path.startswith(HASHED) else send)


def _with(send: Send, name: str, value: str) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return marked
